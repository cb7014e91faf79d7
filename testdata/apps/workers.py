"""An application of a given version for what master and workers do: it answers what a client can check, and dies.

The path names the view. /answer is the one for continuous load.
"""

import gc
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import zlib

from apps import crashes, lifecycle
from apps.dispatch import answer_json, by_path, collect, query, text

VIEWS = {"wait": lifecycle.wait}
view = collect(VIEWS)
imported_by = os.getpid()
kept = []
hooks = []

os.register_at_fork(
    before=lambda: hooks.append("before"),
    after_in_parent=lambda: hooks.clear(),
    after_in_child=lambda: hooks.append("after in child"),
)


@view
def answer(environ, start_response):
    """The version, the process, what the client sent, and padding; by ?chunks=1 without a declared length."""
    content = environ["wsgi.input"].read()
    head = "%s %d %s %d %d\n" % (
        environ["workers.version"],
        os.getpid(),
        query(environ, "n"),
        len(content),
        zlib.crc32(content),
    )
    padding = "x" * int(query(environ, "padding", "0"))
    if not query(environ, "chunks"):
        return text(start_response, head + padding)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return iter([head.encode(), padding.encode()])


@view
def pid(environ, start_response):
    return answer_json(start_response, os.getpid())


# ---- deaths ----


@view
def exits(environ, start_response):
    os._exit(3)


@view
def aborts(environ, start_response):
    os.abort()


@view
def segfaults(environ, start_response):
    crashes.segfault()


@view
def exhausts(environ, start_response):
    """Takes all the memory there may be, down to the last kilobytes."""
    taken, size = [], 1 << 20
    with open("/proc/self/statm") as statm:
        used = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20),) * 2)
    while size >= 1024:
        try:
            taken.append(bytearray(size))
        except MemoryError:
            size //= 2
    raise MemoryError


@view
def leaks(environ, start_response):
    """Keeps ?mib of memory."""
    kept.append(b"x" * (int(query(environ, "mib", "1")) << 20))
    return answer_json(start_response, os.getpid())


@view
def raises(environ, start_response):
    return 1 / 0


@view
def managed(environ, start_response):
    """The variables by which a process speaks with the service manager."""
    return answer_json(start_response, sorted(name for name in os.environ if name.startswith(("NOTIFY_", "WATCHDOG_", "LISTEN_"))))


# ---- children ----


@view
def begets(environ, start_response):
    """The process ids of children that run for long: one of multiprocessing, one that leads a session, others."""
    daemon = multiprocessing.Process(target=time.sleep, args=(3600,), daemon=True)
    daemon.start()
    sleep = subprocess.Popen(["sleep", "3600"])
    stubborn = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(3600)"],
                                stdout=subprocess.PIPE)
    stubborn.stdout.readline()  # by then it ignores SIGTERM
    session = subprocess.Popen(["sleep", "3600"], start_new_session=True)
    kept.extend([daemon, sleep, stubborn, session])
    return answer_json(start_response, {"daemon": daemon.pid, "sleep": sleep.pid, "stubborn": stubborn.pid, "session": session.pid})


@view
def orphans(environ, start_response):
    """Twenty processes whose parents have ended end, too."""
    for _ in range(20):
        subprocess.run("sleep 0.01 &", shell=True, check=True)
    return answer_json(start_response, os.getpid())


@view
def titled(environ, start_response):
    import setproctitle

    setproctitle.setproctitle("a title of the application's, %s" % ("x" * 100))
    return answer_json(start_response, os.getpid())


# ---- what it runs as ----


@view
def identity(environ, start_response):
    with tempfile.NamedTemporaryFile() as file:
        status = os.stat(file.name)
    mask = os.umask(0)
    os.umask(mask)
    return answer_json(
        start_response,
        {
            "uids": os.getresuid(),
            "gids": os.getresgid(),
            "groups": os.getgroups(),
            "home": os.environ.get("HOME"),
            "file": [status.st_uid, status.st_gid],
            "umask": "%03o" % mask,
        },
    )


@view
def birth(environ, start_response):
    """What a process that was forked after the import has to be right about."""
    main = threading.main_thread()
    return answer_json(
        start_response,
        {
            "pid": os.getpid(),
            "imported_by": imported_by,
            "hooks": hooks,
            "main_thread": threading.current_thread() is main and main.ident == threading.get_ident(),
            "native_id": main.native_id,
            "frozen": gc.get_freeze_count(),
            "variables": sorted(name for name in os.environ if name.startswith("PYSERVE_")),
            "argv": sys.argv,
        },
    )


# ---- versions ----


def make(version, warmup="200 OK"):
    """An application that knows its version, and answers warmup at /warm."""

    def warm(environ, start_response):
        with open(os.devnull if not query(environ, "fifo") else query(environ, "fifo")) as fifo:
            fifo.read()
        return text(start_response, "warm\n", warmup)

    views = by_path(dict(VIEWS, warm=warm))

    def app(environ, start_response):
        environ["workers.version"] = version
        return views(environ, start_response)

    return app


app = make("1")
