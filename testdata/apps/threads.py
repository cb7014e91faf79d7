"""What applications do with threads, processes and the interpreter, one view each.

Every view answers JSON. Needs numpy, lxml and cryptography for the three views named after them. The
functions handed to other processes stand at the top of the module, where spawn can find them again.
"""

import asyncio
import concurrent.futures
import contextvars
import hashlib
import hmac
import json
import multiprocessing
import os
import random
import secrets
import signal
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
import uuid

from apps.dispatch import answer_json, by_path, collect, query

VIEWS = {}
view = collect(VIEWS)
LOCAL = threading.local()
CONTEXT = contextvars.ContextVar("CONTEXT", default="empty")
MEETING = {}
LOCK = threading.Lock()

# At import, in the main thread, as frameworks do it; whether the server must still obey SIGTERM is the
# server's affair.
IMPORTED_ON = {"name": threading.current_thread().name, "ident": threading.get_ident()}
IMPORTED_ON["main"] = threading.current_thread() is threading.main_thread()
HANDLED = []
for number in (signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, lambda number, frame: HANDLED.append(number))


def square(number):
    return number * number


def put_square(queue, number):
    queue.put(square(number))


def reply(view):
    """Turns a function of the environ that returns a value into a view."""

    def app(environ, start_response):
        return answer_json(start_response, view(environ))

    app.__name__ = view.__name__
    VIEWS[view.__name__] = app
    return view


@reply
def me(environ):
    """The thread this view runs on, and how many requests it has served: threading.local lasts."""
    LOCAL.served = getattr(LOCAL, "served", 0) + 1
    thread = threading.current_thread()
    return {
        "name": thread.name,
        "ident": threading.get_ident(),
        "native": threading.get_native_id(),
        "main": thread is threading.main_thread(),
        "served": LOCAL.served,
        "imported_on": IMPORTED_ON,
        "alive": thread in threading.enumerate(),
    }


@reply
def meet(environ):
    """Waits until ?n requests are in here at once, which takes as many threads; says which."""
    count = int(query(environ, "n"))
    with LOCK:
        barrier = MEETING.setdefault(query(environ, "key", ""), threading.Barrier(count))
    barrier.wait(timeout=20)
    return {"ident": threading.get_ident()}


@reply
def sqlite(environ):
    """A connection kept per thread: sqlite3 itself refuses its use on any other."""
    if not hasattr(LOCAL, "database"):
        LOCAL.database = sqlite3.connect(":memory:")
        LOCAL.database.execute("create table calls (n integer)")
    LOCAL.database.execute("insert into calls values (1)")
    (calls,) = LOCAL.database.execute("select count(*) from calls").fetchone()
    return {"ident": threading.get_ident(), "calls": calls}


@reply
def context(environ):
    """What the request before left in a context variable: nothing, if each has its own context."""
    found = CONTEXT.get()
    CONTEXT.set("left by a request")
    return {"found": found}


@view
def context_in_stream(environ, start_response):
    """The context is one and the same from the view to the last chunk."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    CONTEXT.set("set by the view")

    def chunks():
        for _ in range(3):
            yield CONTEXT.get().encode() + b"\n"

    return chunks()


@reply
def handlers(environ):
    """The handlers set at import stand, as far as Python knows; signals handled so far."""
    return {
        "handlers": [callable(signal.getsignal(n)) for n in (signal.SIGTERM, signal.SIGUSR1)],
        "handled": len(HANDLED),
    }


@reply
def run_asyncio(environ):
    async def work():
        results = await asyncio.gather(*(asyncio.sleep(0.001, n) for n in range(5)))
        return sum(results)

    return {"result": asyncio.run(work())}


@reply
def run_subprocess(environ):
    command = [sys.executable, "-c", "import sys; print(sys.prefix)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    shell = subprocess.run("exit 3", shell=True)
    return {"prefix": done.stdout.strip(), "own_prefix": sys.prefix, "status": shell.returncode}


def in_process(method):
    start = multiprocessing.get_context(method)
    queue = start.Queue()
    process = start.Process(target=put_square, args=(queue, 7))
    process.start()
    result = queue.get(timeout=30)
    process.join(30)
    # Another thread that starts a process looks after all children, and may have reaped this one just now: then there
    # is no exit code for a moment.
    for _ in range(1000):
        if process.exitcode is not None:
            break
        time.sleep(0.01)
    return {"result": result, "exit": process.exitcode}


@reply
def spawn(environ):
    return in_process("spawn")


@reply
def fork(environ):
    return in_process("fork")


@reply
def forkserver(environ):
    return in_process("forkserver")


@reply
def pool(environ):
    """Its workers are told to end by SIGTERM: the default action must be back in a child."""
    with multiprocessing.get_context("fork").Pool(2) as workers:
        return {"result": workers.map(square, range(6))}


@reply
def thread_pool(environ):
    with concurrent.futures.ThreadPoolExecutor(4) as executor:
        return {"result": list(executor.map(square, range(6)))}


@reply
def process_pool(environ):
    start = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=start) as executor:
        return {"result": list(executor.map(square, range(6)))}


# Digests of b"pyserve", by openssl dgst, shortened.
DIGESTS = {
    "md5": "1df2ccf18c96302f",
    "sha1": "8fe9a15c799756b0",
    "sha224": "8a9218e40d45b6d6",
    "sha256": "18171080e5f6c645",
    "sha384": "8e76ed57609014b0",
    "sha512": "49b8d8a9a609d640",
    "sha3_256": "643285ca60d4c2ab",
    "sha3_512": "7b0547def8ff44d4",
    "blake2b": "47cc8a4edd5b8450",
    "blake2s": "9728be9d36d0c9ec",
}


@reply
def hashes(environ):
    """A libpython may lack the code of its own hashes, then OpenSSL's stand in; what is built on them works too."""
    wrong = [name for name, digest in DIGESTS.items() if hashlib.new(name, b"pyserve").hexdigest()[:16] != digest]
    wrong += [name for name in DIGESTS if getattr(hashlib, name)(b"pyserve").hexdigest()[:16] != DIGESTS[name]]
    assert ssl.create_default_context().check_hostname and len(secrets.token_hex()) == 64
    return {
        "wrong": wrong,
        "same": random.Random("seed").random() == random.Random("seed").random() and uuid.uuid5(uuid.NAMESPACE_DNS, "a").version == 5,
        "mac": hmac.new(b"key", b"pyserve", "sha256").hexdigest() == hmac.new(b"key", b"pyserve", hashlib.sha256).hexdigest(),
    }


@reply
def os_fork(environ):
    """A bare fork in a view; the child must be able to run Python and to leave."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"%d" % square(9))
        os._exit(4)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        result = int(pipe.read())
    return {"result": result, "exit": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}


@reply
def ended_at_birth(environ):
    """Ends children as soon as they are there, as a process pool that closes may: how many did not die of it?"""
    survivors = 0
    for _ in range(100):
        child = os.fork()
        if child == 0:
            time.sleep(20)
            os._exit(0)
        os.kill(child, signal.SIGTERM)
        end = time.monotonic() + 5
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            time.sleep(0.0005)
            if time.monotonic() > end:
                survivors += 1
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                break
    return {"survivors": survivors}


@view
def fork_and_return(environ, start_response):
    """The child forgets to leave and returns from the view: it must not answer, nor serve."""
    child = os.fork()
    if child == 0:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"from the child"]
    os.waitpid(child, 0)
    return answer_json(start_response, {"answered": "by the parent"})


@reply
def deep_json(environ):
    """Recursion in C, as deep as Python allows: a RecursionError, or the value, but no crash."""
    depth = int(query(environ, "depth", "100000"))
    try:
        json.loads("[" * depth + "]" * depth)
    except RecursionError as error:
        return {"raised": type(error).__name__}
    return {"raised": None}


@reply
def deep_python(environ):
    def down(n):
        return 0 if n == 0 else 1 + down(n - 1)

    try:
        down(10**6)
    except RecursionError as error:
        return {"raised": type(error).__name__, "shallow": down(500)}
    return {"raised": None}


@reply
def numpy(environ):
    """A product and an inverse big enough for BLAS's own threads and their stack frames."""
    import numpy

    matrix = numpy.eye(300) * 2 + 1
    return {"close": bool(numpy.allclose(matrix @ numpy.linalg.inv(matrix), numpy.eye(300)))}


@reply
def lxml(environ):
    from lxml import etree

    tree = etree.fromstring("<a><b>x</b><b>y</b></a>")
    return {"found": tree.xpath("//b/text()")}


@reply
def cryptography(environ):
    from cryptography.fernet import Fernet

    box = Fernet(Fernet.generate_key())
    return {"opened": box.decrypt(box.encrypt(b"secret")).decode()}


@reply
def interpreter(environ):
    return {
        "executable": sys.executable,
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "argv": sys.argv,
        "path0": sys.path[0],
        "multithread": environ["wsgi.multithread"],
        "multiprocess": environ["wsgi.multiprocess"],
    }


app = by_path(VIEWS)
