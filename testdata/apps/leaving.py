"""Requests that are still running when the server's time to leave is over. Each writes to ?file how it ended."""

import os
import time

from apps.dispatch import by_path, collect, query, text

VIEWS = {}
view = collect(VIEWS)


def note(environ, what):
    with open(query(environ, "file"), "a") as file:
        file.write(what + "\n")


@view
def pauses(environ, start_response):
    """A stream that pauses between its pieces."""
    start_response("200 OK", [("Content-Type", "text/plain")])

    def pieces():
        try:
            yield b"first\n"
            while True:
                time.sleep(0.01)
        except BaseException as error:
            note(environ, type(error).__name__)
            raise
        finally:
            note(environ, "finally")

    return pieces()


@view
def floods(environ, start_response):
    """A stream that waits for its client."""
    start_response("200 OK", [("Content-Type", "text/plain")])

    def pieces():
        try:
            while True:
                yield b"x" * (1 << 20)
        except BaseException as error:
            note(environ, type(error).__name__)
            raise
        finally:
            time.sleep(0.2)  # nothing interrupts it
            note(environ, "finally")

    return pieces()


@view
def computes(environ, start_response):
    """It has not answered yet, and catches everything once."""
    try:
        while True:
            pass
    except BaseException as error:
        note(environ, type(error).__name__)
    try:
        while True:
            time.sleep(0.01)
    finally:
        note(environ, "finally")


@view
def begins(environ, start_response):
    """A piece, and then the thread is in C until somebody writes to ?fifo."""
    start_response("200 OK", [("Content-Type", "text/plain")])

    def pieces():
        yield b"first\n"
        fd = os.open(query(environ, "fifo"), os.O_RDONLY)
        os.read(fd, 1)
        os.close(fd)
        yield b"second\n"

    return pieces()


@view
def hello(environ, start_response):
    return text(start_response, "hello\n")


app = by_path(VIEWS)
