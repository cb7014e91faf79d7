"""Applications that break the rules of PEP 3333, or come close. None may take the server with it.

Unless a docstring says otherwise the client must see a 500 and none of the application's bytes. The
paths under /status/N and /headers/N go through the lists BAD_STATUSES and BAD_HEADERS.
"""

import sys

from apps.dispatch import by_path, collect, text

VIEWS = {}
view = collect(VIEWS)
KEPT = {}

BAD_STATUSES = {
    "no_number": "OK",
    "letters": "abc Bad",
    "two_digits": "20 OK",
    "four_digits": "2000 OK",
    "no_space": "200OK",
    "empty": "",
    "line_feed": "200 OK\nX-Smuggled: 1",
    "carriage_return": "200 OK\r\nX-Smuggled: 1",
    "nul": "200 O\0K",
    "snowman": "200 \u2603",
    "bytes": b"200 OK",
    "number": 200,
    "none": None,
    "continue": "100 Continue",
    "switching": "101 Switching Protocols",
    "early_hints": "103 Early Hints",
    "zero": "000 Nothing",
}

BAD_HEADERS = {
    "space_in_name": [("X Y", "1")],
    "colon_in_name": [("X:Y", "1")],
    "space_after_name": [("X-Y ", "1")],
    "empty_name": [("", "1")],
    "line_feed_in_name": [("X\nX-Smuggled", "1")],
    "line_feed_in_value": [("X-Y", "1\nX-Smuggled: 1")],
    "crlf_in_value": [("X-Y", "1\r\nX-Smuggled: 1")],
    "folded_value": [("X-Y", "1\r\n folded")],
    "carriage_return_in_value": [("X-Y", "1\r2")],
    "nul_in_value": [("X-Y", "1\0002")],
    "control_in_value": [("X-Y", "1\x072")],
    "snowman_in_value": [("X-Y", "\u2603")],
    "snowman_in_name": [("X-\u2603", "1")],
    "latin_in_name": [("X-\xe9", "1")],
    "bytes_name": [(b"X-Y", "1")],
    "bytes_value": [("X-Y", b"1")],
    "number_value": [("X-Y", 1)],
    "none_value": [("X-Y", None)],
    "three_elements": [("X-Y", "1", "2")],
    "one_element": [("X-Y",)],
    "not_pairs": ["X-Y: 1"],
    "dict": {"X-Y": "1"},
    "none": None,
    "text_length": [("Content-Length", "many")],
    "negative_length": [("Content-Length", "-1")],
    "signed_length": [("Content-Length", "+4")],
    "list_length": [("Content-Length", "4, 4")],
    "empty_length": [("Content-Length", "")],
    "two_lengths": [("Content-Length", "4"), ("Content-Length", "5")],
    "same_length_twice": [("Content-Length", "4"), ("content-length", "4")],
}


def bad_status(status):
    def app(environ, start_response):
        start_response(status, [("Content-Type", "text/plain")])
        return [b"seen"]

    return app


def bad_headers(headers):
    def app(environ, start_response):
        start_response("200 OK", headers)
        return [b"seen"]

    return app


def start(start_response, *headers):
    return start_response("200 OK", [("Content-Type", "text/plain")] + list(headers))


# Exceptions: before anything, after start_response, midway, and those that are no Exception.

RAISED = [
    ValueError,
    SystemExit,
    KeyboardInterrupt,
    GeneratorExit,
    StopIteration,
    MemoryError,
    RecursionError,
]


def raising(kind):
    def before(environ, start_response):
        raise kind("a secret detail")

    def started(environ, start_response):
        start(start_response)
        raise kind("a secret detail")

    def midway(environ, start_response):
        """The first chunk, then an end that is visibly not the end (but for StopIteration, which is one)."""
        start(start_response)
        return Midway(kind)

    return by_path({"before": before, "started": started, "midway": midway})


class Midway:
    """Yields one chunk, then raises. A generator would turn StopIteration into something else."""

    def __init__(self, kind):
        self.kind = kind
        self.begun = False

    def __iter__(self):
        return self

    def __next__(self):
        if self.begun:
            raise self.kind("a secret detail")
        self.begun = True
        return b"first\n"


@view
def unprintable(environ, start_response):
    """Its exception cannot even be shown."""

    class Unprintable(Exception):
        def __str__(self):
            raise ValueError("no")

        __repr__ = __str__

    raise Unprintable()


# Bodies that are no bytes, or none at all.


@view
def str_chunk(environ, start_response):
    start(start_response)
    return ["text"]


@view
def str_body(environ, start_response):
    start(start_response)
    return "text"


@view
def bytes_body(environ, start_response):
    """bytes is an iterable, of numbers."""
    start(start_response)
    return b"text"


@view
def none_chunk(environ, start_response):
    start(start_response)
    return [None]


@view
def none_body(environ, start_response):
    start(start_response)
    return None


@view
def number_body(environ, start_response):
    start(start_response)
    return 42


@view
def str_midway(environ, start_response):
    """The first chunk, then an end that is visibly not the end."""
    start(start_response)
    return [b"first\n", "text"]


@view
def str_to_write(environ, start_response):
    start(start_response)("text")
    return []


@view
def never_started(environ, start_response):
    return [b"seen"]


@view
def never_started_empty(environ, start_response):
    return []


# Lengths.


@view
def too_long(environ, start_response):
    """200 and the first five bytes."""
    start(start_response, ("Content-Length", "5"))
    return [b"012", b"345", b"678"]


@view
def too_long_at_once(environ, start_response):
    """200 and the first five bytes."""
    start(start_response, ("Content-Length", "5"))
    return [b"0123456789"]


@view
def too_long_by_write(environ, start_response):
    """200 and the first five bytes."""
    start(start_response, ("Content-Length", "5"))(b"0123456789")
    return []


@view
def too_short(environ, start_response):
    """200 and four bytes of twenty, then the connection closes."""
    start(start_response, ("Content-Length", "20"))
    return [b"0123"]


@view
def nothing_of_length(environ, start_response):
    """Twenty bytes announced, none sent: a 500 or a connection closed early, never a whole response."""
    start(start_response, ("Content-Length", "20"))
    return []


# start_response called again.


@view
def start_twice(environ, start_response):
    start(start_response)
    start(start_response)
    return [b"seen"]


@view
def start_again_with_error(environ, start_response):
    """The second call replaces status and all headers: 503, and no X-First."""
    start(start_response, ("X-First", "1"), ("Content-Length", "99"))
    try:
        raise ValueError("handled")
    except ValueError:
        start_response("503 Handled", [("X-Second", "2"), ("Content-Length", "7")], sys.exc_info())
    return [b"handled"]


@view
def start_with_error_only(environ, start_response):
    """The only call may carry exc_info: 503."""
    try:
        raise ValueError("handled")
    except ValueError:
        start_response("503 Handled", [("Content-Length", "7")], sys.exc_info())
    return [b"handled"]


@view
def start_after_headers(environ, start_response):
    """The first chunk; then start_response raises what it was given, and the connection is aborted."""
    start(start_response)
    yield b"first\n"
    try:
        raise ValueError("too late")
    except ValueError:
        start_response("503 Late", [], sys.exc_info())
    yield b"seen"


@view
def start_without_arguments(environ, start_response):
    start_response()
    return [b"seen"]


@view
def start_with_bad_error(environ, start_response):
    start_response("200 OK", [], "no exc_info")
    return [b"seen"]


# What belongs to a request that has ended.


@view
def keep(environ, start_response):
    """200. What it keeps is used by the views below."""
    KEPT.update(start_response=start_response, input=environ["wsgi.input"])
    KEPT["write"] = start(start_response, ("Content-Length", "5"))
    return [b"kept\n"]


def using(action):
    """200 with the name of the exception that using a kept object raised."""

    def app(environ, start_response):
        try:
            action()
        except BaseException as error:
            return text(start_response, "%s\n" % type(error).__name__)
        return text(start_response, "nothing raised\n")

    return app


VIEWS["kept"] = by_path(
    {
        "write": using(lambda: KEPT["write"](b"of another request")),
        "start_response": using(lambda: KEPT["start_response"]("200 OK", [])),
        "input": using(lambda: KEPT["input"].read()),
    }
)


# Headers that are the server's affair, and statuses without content.


@view
def hop_by_hop(environ, start_response):
    """200, without those fields: RFC 9110, section 7.6.1."""
    start(
        start_response,
        ("Keep-Alive", "timeout=5"),
        ("Transfer-Encoding", "chunked"),
        ("TE", "trailers"),
        ("Trailer", "X-Sum"),
        ("Upgrade", "h2c"),
        ("X-Kept", "1"),
        ("Connection", "keep-alive"),
    )
    return [b"body\n"]


@view
def connection_close(environ, start_response):
    """200, and the connection ends with the response."""
    start(start_response, ("Connection", "close"))
    return [b"body\n"]


@view
def content_with_204(environ, start_response):
    """204 without content."""
    start_response("204 No Content", [("Content-Type", "text/plain")])
    return [b"not to be seen"]


@view
def content_with_304(environ, start_response):
    """304 without content."""
    start_response("304 Not Modified", [("ETag", '"1"')])
    return [b"not to be seen"]


@view
def own_date_and_server(environ, start_response):
    """200 with its own Date and Server, each once."""
    start(start_response, ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"), ("server", "mine/1.0"))
    return [b"body\n"]


@view
def fine(environ, start_response):
    """200: shows that the server is still there."""
    return text(start_response, "fine\n")


VIEWS["status"] = by_path({name: bad_status(value) for name, value in BAD_STATUSES.items()})
VIEWS["headers"] = by_path({name: bad_headers(value) for name, value in BAD_HEADERS.items()})
VIEWS["raise"] = by_path({kind.__name__: raising(kind) for kind in RAISED})

app = by_path(VIEWS)
