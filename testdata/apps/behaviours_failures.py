"""The part of behaviours.py that fails, or whose client leaves."""

import builtins
import sys

from behaviours_support import Counted, declared, fail, note, start, write_ignoring

# ---- failures ----


def raise_before(environ, start_response):
    raise RuntimeError("before")


def raise_after_start(environ, start_response):
    start(start_response, ("X-Old", "1"), declared(100))
    raise RuntimeError("after start")


def then_raise(chunks, exception):
    yield from chunks
    raise exception


def raise_at_first(environ, start_response):
    start(start_response)
    return Counted("raise_at_first", then_raise([], RuntimeError("at first")))


def raise_after_empty(environ, start_response):
    start(start_response)
    return Counted("raise_after_empty", then_raise([b"", b""], RuntimeError("after empty")))


def raise_midway(environ, start_response):
    start(start_response)
    return Counted("raise_midway", then_raise([b"one"], RuntimeError("midway")))


def raise_midway_declared(environ, start_response):
    start(start_response, declared(6))
    return Counted("raise_midway_declared", then_raise([b"one"], RuntimeError("midway")))


def raise_after_write(environ, start_response):
    start(start_response)(b"one")
    raise RuntimeError("after write")


def raise_in_close(environ, start_response):
    start(start_response, declared(5))
    return Counted("raise_in_close", [b"hello"], lambda: fail(RuntimeError("in close")))


def raise_midway_and_in_close(environ, start_response):
    start(start_response)
    chunks = then_raise([b"one"], RuntimeError("midway"))
    return Counted("raise_midway_and_in_close", chunks, lambda: fail(RuntimeError("in close")))


def raise_in_iter(environ, start_response):
    class Broken(Counted):
        def __iter__(self):
            raise RuntimeError("in iter")

    start(start_response)
    return Broken("raise_in_iter", [b"one"])


def raise_in_len(environ, start_response):
    class Broken(Counted):
        def __len__(self):
            raise getattr(builtins, environ["QUERY_STRING"])("in len")

    start(start_response)
    return Broken("raise_in_len", [b"item"])


def raise_without_text(environ, start_response):
    raise LookupError


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def raise_unprintable(environ, start_response):
    raise Unprintable


def exits(environ, start_response):
    sys.exit(3)


def exits_midway(environ, start_response):
    start(start_response)
    return Counted("exits_midway", then_raise([b"one"], SystemExit(3)))


def interrupts(environ, start_response):
    raise KeyboardInterrupt


def generator_exit(environ, start_response):
    raise GeneratorExit


def generator_exit_midway(environ, start_response):
    start(start_response)
    return Counted("generator_exit_midway", then_raise([b"one"], GeneratorExit()))


def exits_in_close(environ, start_response):
    start(start_response, declared(5))
    return Counted("exits_in_close", [b"hello"], lambda: sys.exit(3))


def write_in_close(environ, start_response):
    write = start(start_response)
    return Counted("write_in_close", [b"one"], lambda: write(b"more"))


def write_in_close_after_failure(environ, start_response):
    write = start(start_response)
    chunks = then_raise([b"one"], RuntimeError("midway"))
    return Counted("write_in_close_after_failure", chunks, lambda: write(b"more"))


def start_in_close(environ, start_response):
    return Counted("start_in_close", [], lambda: start(start_response))


# ---- the client leaves ----


def gone_writer(environ, start_response):
    write = start(start_response)
    write(b"one")
    try:
        write(b"two")
    except OSError as e:
        note("gone_writer", type(e).__name__)
        raise
    return [b"never"]


def gone_ignored(environ, start_response):
    write = start(start_response)
    for data in b"one", b"two", b"three":
        write_ignoring("gone_ignored", write, data)
    return Counted("gone_ignored", [b"rest"])


def gone_iterable(environ, start_response):
    def chunks():
        for number, chunk in enumerate([b"one", b"two", b"three"], 1):
            note("gone_iterable", str(number))
            yield chunk

    start(start_response)
    return Counted("gone_iterable", chunks())


def gone_raises(environ, start_response):
    write = start(start_response)
    write(b"one")
    try:
        write(b"two")
    except OSError:
        raise RuntimeError("cleaning up failed") from None
    return [b"never"]


def gone_asks(environ, start_response):
    gone = environ["pyserve.client_disconnected"]

    def chunks():
        note("gone_asks", str(gone()))
        yield b"one"
        note("gone_asks", str(gone()))

    start(start_response)
    return Counted("gone_asks", chunks())
