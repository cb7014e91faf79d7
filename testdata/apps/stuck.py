"""Requests that do not come to an end, each in its way."""

import ctypes
import os
import time

caught = []


def loop_for_ever():
    while True:
        try:
            while True:
                pass
        except Exception:
            pass
        except BaseException as error:
            caught.append(type(error).__name__)
            raise


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/loop":
        loop_for_ever()
    if path == "/stuck":
        ctypes.CDLL(None).sleep(3600)
    if path == "/gil":
        ctypes.PyDLL(None).sleep(3600)
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/stream":
        return stream()
    if path == "/events":
        return events()
    answers = {"/caught": caught and caught[-1], "/pid": str(os.getpid())}
    return [str(answers.get(path, "hello")).encode()]


def stream():
    """For longer than the time-out, a piece at a time."""
    for _ in range(12):
        time.sleep(0.1)
        yield b"x"


def events():
    """One event, and then none for long."""
    yield b"data: hello\n\n"
    time.sleep(600)
