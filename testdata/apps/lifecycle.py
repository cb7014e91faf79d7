"""Counts what became of each response: opened, closed, and whether on one and the same thread.

/counters answers JSON, a record for each name. Every other path opens one response of that kind; PEP
3333 asks that close() be called exactly once in each case, also when the client went away.
"""

import tempfile
import threading

from apps.dispatch import answer_json, by_path, collect, query

COUNTERS = {}
LOCK = threading.Lock()
VIEWS = {}
view = collect(VIEWS)


class Response:
    """An iterable whose chunks come from a generator, and whose fate is counted."""

    def __init__(self, name, chunks):
        self.record = counter(name)
        self.chunks = iter(chunks)
        self.thread = threading.get_ident()
        with LOCK:
            self.record["opened"] += 1

    def __iter__(self):
        return self

    def __next__(self):
        self.check_thread()
        return next(self.chunks)

    def check_thread(self):
        if threading.get_ident() != self.thread:
            self.record["same_thread"] = False

    def close(self):
        self.check_thread()
        with LOCK:
            self.record["closed"] += 1


class FailingClose(Response):
    def close(self):
        super().close()
        raise RuntimeError("close() failed")


def counter(name):
    with LOCK:
        empty = {"opened": 0, "closed": 0, "finalized": 0, "same_thread": True}
        return COUNTERS.setdefault(name, empty)


def start(start_response, *headers):
    return start_response("200 OK", [("Content-Type", "text/plain")] + list(headers))


@view
def whole(environ, start_response):
    start(start_response)
    return Response("whole", [b"one\n", b"two\n"])


@view
def empty(environ, start_response):
    start(start_response)
    return Response("empty", [])


@view
def no_content(environ, start_response):
    start_response("204 No Content", [])
    return Response("no_content", [b"not to be seen"])


@view
def not_started(environ, start_response):
    return Response("not_started", [b"never\n"])


@view
def raises_first(environ, start_response):
    def chunks():
        raise ValueError("before the first chunk")
        yield

    start(start_response)
    return Response("raises_first", chunks())


@view
def raises_midway(environ, start_response):
    def chunks():
        yield b"first\n"
        raise ValueError("after the first chunk")

    start(start_response)
    return Response("raises_midway", chunks())


@view
def exits_midway(environ, start_response):
    def chunks():
        yield b"first\n"
        raise SystemExit(3)

    start(start_response)
    return Response("exits_midway", chunks())


@view
def wrong_type(environ, start_response):
    start(start_response)
    return Response("wrong_type", ["text"])


@view
def too_long(environ, start_response):
    start(start_response, ("Content-Length", "4"))
    return Response("too_long", [b"01", b"2345", b"6789"])


@view
def too_short(environ, start_response):
    start(start_response, ("Content-Length", "40"))
    return Response("too_short", [b"0123"])


@view
def failing_close(environ, start_response):
    start(start_response, ("Content-Length", "4"))
    return FailingClose("failing_close", [b"0123"])


@view
def endless(environ, start_response):
    """Goes on until nobody listens: the server has to notice that the client has gone."""

    def chunks():
        while True:
            yield b"x" * 65536

    start(start_response)
    return Response("endless", chunks())


@view
def generator(environ, start_response):
    """A generator's close() raises GeneratorExit at its yield, so its finally runs."""
    record = counter("generator")
    with LOCK:
        record["opened"] += 1

    def chunks():
        try:
            yield b"one\n"
            while query(environ, "endless"):
                yield b"x" * 65536
        finally:
            with LOCK:
                record["closed"] += 1
                record["finalized"] += 1

    start(start_response)
    return chunks()


class CountedFile:
    """A real file, as far as sendfile can tell, that counts its close()."""

    def __init__(self, name, size):
        self.record = counter(name)
        self.file = tempfile.TemporaryFile()
        self.file.write(b"f" * size)
        self.file.seek(0)
        with LOCK:
            self.record["opened"] += 1

    def __getattr__(self, name):
        return getattr(self.file, name)

    def close(self):
        self.file.close()
        with LOCK:
            self.record["closed"] += 1


@view
def file(environ, start_response):
    start(start_response)
    counted = CountedFile("file", int(query(environ, "size", "100000")))
    return environ["wsgi.file_wrapper"](counted)


@view
def wait(environ, start_response):
    """Answers once somebody has opened the named pipe ?fifo for writing and closed it again."""
    with open(query(environ, "fifo"), "rb") as fifo:
        told = fifo.read()
    start(start_response)
    return Response("wait", [b"waited for ", told])


@view
def counters(environ, start_response):
    with LOCK:
        return answer_json(start_response, COUNTERS)


app = by_path(VIEWS)
