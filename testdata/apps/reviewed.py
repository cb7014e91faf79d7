"""What a review of the seam asked for: each function is called by the path, and answers a str."""

import codecs
import ctypes
import faulthandler
import inspect
import io
import itertools
import os
import signal
import sys
import tempfile
import threading
import time
import weakref


def app(environ, start_response):
    environ["reviewed.start_response"] = start_response
    answer = globals()[environ["PATH_INFO"][1:]](environ)
    if "reviewed.started" not in environ:
        start_response("200 OK", [])
    return [str(answer).encode()]


# ---- what may be asked of the objects ----


def signatures(environ):
    stream, start_response = environ["wsgi.input"], environ["reviewed.start_response"]
    environ["reviewed.started"] = True
    return " ".join(str(inspect.signature(f)) for f in (
        start_response, start_response("200 OK", []), environ["pyserve.client_disconnected"], stream.read, environ["wsgi.errors"].write))


def references(environ):
    """Whether there can be weak references, and whether they die with the objects."""
    names = "wsgi.input", "wsgi.errors", "reviewed.start_response", "pyserve.client_disconnected"
    alive = [weakref.ref(environ[name])() is environ[name] for name in names]
    return all(alive) and weakref.ref(environ.pop(names[-1]))() is None


def types(environ):
    """Nobody makes one, or changes what they do."""
    outcomes = []
    for thing in (environ["wsgi.input"], environ["wsgi.errors"], environ["reviewed.start_response"]):
        attempts = [type(thing), lambda: setattr(type(thing), "__call__", print)]
        for attempt in attempts if sys.version_info >= (3, 10) else attempts[:1] * 2:  # 3.9 lets everybody change them
            try:
                attempt()
                outcomes.append("done")
            except TypeError:
                outcomes.append("TypeError")
    return " ".join(outcomes)


STALE = []


def keep(environ):
    STALE[:] = [environ["wsgi.input"], io.TextIOWrapper(environ["wsgi.input"])]
    return STALE[0].closed


def stale(environ):
    outcomes = [STALE[0].closed]
    for use in (STALE[0].read, STALE[0].readline, STALE[0].tell, lambda: next(STALE[0]), STALE[1].read):
        try:
            outcomes.append(use())
        except ValueError as error:
            outcomes.append("closed file" in str(error))
    STALE.clear()
    return outcomes


def decoded(environ):
    return codecs.getreader("utf-8")(environ["wsgi.input"]).read()


# ---- wsgi.errors ----


def dots(environ):
    for _ in range(300_000):
        environ["wsgi.errors"].write(".")


def writers(environ):
    """Many threads, one stream."""
    def write():
        for _ in range(1000):
            environ["wsgi.errors"].write("ab")
            environ["wsgi.errors"].write("c\n")

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


KEPT = []
TICKS = itertools.count()


def keep_errors(environ):
    KEPT[:] = [environ["wsgi.errors"]]


def drop_errors(environ):
    KEPT[0].write("the last line")
    KEPT.clear()


def tick(environ):
    return "ticked"


# ---- interrupts ----


def _interpreter():
    """The beginning of the interpreter's state, as integers."""
    ctypes.pythonapi.PyInterpreterState_Main.restype = ctypes.c_void_p
    return (ctypes.c_int * 1024).from_address(ctypes.pythonapi.PyInterpreterState_Main())


def _set(exception):
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(threading.get_ident()), exception)


PLACES = []


def find_flag(environ):
    """Finds where CPython (up to 3.12) keeps that an asynchronous exception waits for somebody."""
    state = _interpreter()
    for _ in range(50):
        before = state[:]
        _set(None)
        after = state[:]
        places = {i for i in range(1024) if before[i] == 0 and after[i] == 1}
        try:
            _set(ctypes.py_object(KeyError))
            while True:
                pass
        except KeyError:
            pass
        cleared = state[:]
        places = {i for i in places if cleared[i] == 0}
        PLACES[:] = places if not PLACES else places.intersection(PLACES)
    return len(PLACES)


def flag(environ):
    """Whether the evaluation of all threads' code looks for such an exception."""
    state = _interpreter()
    for _ in range(100):
        if not any(state[i] for i in PLACES):
            return "clean"
        time.sleep(0.001)
    return "set"


# ---- dumps ----


def takes_sigio(environ):
    signals = [signal.SIGIO] + list(range(34, 65))
    for number in signals:
        faulthandler.register(number, sys.stderr)
        faulthandler.unregister(number)
    return "taken"


# ---- files ----


def file_swapped(environ, start_response):
    """The descriptor is another file's as soon as the server has seen it."""
    handle = tempfile.TemporaryFile()
    handle.write(b"content")
    handle.seek(0)
    wrapper = environ["wsgi.file_wrapper"]
    original = wrapper.__iter__

    def swap(self):
        wrapper.__iter__ = original
        os.dup2(os.open("/dev/null", os.O_RDONLY), handle.fileno())
        return self

    wrapper.__iter__ = swap
    return wrapper(handle)


def files(environ, start_response):
    """What does not hold what it says it holds, or is no file of bytes."""
    kind = environ["PATH_INFO"][1:]
    if kind == "sparse":
        handle = tempfile.TemporaryFile()
        handle.truncate(4096)
        handle.seek(0)
    else:
        handle = open(*{"procfs": ("/proc/self/status", "rb"), "device": ("/dev/zero", "rb"), "empty": (os.devnull, "rb"),
                        "text": (__file__,), "closed": (__file__, "rb")}[kind])
    if kind == "closed":
        handle.close()
    return environ["wsgi.file_wrapper"](handle)
