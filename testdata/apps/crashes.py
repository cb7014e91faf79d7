"""Ways to crash, to get stuck, and to be interrupted. The path of the request names the way."""

import ctypes
import faulthandler
import itertools
import mmap
import os
import signal
import sys
import tempfile
import threading
import time

caught = []
arrived = threading.Semaphore(0)
released = threading.Event()


def app(environ, start_response):
    content = str(globals()[environ["PATH_INFO"][1:]](environ)).encode()
    start_response("200 OK", [])
    return [content]


# ---- crashes ----


def segfault(environ=None):
    ctypes.string_at(0)


def bus_error(environ):
    with tempfile.TemporaryFile() as f:
        f.truncate(4096)
        mapped = mmap.mmap(f.fileno(), 4096)
        f.truncate(0)
        return mapped[0]


def division(environ):
    faulthandler._sigfpe()


def illegal(environ):
    signal.raise_signal(signal.SIGILL)


def abort(environ):
    os.abort()


def sent(environ):
    signal.raise_signal(signal.SIGSEGV)


def in_thread(environ):
    thread = threading.Thread(target=segfault)
    thread.start()
    thread.join()


def both_threads(environ):
    threading.Thread(target=segfault).start()
    segfault()


def enables_faulthandler(environ):
    faulthandler.enable()
    faulthandler.disable()
    faulthandler.enable(file=sys.stdout)
    return "enabled"


def in_child(environ):
    """How a child that segfaults ends."""
    child = os.fork()
    if child == 0:
        segfault()
    return os.waitpid(child, 0)[1]


# ---- stuck ----


def waits(environ):
    arrived.release()
    released.wait()
    return "released"


def release(environ):
    released.set()


def clear(environ):
    released.clear()
    del caught[:]


def churns(environ):
    """Threads come and go, and calls, until released."""
    arrived.release()
    while not released.is_set():
        threads = [threading.Thread(target=nested, args=(20,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def nested(depth):
    if depth > 0:
        eval("nested(depth - 1)", {"nested": nested, "depth": depth})


def keeps_gil(environ):
    """Holds the GIL until somebody writes to the pipe whose number is the query."""
    ctypes.PyDLL(None).read(int(environ["QUERY_STRING"]), ctypes.create_string_buffer(1), 1)


# ---- interrupted ----


def spins(environ):
    arrived.release()
    while not released.is_set():
        pass
    return "released"


def catches(environ):
    while not released.is_set():
        try:
            try:
                spins(environ)
            except Exception:
                caught.append("by except Exception")
        except BaseException as error:
            caught.append(type(error).__name__)
    return " ".join(caught)


def arrival(environ):
    arrived.acquire()


class SpinsInClose:
    def __init__(self):
        self.items = [b"x" * 20000]

    def __iter__(self):
        return iter(self.items)

    def close(self):
        spins(None)


def closing(environ, start_response):
    start_response("200 OK", [])
    return SpinsInClose()


def ends(environ, start_response):
    """After the first chunk no Python code runs: the second is read from the pipe in the query."""
    start_response("200 OK", [])
    return itertools.chain([b"first"], map(os.read, [int(environ["QUERY_STRING"])], [1]))
