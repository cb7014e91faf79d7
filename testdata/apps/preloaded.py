"""Tells how it fares as an application that a zygote imported."""

import gc
import json
import os
import random
import signal
import sys
import threading

makers = []
hooks = []
alarms = []

os.register_at_fork(
    before=lambda: hooks.append("before"),
    after_in_parent=lambda: hooks.clear(),
    after_in_child=lambda: hooks.append("after in child"),
)
signal.signal(signal.SIGALRM, lambda *_: alarms.append(1))
signal.signal(signal.SIGTERM, lambda *_: os._exit(99))


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answers[environ["PATH_INFO"]]()).encode()]


def leaves_native_threads():
    """Two threads of C code with a name of their own."""
    import ctypes

    libc = ctypes.CDLL(None)
    for _ in range(2):
        thread = ctypes.c_ulong()
        assert libc.pthread_create(ctypes.byref(thread), None, libc.pause, None) == 0
        libc.pthread_setname_np(thread, b"pool")
    return app


def make():
    makers.append(os.getpid())
    return app


def descriptors():
    """How many there are of the kinds that the zygote has."""
    kinds = []
    for name in os.listdir("/proc/self/fd"):
        try:
            kinds.append(os.readlink("/proc/self/fd/" + name))
        except FileNotFoundError:
            pass  # listdir's own
    return {kind: sum(kind in name for name in kinds) for kind in ("socket", "pidfd")}


def state():
    main = threading.main_thread()
    return {
        "made by the parent only": makers == [os.getppid()],
        "hooks": hooks,
        "frozen": gc.get_freeze_count() > 1000,
        "collects": gc.isenabled(),
        "main thread": threading.current_thread() is main and main.ident == threading.get_ident(),
        "main thread's native id": main.native_id == os.getpid(),
        "threads": threading.active_count(),
        "variables": sorted({"PYSERVE_ZYGOTE", "PYSERVE_WORKER"}.intersection(os.environ)),
        "sys.argv": sys.argv,
    }


def alarm():
    """The application's own signal handler is called."""
    os.kill(os.getpid(), signal.SIGALRM)
    return len(alarms)


def fork():
    """A child of the worker works, and ends."""
    child = os.fork()
    if child == 0:
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


answers = {"/descriptors": descriptors, "/state": state, "/alarm": alarm, "/fork": fork, "/random": random.random, "/pid": os.getpid}


def leaves_a_thread():
    threading.Thread(target=threading.Event().wait, name="leftover", daemon=True).start()
    return app


def leaves_a_process():
    """One that ends with the last worker: the other end of its pipe is theirs."""
    mine, theirs = os.pipe()
    if os.fork() == 0:
        os.close(theirs)
        os.read(mine, 1)
        os._exit(0)
    return app


def hangs():
    os.write(1, b"importing\n")
    threading.Event().wait()


def crashes():
    import ctypes

    ctypes.string_at(0)


def exits():
    raise SystemExit(3)
