"""What applications and their libraries do with signals: at import as frameworks do it, and in views."""

import asyncio
import ctypes
import errno
import os
import resource
import signal
import socket
import subprocess
import tempfile
import threading

from apps.dispatch import answer_json, by_path, collect
from apps.lifecycle import VIEWS

view = collect(VIEWS)
counts = {"tick": 0, "child": 0}


def count(name):
    """A handler that tells how often it has run, as a request that asks for it would be one for the main thread to wait for."""

    def handler(*_):
        counts[name] += 1
        if counts[name] <= 20:
            print(name, counts[name])

    return handler


def leave(*_):
    raise SystemExit("by a signal handler")


signal.signal(signal.SIGALRM, count("tick"))
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
signal.signal(signal.SIGCHLD, count("child"))
signal.signal(signal.SIGRTMIN, leave)

libc = ctypes.CDLL(None, use_errno=True)
libc.signal.restype = ctypes.c_void_p
libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int)
ignore_in_c = HANDLER(lambda number: None)
PENDING = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


@PENDING
def pending(_):
    print("pending call on", threading.current_thread().name)
    return 0


def outcome(function, *arguments):
    """What it returns, or the name of what it raises."""
    try:
        return function(*arguments)
    except BaseException as error:
        return type(error).__name__


def reply(function):
    def app(environ, start_response):
        thread = threading.current_thread()
        value = {"value": outcome(function), "thread": thread.name, "main": thread is threading.main_thread(), "pid": os.getpid()}
        return answer_json(start_response, value)

    VIEWS[function.__name__] = app
    return function


# ---- handlers in views ----


@reply
def install():
    """signal.signal for a signal that the server uses."""
    old = signal.signal(signal.SIGTERM, lambda *_: None)
    return "it was %s" % (None if old is None else "another's")


@reply
def add_signal_handler():
    """What asyncio does with a signal: when the loop is closed it has its default action."""

    async def add():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: None)

    asyncio.run(add())


@reply
def swap():
    """A C library that puts the handlers back when it is through: without the flags that they had."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGQUIT):
        libc.signal(number, libc.signal(number, ctypes.cast(ignore_in_c, ctypes.c_void_p)))


@reply
def take():
    """A C library that keeps the signals."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGQUIT):
        libc.signal(number, ctypes.cast(ignore_in_c, ctypes.c_void_p))


@reply
def default():
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGPIPE):
        libc.signal(number, 0)


class Action(ctypes.Structure):
    """glibc's struct sigaction."""

    _fields_ = [("handler", ctypes.c_void_p), ("mask", ctypes.c_ulong * 16), ("flags", ctypes.c_int), ("restorer", ctypes.c_void_p)]


@reply
def actions():
    """The handler and the flags of each signal that an attack changes."""
    found = {}
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGQUIT, signal.SIGPIPE):
        action = Action()
        libc.sigaction(number, None, ctypes.byref(action))
        handler = action.handler or 0
        found[number.name] = "%#x %#x" % (handler, action.flags) if handler > 1 else "%d" % handler
    return found


@reply
def on_signal_stack():
    """Whether all handlers that there are run on it: those of signal(2) do not by themselves."""
    found = []
    for number in signal.valid_signals():
        action = Action()
        if libc.sigaction(number, None, ctypes.byref(action)) == 0 and (action.handler or 0) > 1 and not action.flags & SA_ONSTACK:
            found.append(int(number))
    return found


SA_ONSTACK = 0x08000000


@reply
def child_watcher():
    """As libev does it."""
    libc.signal(signal.SIGCHLD, ctypes.cast(ignore_in_c, ctypes.c_void_p))


@reply
def add_pending_call():
    return ctypes.pythonapi.Py_AddPendingCall(pending, None)


@reply
def raise_exit():
    os.kill(os.getpid(), signal.SIGRTMIN)


@reply
def start_child():
    """One that ends when nobody is in Python."""
    return subprocess.Popen(["sleep", "0.2"]).pid


# ---- broken pipes ----


def write_to_broken_pipe():
    reader, writer = os.pipe()
    os.close(reader)
    try:
        os.write(writer, b"x")
    finally:
        os.close(writer)


def write_to_broken_socket():
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        server.accept()[0].close()
    with client:
        while True:
            client.sendall(b"x" * 65536)


def write_in_c():
    """By a library that knows nothing of SIGPIPE."""
    reader, writer = os.pipe()
    os.close(reader)
    written = libc.write(writer, b"x", 1)
    number = ctypes.get_errno()
    os.close(writer)
    return errno.errorcode[number] if written < 0 else "written"


@reply
def broken():
    """The outcomes in this thread, and in one of the application's."""
    writes = (write_to_broken_pipe, write_to_broken_socket, write_in_c)
    found = {}

    def run(where):
        for write in writes:
            found["%s %s" % (write.__name__, where)] = outcome(write)

    run("in the view")
    thread = threading.Thread(target=run, args=("in a thread",))
    thread.start()
    thread.join()
    return found


@reply
def too_large():
    with tempfile.TemporaryFile(buffering=0) as file:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
        try:
            file.write(b"x")
            return errno.errorcode[outcome(os_error, file.write, b"y")]
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def os_error(function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        return error.errno


# ---- children ----


def signals_of_child():
    """The masks of a forked child: of the signals below those for real time."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with open("/proc/self/status") as status:
            fields = dict(line.split(":\t", 1) for line in status)
        os.write(writer, " ".join(fields[name].strip()[-8:] for name in ("SigIgn", "SigBlk")).encode())
        os._exit(0)
    os.close(writer)
    with open(reader) as told:
        text = told.read()
    os.waitpid(child, 0)
    return text


def dispositions():
    """How signals are in the children, in all the ways to make them."""
    command = "grep -E 'Sig(Ign|Cgt|Blk)' /proc/self/status"
    run = lambda **options: subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, text=True, **options).stdout
    yes = subprocess.run("yes | head -n 1; echo ${PIPESTATUS[0]}", shell=True, executable="/bin/bash", stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    return {
        "subprocess": run(),
        "subprocess that keeps them": run(restore_signals=False),
        "popen": os.popen(command).read(),
        "fork": signals_of_child(),
        "yes | head": yes.stdout,
    }


reply(dispositions)


app = by_path(VIEWS)

if __name__ == "__main__":  # in a plain Python
    import json

    signal.setitimer(signal.ITIMER_REAL, 0)
    print(json.dumps(dispositions()))
