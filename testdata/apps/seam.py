"""Applications for the tests of the seam between Go and C."""

import ctypes
import faulthandler
import gzip
import io
import os
import signal
import sys
import tempfile
import threading
import time


def writes(environ, start_response):
    write = start_response("200 OK", [])
    try:
        write(b"content")
    except SystemError:
        pass
    return []


class OwnReader(io.FileIO):
    """Reads something else than the file holds."""

    def read(self, size=-1):
        return b""


def _path(content=b"content"):
    descriptor, path = tempfile.mkstemp()
    os.write(descriptor, content)
    os.close(descriptor)
    return path


def _open(kind):
    if kind == "regular":
        handle = open(_path(), "rb")
        handle.seek(3)
    elif kind == "buffered_after_read":
        handle = open(_path(), "rb")
        handle.read(2)
    elif kind == "temporary":
        handle = tempfile.TemporaryFile()
        handle.write(b"content")
        handle.seek(0)
    elif kind == "named_temporary":
        handle = tempfile.NamedTemporaryFile()
        handle.write(b"content")
        handle.seek(1)
    elif kind == "unbuffered":
        handle = open(_path(), "rb", buffering=0)
        handle.seek(4)
    elif kind == "read_and_write":
        handle = open(_path(), "r+b")
        handle.seek(7)
        handle.write(b"new")
        handle.seek(5)
    elif kind == "gzip":
        handle = gzip.open(_path(gzip.compress(b"content")))
    elif kind == "buffered_gzip":
        handle = io.BufferedReader(gzip.open(_path(gzip.compress(b"content"))))
    elif kind == "bytes":
        handle = io.BytesIO(b"content")
    elif kind == "pipe":
        reading, writing = os.pipe()
        os.close(writing)
        handle = open(reading, "rb")
    elif kind == "subclass":
        handle = OwnReader(_path())
    return handle


def file(environ, start_response):
    """Leaves start_response alone: the test looks at what is returned, no response is sent."""
    return environ["wsgi.file_wrapper"](_open(environ["PATH_INFO"][1:]))


# ---- forks where nobody expects them ----


def _fork(outcome):
    """Forks and returns, in the child too; puts the child's exit status, or that it had to be killed, in outcome."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        return
    for _ in range(1000):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            outcome.append(b"%d" % os.waitstatus_to_exitcode(status))
            return
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    outcome.append(b"killed")


class Forks:
    """A response that forks in one of its methods."""

    def __init__(self, where, outcome):
        self.where, self.outcome, self.items = where, outcome, [b"item", b"item"]

    def at(self, place):
        if place == self.where:
            _fork(self.outcome)

    def __len__(self):
        self.at("len")
        return 2

    def __iter__(self):
        self.at("iter")
        return self

    def __next__(self):
        self.at("next")
        self.where = None if self.where == "next" else self.where
        if not self.items:
            raise StopIteration
        return self.items.pop()

    def close(self):
        self.at("close")

    def __del__(self):
        self.at("del")


class ForksWhenDescribed(Exception):
    def __str__(self):
        if not OUTCOME:
            _fork(OUTCOME)
        return "forked"


OUTCOME = []


def forks(environ, start_response):
    """Forks at the place the path names; the next request asks for /outcome."""
    where = environ["PATH_INFO"][1:]
    start_response("200 OK", [])
    if where == "outcome":
        return [b" ".join(OUTCOME)]
    OUTCOME.clear()
    if where == "call":
        _fork(OUTCOME)
    elif where == "environ":
        environ["forks"] = Forks("del", OUTCOME)
    elif where == "plain":
        return [type("Forking", (bytes,), {"__del__": lambda self: _fork(OUTCOME)})(b"item")]
    elif where == "exception":
        raise ForksWhenDescribed
    else:
        return Forks(where, OUTCOME)
    return [b"item"]


def forks_at_import():
    OUTCOME.clear()
    _fork(OUTCOME)
    return forks


def descriptors(environ, start_response):
    """A child finds the server's descriptor closed; a child of that child finds the child's own open."""
    number = int(environ["QUERY_STRING"])
    child = os.fork()
    if child == 0:
        status = 0
        try:
            os.fstat(number)
            status = 1
        except OSError:
            os.dup2(0, number)
            grandchild = os.fork()
            if grandchild == 0:
                try:
                    os.fstat(number)
                except OSError:
                    os._exit(2)
                os._exit(0)
            status = os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1])
        os._exit(status)
    start_response("200 OK", [])
    return [b"%d" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])]


# ---- signals ----


def takes_signals():
    """A factory that does to the signals what applications and their libraries do at import."""
    for number in (signal.SIGPIPE, signal.SIGTERM, signal.SIGURG):
        signal.signal(number, signal.SIG_DFL)
    faulthandler.enable()
    faulthandler.disable()
    return writes


def breaks_a_pipe(environ, start_response):
    """A thread of the application's own writes where nobody reads."""
    raised = []

    def write():
        reader, writer = os.pipe()
        os.close(reader)
        try:
            os.write(writer, b"x")
        except OSError as error:
            raised.append(type(error).__name__)
        os.close(writer)

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    return [" ".join(raised).encode()]


# ---- threads of the application's own ----


def writes_from_threads(environ, start_response):
    """Threads use the response and the input while the server sends what the generator gives."""
    write = start_response("200 OK", [])
    content, gone = environ["wsgi.input"], environ["pyserve.client_disconnected"]
    stop = threading.Event()

    def hammer():
        while not stop.is_set():
            write(b"w")
            content.seek(0)
            content.readline()
            gone()
            try:
                start_response("200 OK", [])
            except AssertionError:
                pass

    workers = [threading.Thread(target=hammer) for _ in range(3)]
    for worker in workers:
        worker.start()
    try:
        for _ in range(200):
            yield b"y"
    finally:
        stop.set()
        for worker in workers:
            worker.join()


WORKERS, FAULTS = [], []


def hammers_stale_handles(environ, start_response):
    """Leaves threads behind that use the request until it refuses them."""
    write, content = start_response("200 OK", []), environ["wsgi.input"]

    def hammer():
        try:
            while True:
                content.read(1)
                write(b"")
        except (RuntimeError, ValueError, AssertionError):  # the last between the end of the response and that of the request
            pass
        except BaseException as error:
            FAULTS.append(error)

    worker = threading.Thread(target=hammer)
    WORKERS.append(worker)
    worker.start()
    if environ["PATH_INFO"] == "/generator":
        return iter([b"one", b"two"])
    return [b"one"]


def stale_faults(environ, start_response):
    """What else than a refusal the threads of hammers_stale_handles met."""
    for worker in WORKERS:
        worker.join()
    start_response("200 OK", [])
    return [repr(FAULTS).encode()]


# ---- objects that do what they should not ----


def _raised(function, *arguments):
    try:
        function(*arguments)
    except Exception as error:
        return type(error).__name__
    return "nothing"


def _seeks(environ):
    content = environ["wsgi.input"]
    return " ".join(_raised(content.seek, 0, whence) for whence in (-1, -2, 3, 0))


class WritesAtItsEnd(str):
    def __del__(self):
        self.errors.write("x")


def _errors_subclass(environ):
    errors = environ["wsgi.errors"]
    text = WritesAtItsEnd("a")
    text.errors = errors
    errors.write(text)
    del text
    errors.write("b\n")
    return ""


KEPT = []


def _keep_errors(environ):
    KEPT.append(environ["wsgi.errors"])
    return ""


def _drop_errors(environ):
    """The last reference goes while an exception is on its way, with text left that is no UTF-8."""
    KEPT[0].write("left \ud800")
    return _raised(lambda: KEPT.pop().write(1 / 0))


class EmptiesTheList:
    def __init__(self, headers):
        self.headers = headers

    def __repr__(self):
        self.headers.clear()
        return "emptied"


def _headers_empty_themselves(environ):
    headers = []
    headers.append([EmptiesTheList(headers) for _ in range(3)])
    return _raised(environ["seam.start_response"], "200 OK", headers)


class Text(str):
    def encode(self, *arguments):
        return self

    def decode(self, *arguments):
        return 1

    def replace(self, *arguments):
        return 1


class Unruly(Exception):
    __module__ = None

    def __str__(self):
        return Text("its text")


def _unruly_exception(environ):
    raise Unruly


def _recursion(environ):
    """start_response and wsgi.input at the very end of the stack that Python allows."""

    def down():
        try:
            down()
        finally:
            environ["wsgi.input"].read(1)
            environ["seam.start_response"]("200 OK", [], (ValueError, ValueError(), None))

    return _raised(down)


def _asynchronous(environ):
    """An exception from outside, as debuggers and time limits send them."""
    identity = ctypes.c_ulong(threading.get_ident())
    ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(KeyboardInterrupt))
    while True:
        environ["wsgi.input"].read(1)


class UsesTheRequest:
    """Uses everything when it dies, whatever has become of the request by then."""

    def __init__(self, environ, start_response):
        self.uses = [environ["wsgi.input"].read, lambda: start_response("200 OK", [])(b"late"),
                     lambda: environ["wsgi.errors"].write("late\n"), environ["pyserve.client_disconnected"]]

    def __iter__(self):
        return iter([b"item"])

    def __del__(self):
        for use in self.uses:
            _raised(use)


def _path_order(environ):
    return os.pathsep.join(sys.path[1:3])


BEHAVIOURS = {name[1:]: value for name, value in globals().items() if callable(value) and name.startswith("_")}


def unruly(environ, start_response):
    """Calls the function that the path names, and answers what it returns."""
    environ["seam.start_response"] = start_response
    name = environ["PATH_INFO"][1:]
    if name == "destructor":
        return UsesTheRequest(environ, start_response)
    answer = BEHAVIOURS[name](environ)
    if name != "recursion":
        start_response("200 OK", [])
    return [answer.encode()]
