"""What is measured: each scenario's application, load, servers and goals."""

import os
from dataclasses import dataclass

import change
import crowd
import goals
from servers import ROOT, Server
from wrk import Load

APPS = os.path.join(ROOT, "bench", "apps")
TESTDATA = os.path.join(ROOT, "testdata")


@dataclass(frozen=True)
class Scenario:
    """One table.

    loads[0] is what the latencies are of; requests and CPU time are those of all loads together.
    app is MODULE:NAME in folder; expected is part of a right answer's body.
    """

    name: str
    about: str
    app: str
    loads: tuple
    servers: tuple
    expected: bytes
    folder: str = APPS
    goals: tuple = ()
    extra: object = None  # a change.Extra: one more column
    crowd: object = None  # a context manager of the port: who else is connected while the loads run


def pyserves(*threads):
    """pyserve with its default engine at each number of threads, and the other engine at the first."""
    return tuple(Server("pyserve", n) for n in threads) + (Server("pyserve", threads[0], "nethttp"),)


def threaded_peers(threads):
    return tuple(Server(family, threads) for family in ("granian", "gunicorn", "uwsgi"))


SINGLE = (Server("bjoern"), Server("fastpysgi"))
CROWDED = pyserves(16)
FRAMEWORK = pyserves(16, 1) + SINGLE + (Server("granian", 1),) + threaded_peers(16)

SCENARIOS = (
    Scenario(
        "hello",
        "The least an application can do.",
        "hello:app",
        (Load("/"),),
        pyserves(16, 1, 64) + SINGLE + (Server("granian", 1),) + threaded_peers(16),
        b"Hello world",
        goals=(goals.cpu(1.10, "bjoern", "fastpysgi"), goals.p99(1.0, "bjoern", "fastpysgi")),
    ),
    Scenario(
        "flask",
        "A Flask view that returns a string.",
        "flaskhello:app",
        (Load("/hello"),),
        FRAMEWORK,
        b"Hello from Flask",
        goals=(goals.cpu(1.15),),
    ),
    Scenario(
        "django",
        "A Django view that returns a string, under Django's usual middleware.",
        "djangoapp.wsgi:application",
        (Load("/hello"),),
        FRAMEWORK,
        b"Hello from Django",
        folder=TESTDATA,
        goals=(goals.cpu(1.15),),
    ),
    Scenario(
        "sleep50",
        "Waits 50 ms; 64 threads can answer 1,280 requests a second. Servers of one thread (20) are left out.",
        "sleep50:app",
        (Load("/", connections=256),),
        pyserves(64) + threaded_peers(64),
        b"slept",
        goals=(goals.rate(0.95 * 1280), goals.extra_over(0.95 * 19 * 64)),  # a second holds 19 whole sleeps
        extra=change.FIRST_SECOND,
    ),
    Scenario(
        "three_waits",
        "Waits three times for 1 ms, as for three database queries. Servers of one thread (330) are left out.",
        "three_waits:app",
        (Load("/"),),
        pyserves(16) + threaded_peers(16),
        b"three",
        goals=(goals.rate_beside(0.95, Server("granian", 16)),),
    ),
    Scenario(
        "mixed_sleep",
        "Nine connections ask for what is answered immediately, to one that asks for a sleep of 50 ms; latencies "
        "are of the fast ones.",
        "mixed:app",
        (Load("/fast", connections=27), Load("/sleep", connections=3)),
        pyserves(16) + threaded_peers(16),
        b"fast",
        goals=(goals.p99_under(0.005),),
    ),
    Scenario(
        "mixed_paced",
        "Nine requests that are answered immediately to one that sleeps 50 ms, about 1,000 a second in all; latencies "
        "are of the fast ones.",
        "mixed:app",
        (Load("/fast", connections=27, pace_ms=30), Load("/sleep", connections=10, pace_ms=50)),
        pyserves(16) + threaded_peers(16),
        b"fast",
        goals=(goals.p99_under(0.005),),
    ),
    Scenario(
        "mixed_compute",
        "Nine connections ask for what is answered immediately, and one for 50 ms of computing in Python; latencies "
        "are of the fast ones.",
        "mixed:app",
        (Load("/fast", connections=9), Load("/compute", connections=1)),
        pyserves(16) + threaded_peers(16),
        b"fast",
        goals=(goals.p99_under(0.040),),
    ),
    Scenario(
        "idle_crowd",
        "As hello, while 10,000 other keep-alive connections are idle; %s." % change.BESIDE_ALONE.about,
        "hello:app",
        (Load("/"),),
        CROWDED,
        b"Hello world",
        goals=(goals.extra_under(110),),
        extra=change.BESIDE_ALONE,
        crowd=crowd.idle(10000),
    ),
    Scenario(
        "slow_crowd",
        "As hello, while 2,000 other clients send a head at a byte a second; %s." % change.BESIDE_ALONE.about,
        "hello:app",
        (Load("/"),),
        CROWDED,
        b"Hello world",
        goals=(goals.extra_under(110),),
        extra=change.BESIDE_ALONE,
        crowd=crowd.slow(2000),
    ),
    Scenario(
        "change",
        "Sleeps of 50 ms after a second of requests that were answered immediately: how long until all threads are at "
        "work, and then as in sleep50, with 16 threads: 320 requests a second are possible.",
        "mixed:app",
        (Load("/sleep"),),
        pyserves(16) + threaded_peers(16),
        b"slept",
        goals=(goals.extra_under(100),),
        extra=change.FOLLOWING,
    ),
)
