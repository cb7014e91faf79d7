"""The part of behaviours.py about files, wsgi.input and wsgi.errors, and the end of the request."""

import io
import tempfile
from urllib.parse import parse_qs

from behaviours_support import FILES, LOCK, PLAIN, count_close, declared, start, write_ignoring

# ---- files ----


def ten_digits(name, environ, offset=0):
    """A wsgi.file_wrapper around a file that is kept, so that its being closed can be counted."""
    f = tempfile.TemporaryFile()
    f.write(b"0123456789")
    f.seek(offset)
    with LOCK:
        FILES.append((name, f))
    return environ["wsgi.file_wrapper"](f)


def file(environ, start_response):
    wanted = {key: values[0] for key, values in parse_qs(environ["QUERY_STRING"]).items()}
    headers = [declared(wanted["length"])] if "length" in wanted else []
    status = wanted["status"] + " Status" if "status" in wanted else "200 OK"
    start_response(status, PLAIN + headers)
    return ten_digits("file", environ, int(wanted.get("offset", 0)))


def file_not_started(environ, start_response):
    return ten_digits("file_not_started", environ)


def file_after_write(environ, start_response):
    start(start_response)(b"> ")
    return ten_digits("file_after_write", environ)


def file_after_ignored_write(environ, start_response):
    write_ignoring("file_after_ignored_write", start(start_response), b"> ")
    return ten_digits("file_after_ignored_write", environ)


def file_like(environ, start_response):
    class Memory(io.BytesIO):
        def close(self):
            if not self.closed:
                count_close("file_like")
            super().close()

    start(start_response)
    return environ["wsgi.file_wrapper"](Memory(b"0123456789"), 3)


def file_like_without_close(environ, start_response):
    class Reader:
        def __init__(self):
            self.memory = io.BytesIO(b"0123456789")

        def read(self, size):
            return self.memory.read(size)

    start(start_response)
    return environ["wsgi.file_wrapper"](Reader())


def file_in_middleware(environ, start_response):
    class Middleware:
        def __init__(self, inner):
            self.inner, self.close = inner, inner.close

        def __iter__(self):
            return iter(self.inner)

    start(start_response)
    return Middleware(ten_digits("file_in_middleware", environ))


# ---- wsgi.input ----


def shown(result):
    if isinstance(result, list):
        return b"/".join(result)
    return result if isinstance(result, bytes) else str(result).encode("ascii")


def readinto(method, size):
    buffer = bytearray(size)
    return bytes(buffer[:method(buffer)])


def text(stream):
    with io.TextIOWrapper(stream, "utf-8", newline="") as wrapper:
        return wrapper.read().encode()


def opened(stream):
    stream.seek(0)
    with stream as same:
        return same.read()


def buffered(stream):
    stream.seek(0)
    with io.BufferedReader(stream) as wrapper:
        return wrapper.readline()


WRAPPED = {"text": text, "with": opened, "buffered": buffered, "iobase": lambda stream: isinstance(stream, io.BufferedIOBase)}


def operate(stream, operation):
    name, *arguments = operation.split(":")
    arguments = [None if a == "None" else int(a) if a.lstrip("-").isdigit() else a for a in arguments]
    try:
        if name == "iter":
            return list(stream)
        if name == "next":
            return next(stream, b"")
        if name in ("readinto", "readinto1"):
            return readinto(getattr(stream, name), *arguments)
        if name in WRAPPED:
            return WRAPPED[name](stream)
        if name == "closed":
            return stream.closed
        return getattr(stream, name)(*arguments)
    except (OSError, ValueError, TypeError) as e:
        return type(e).__name__


def input(environ, start_response):
    operations = environ["QUERY_STRING"].split(",")
    results = [shown(operate(environ["wsgi.input"], operation)) for operation in operations]
    start(start_response)
    return [b"|".join(results)]


def reads(environ, start_response):
    content = environ["wsgi.input"].read()
    start(start_response)
    return [content]


# ---- after the end ----

KEPT = []


def attempt(name, function, *arguments):
    try:
        result = function(*arguments)
    except Exception as e:
        result = type(e).__name__
    return ("%s %s" % (name, result)).encode("ascii")


def after_the_end(environ, start_response):
    """The first request keeps all it has; the second tries to use it."""
    write = start(start_response)
    if not KEPT:
        KEPT.extend([environ, start_response, write])
        return [b"kept"]
    old, old_start_response, old_write = KEPT
    KEPT.clear()
    return [b"|".join([
        attempt("write", old_write, b"smuggled"),
        attempt("start_response", old_start_response, "404 Smuggled", []),
        attempt("read", old["wsgi.input"].read),
        attempt("readline", old["wsgi.input"].readline),
        attempt("seek", old["wsgi.input"].seek, 0),
        attempt("client_disconnected", old["pyserve.client_disconnected"]),
        attempt("errors", old["wsgi.errors"].flush),
    ])]


def errors(environ, start_response):
    log = environ["wsgi.errors"]
    log.write("one\ntw")
    log.write("o\n")
    log.writelines(["three\n"])
    print("four", file=log)
    log.flush()
    log.write("\nsn\u2603w\n")
    log.write("five")
    start(start_response)
    return [b"hello"]


def errors_then_raise(environ, start_response):
    environ["wsgi.errors"].write("last")
    raise RuntimeError("failed")
