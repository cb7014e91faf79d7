"""The applications of package gatewaytest's list of behaviours: one callable for each name in it.

`counters` tells how often close() was called, and what the applications noted, since the process began.
"""

import collections
import itertools
import json
import sys

from behaviours_failures import *  # noqa: F403: the other applications
from behaviours_io import *  # noqa: F403
from behaviours_support import CLOSED, FILES, LOCK, PLAIN, SEEN, Counted, Sized, count_close, declared, note, start


def counters(environ, start_response):
    start(start_response)
    with LOCK:
        closed = dict(CLOSED)
        for name, file in FILES:
            closed[name] = closed.get(name, 0) + int(file.closed)
        return [json.dumps({"closed": closed, "seen": SEEN}).encode("ascii")]


# ---- what an application may return ----


def list_of_one(environ, start_response):
    start(start_response)
    return [b"hello"]


def tuple_of_one(environ, start_response):
    start(start_response)
    return (b"hello",)


def sized(environ, start_response):
    start(start_response)
    return Sized("sized", [b"hello"])


def list_of_several(environ, start_response):
    start(start_response)
    return [b"one", b"two", b"three"]


def empty_list(environ, start_response):
    start(start_response)
    return []


def list_of_nothing(environ, start_response):
    start(start_response)
    return [b""]


def empty_iterable(environ, start_response):
    start(start_response)
    return Counted("empty_iterable", [])


def iterable(environ, start_response):
    start(start_response)
    return Counted("iterable", [b"one", b"two", b"three"])


def generator_function(environ, start_response):
    try:
        yield b""
        start(start_response)
        yield b"one"
        yield b"two"
    finally:
        count_close("generator_function")


class ClassWithIter:
    def __init__(self, environ, start_response):
        self.start_response = start_response

    def __iter__(self):
        start(self.start_response)
        yield b"one"
        yield b"two"

    def close(self):
        count_close("ClassWithIter")


def replaced_after_empty(environ, start_response):
    start(start_response, ("X-Old", "1"))

    def chunks():
        yield b""
        yield b""
        try:
            raise KeyError("lost")
        except KeyError:
            start_response("503 Replaced", [], sys.exc_info())
        yield b"replacement"

    return Counted("replaced_after_empty", chunks())


def empty_between(environ, start_response):
    start(start_response)
    return Counted("empty_between", [b"", b"", b"one", b"", b"two", b""])


def long_chunk(environ, start_response):
    start(start_response)
    return [bytes(1 << 17)]


def all_bytes(environ, start_response):
    start(start_response)
    return [bytes(range(256))]


def write_only(environ, start_response):
    write = start(start_response)
    write(b"one")
    write(b"two")
    return []


def write_then_list(environ, start_response):
    start(start_response)(b"one")
    return [b"two"]


def write_nothing(environ, start_response):
    start(start_response)(b"")
    return [b"hello"]


def write_between(environ, start_response):
    write = start(start_response)

    def chunks():
        yield b"one"
        write(b"two")
        yield b"three"

    return Counted("write_between", chunks())


# ---- declared lengths ----


def declared_list(environ, start_response):
    start(start_response, declared(environ["QUERY_STRING"]))
    return [b"he", b"llo"]


def declared_iterable(environ, start_response):
    start(start_response, declared(environ["QUERY_STRING"]))
    return Counted("declared_iterable", [b"he", b"llo"])


def declared_write(environ, start_response):
    write = start(start_response, declared(environ["QUERY_STRING"]))
    write(b"he")
    write(b"llo")
    return []


def declared_nothing(environ, start_response):
    start(start_response, declared(environ["QUERY_STRING"]))
    return []


def endless(environ, start_response):
    start(start_response, declared(environ["QUERY_STRING"]))
    return Counted("endless", itertools.cycle([b"one", b"two"]))


def endless_nothing(environ, start_response):
    start(start_response)
    return Counted("endless_nothing", itertools.repeat(b""))


def writes_nothing_for_ever(environ, start_response):
    """In C code: no Python code runs."""
    collections.deque(map(start(start_response), itertools.repeat(b"")), 0)


def sized_and_declared(environ, start_response):
    start(start_response, declared(7))
    return Sized("sized_and_declared", [b"hello"])


def wrongly_sized(environ, start_response):
    start(start_response)
    return Sized("wrongly_sized", [b"one", b"two"])


# ---- start_response ----


def start_twice(environ, start_response):
    start(start_response)
    start(start_response)
    return [b"hello"]


def start_twice_caught(environ, start_response):
    start(start_response)
    try:
        start_response("404 Not Found", [("X-Second", "1")])
    except AssertionError as e:
        note("start_twice_caught", type(e).__name__)
    return [b"hello"]


def exc_info_replaces(environ, start_response):
    start(start_response, ("X-Old", "1"), declared(3), ("Connection", "close"))
    return exc_info_first(environ, start_response)


def exc_info_first(environ, start_response):
    try:
        raise KeyError("lost")
    except KeyError:
        start_response("500 Replaced", [("X-New", "2")], sys.exc_info())
    return [b"replacement"]


def exc_info_none(environ, start_response):
    start_response("200 OK", PLAIN, None)
    start_response("200 OK", PLAIN, None)
    return [b"hello"]


def start_again_with_exc_info(start_response):
    try:
        raise KeyError("lost")
    except KeyError:
        start_response("500 Replaced", [("X-New", "2")], sys.exc_info())


def exc_info_after(environ, start_response):
    start(start_response)

    def chunks():
        yield b"partial"
        start_again_with_exc_info(start_response)
        yield b"never"

    return Counted("exc_info_after", chunks())


def exc_info_swallowed(environ, start_response):
    start(start_response)

    def chunks():
        yield b"partial"
        try:
            start_again_with_exc_info(start_response)
        except KeyError as e:
            note("exc_info_swallowed", type(e).__name__)
        yield b"never"

    return Counted("exc_info_swallowed", chunks())


def exc_info_swallowed_at_end(environ, start_response):
    start(start_response)(b"partial")
    try:
        start_again_with_exc_info(start_response)
    except KeyError as e:
        note("exc_info_swallowed_at_end", type(e).__name__)
    return []


def exc_info_after_write(environ, start_response):
    start(start_response)(b"partial")
    start_again_with_exc_info(start_response)
    return [b"never"]


def start_again(environ, start_response):
    try:
        start_response("Fine", PLAIN)
    except ValueError as e:
        note("start_again", type(e).__name__)
    start(start_response)
    return [b"hello"]


def start_keywords(environ, start_response):
    start_response(status="200 OK", headers=PLAIN, exc_info=None)
    return [b"hello"]


def never_started(environ, start_response):
    return [b"hello"]


def never_started_empty(environ, start_response):
    return []


def headers_changed_later(environ, start_response):
    headers = list(PLAIN)
    start_response("200 OK", headers)
    headers[:] = [("X-Later", "1"), ("X-Later", "2")]
    return [b"hello"]


def answer(environ, start_response):
    wanted = json.loads(environ["wsgi.input"].read())
    start_response(wanted["status"], [tuple(header) for header in wanted["headers"]])
    return [b"ok"]


# ---- types ----

EXC_INFO = (KeyError, KeyError("lost"), None)

START_ARGUMENTS = {
    "status_bytes": (b"200 OK", PLAIN),
    "status_int": (200, PLAIN),
    "status_none": (None, PLAIN),
    "headers_tuple": ("200 OK", tuple(PLAIN)),
    "headers_dict": ("200 OK", dict(PLAIN)),
    "headers_none": ("200 OK", None),
    "header_list": ("200 OK", [["X-Y", "1"]]),
    "header_of_three": ("200 OK", [("X-Y", "1", "2")]),
    "header_str": ("200 OK", ["X-Y: 1"]),
    "name_bytes": ("200 OK", [(b"X-Y", "1")]),
    "name_snowman": ("200 OK", [("X-\u2603", "1")]),
    "value_bytes": ("200 OK", [("X-Y", b"1")]),
    "value_int": ("200 OK", [("X-Y", 1)]),
    "value_none": ("200 OK", [("X-Y", None)]),
    "value_snowman": ("200 OK", [("X-Y", "\u2603")]),
    "exc_info_true": ("200 OK", PLAIN, True),
    "exc_info_of_two": ("200 OK", PLAIN, EXC_INFO[:2]),
    "no_headers": ("200 OK",),
    "four_arguments": ("200 OK", PLAIN, EXC_INFO, None),
}

WRITE_ARGUMENTS = {
    "write_str": ("text",),
    "write_bytearray": (bytearray(b"bytes"),),
    "write_none": (None,),
    "write_two": (b"one", b"two"),
}

RETURNED = {
    "returns_none": lambda: None,
    "returns_str": lambda: "text",
    "returns_bytes": lambda: b"bytes",
    "returns_int": lambda: 200,
    "yields_str": lambda: iter(["text"]),
    "yields_none": lambda: iter([None]),
    "yields_bytearray": lambda: iter([bytearray(b"bytes")]),
    "list_of_str": lambda: ["text"],
    "list_of_many_str": lambda: ["text", "more"],
}


def types(environ, start_response):
    case = environ["QUERY_STRING"]
    if case in START_ARGUMENTS:
        start_response(*START_ARGUMENTS[case])
    elif case == "unknown_keyword":
        start_response("200 OK", PLAIN, reason="because")
    elif case in WRITE_ARGUMENTS:
        start(start_response)(*WRITE_ARGUMENTS[case])
    else:
        start(start_response)
        return RETURNED[case]()
    return [b"hello"]


def yields_str_later(environ, start_response):
    start(start_response)
    return Counted("yields_str_later", [b"one", "two"])


def subclasses(environ, start_response):
    class Str(str):
        pass

    class Bytes(bytes):
        pass

    class List(list):
        pass

    class Tuple(tuple):
        pass

    start_response(Str("200 OK"), List([Tuple((Str("Content-Type"), Str("text/plain")))]))
    return List([Bytes(b"hello")])
