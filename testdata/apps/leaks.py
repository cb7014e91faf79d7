"""Applications that use every part of the seam once a request, and a meter: any leak shows in its count."""

import gc
import io
import sys
import tempfile


def meter(environ, start_response):
    """The number of memory blocks that the interpreter has allocated."""
    gc.collect()
    start_response("200 OK", [])
    return [str(sys.getallocatedblocks()).encode()]


def plain(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Latin", "caf\xe9")])
    return [b"hello"]


def large(environ, start_response):
    start_response("200 OK", [])
    return [b"x" * 100_000]


def generator(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"first")
    for i in range(3):
        yield b"%d" % i


def reads(environ, start_response):
    content = environ["wsgi.input"]
    parts = [content.readline(), content.read(3), content.readline(2)]
    content.seek(0)
    parts.extend(content.readlines())
    content.seek(0)
    parts.extend(content)
    buffer = bytearray(4)
    content.seek(0)
    content.readinto(buffer)
    parts.append(bytes(buffer) + str(content.tell()).encode())
    start_response("200 OK", [])
    return parts


def logs(environ, start_response):
    errors = environ["wsgi.errors"]
    errors.write("one line\nand a bit")
    errors.writelines([" more\n", "rest"])
    print("\u20ac \ud800", file=errors, flush=True)
    start_response("200 OK", [])
    return (b"a", b"b")


def files(environ, start_response):
    handle = tempfile.TemporaryFile()
    handle.write(b"content")
    handle.seek(3)
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](handle)


def blocks(environ, start_response):
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"content" * 10), 8)


def raises(environ, start_response):
    raise ValueError("on purpose")


def raises_midway(environ, start_response):
    start_response("200 OK", [])
    yield b"begin"
    raise ValueError("on purpose")


def refused(environ, start_response):
    for arguments in (
        ("200", []), ("200 OK", ()), ("200 OK", [("a", "b", "c")]), ("200 OK", [("a", "\u20ac")]), (b"200 OK", []),
        ("200 OK", [("a", "b\r\n")]), ("200 OK", [], 1), ("200 OK",), ("200 OK", [], None, None),
    ):
        try:
            start_response(*arguments)
        except (AssertionError, TypeError, ValueError):
            pass
    start_response("200 OK", [("X-Many", "v" * 100)] * 50, exc_info=None)
    try:
        raise KeyError("replaced")
    except KeyError:
        start_response("500 Oops", [], sys.exc_info())
    assert environ["pyserve.client_disconnected"]() is False
    return [b"done"]


class Closing:
    def __iter__(self):
        yield b"item"

    def close(self):
        raise ValueError("on purpose, in close")


def closing(environ, start_response):
    start_response("200 OK", [])
    return Closing()


kept = []


def stale(environ, start_response):
    """Uses what the request before it left."""
    for use in kept:
        try:
            use()
        except (RuntimeError, ValueError):
            pass
    kept[:] = [environ["wsgi.input"].read, lambda write=start_response("200 OK", []): write(b"x"),
               lambda: start_response("200 OK", [])]
    environ["wsgi.errors"].write("a line that is never ended")
    return []
