"""An application whose responses a test of the counters asks for by the path: /status/404, /raises, /breaks, ..."""

import time

from apps.dispatch import by_path, collect, query, text

VIEWS = {}
view = collect(VIEWS)


@view
def status(environ, start_response):
    """A response with the status ?is=."""
    start_response(query(environ, "is") + " Status", [("Content-Length", "0")])
    return []


@view
def echo(environ, start_response):
    return text(start_response, environ["wsgi.input"].read().decode("latin-1"))


@view
def raises(environ, start_response):
    raise RuntimeError("it fails")


@view
def breaks(environ, start_response):
    """An answer that is cut short."""
    start_response("200 OK", [("Content-Length", "10")])
    yield b"half"
    raise RuntimeError("it breaks off")


@view
def large(environ, start_response):
    start_response("200 OK", [("Content-Length", str(32 << 20))])
    return [bytes(1 << 20)] * 32


@view
def sleeps(environ, start_response):
    """Longer than any time-out of the test."""
    for _ in range(600):
        time.sleep(0.1)


@view
def computes(environ, start_response):
    """Keeps the GIL for ?seconds=, but for what CPython gives away by itself."""
    end = time.monotonic() + float(query(environ, "seconds"))
    while time.monotonic() < end:
        pass
    return text(start_response, "done")


app = by_path(VIEWS)
