"""Fast and slow views in one application: /fast answers at once, /sleep waits 50 ms, /compute computes for
50 ms in Python, holding the GIL."""

import time


def count(loops):
    total = 0
    for number in range(loops):
        total += number & 3
    return total


def loops_for(seconds):
    """How many loops take so long on this machine, by the thread's own CPU time: other processes do not count."""
    loops, fastest = 100_000, float("inf")
    for _ in range(5):
        before = time.thread_time()
        count(loops)
        fastest = min(fastest, time.thread_time() - before)
    return round(loops * seconds / fastest)


LOOPS = loops_for(0.05)


def fast():
    return b"fast\n"


def sleep():
    time.sleep(0.05)
    return b"slept\n"


def compute():
    return b"%d\n" % count(LOOPS)


VIEWS = {"/fast": fast, "/sleep": sleep, "/compute": compute}


def app(environ, start_response):
    body = VIEWS[environ["PATH_INFO"]]()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
