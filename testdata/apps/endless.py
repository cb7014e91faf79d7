"""Applications whose C code runs on and on, and others of which no Python code can be seen to run."""

import collections
import decimal
import functools
import io
import itertools
import os
import threading
import time

decimal.getcontext().prec = 6

begun, closed = threading.Event(), threading.Event()


class Waiting:
    """Yields nothing, ten times a second, until somebody closes it."""

    def __init__(self, turns):
        self.turns = turns

    def __iter__(self):
        for _ in range(self.turns):
            begun.set()
            time.sleep(0.1)
            yield b""
        yield b"content"

    def close(self):
        closed.set()


def threads(environ):
    """More of them than CPython shows."""
    for _ in range(150):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    while True:
        pass


def starting(environ):
    """Threads, one after the other."""
    while True:
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()


def reading(environ):
    threading.Thread(target=_read, args=(environ["wsgi.input"],), daemon=True).start()
    while not BEGUN.acquire(timeout=0.01):
        pass


BEGUN = threading.Semaphore(0)


def _read(content):
    BEGUN.release()
    try:
        content.read(1)
    except OSError:
        pass


def _reading_fails(environ):
    reading(environ)
    raise ValueError("on purpose")


ENDLESS = {
    "/repeat": lambda environ: itertools.repeat(b""),
    "/sentinel": lambda environ: iter(functools.partial(io.BytesIO(b"content").read, 8192), ""),
    "/list": lambda environ: [b""] * 10**7,
    "/writelines": lambda environ: environ["wsgi.errors"].writelines(itertools.repeat("")),
    "/asks": lambda environ: collections.deque(iter(environ["pyserve.client_disconnected"], True), 0),
}

ANSWERS = {
    "/starting": starting,
    "/hello": lambda environ: [b"hello"],
    "/few": lambda environ: Waiting(20),
    "/many": lambda environ: Waiting(10**6),
    "/begun": lambda environ: [b"%d" % begun.is_set()],
    "/closed": lambda environ: [b"%d" % closed.is_set()],
    "/decimal": lambda environ: [str(decimal.Decimal(1) / 3).encode()],
    "/precision": lambda environ: [str(setattr(decimal.getcontext(), "prec", 3)).encode()],
    "/threads": threads,
    "/reading": lambda environ: reading(environ) or [b"small"],
    "/reading/stream": lambda environ: reading(environ) or iter([b"small", b" stream"]),
    "/reading/fails": _reading_fails,
    "/meminfo": lambda environ: environ["wsgi.file_wrapper"](open("/proc/self/status", "rb")),
    "/prints": lambda environ: [print("x" * 10**5) or b"printed"],
    "/pid": lambda environ: [b"%d" % os.getpid()],
    **ENDLESS,
}


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/headers":
        start_response("200 OK", [("X-Many", "value")] * 10**7)
    if path == "/header":
        start_response("200 OK", [("X-Long", "v" * 10**8)])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ANSWERS[path](environ)


def interrupted_app():
    """A factory: app, in a process whose writes are cut short all the time by a signal."""
    import signal

    signal.signal(signal.SIGALRM, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    return app
