"""The servers, and how each is started: one process, no access log, the fastest settings its manual names."""

import os
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYSERVE = os.path.join(ROOT, "bin", "pyserve")

# Each peer with the package that brings it.
PEERS = {
    "bjoern": "bjoern",
    "fastpysgi": "fastpysgi",
    "granian": "granian",
    "gunicorn": "gunicorn",
    "uwsgi": "pyuwsgi",
}

BJOERN = "import importlib, sys; module, name = sys.argv[1].split(':'); " \
    "import bjoern; bjoern.run(getattr(importlib.import_module(module), name), '127.0.0.1', int(sys.argv[2]))"


@dataclass(frozen=True)
class Server:
    """One row of a table: a server with a number of threads. threads 0: it has one and no choice."""

    family: str
    threads: int = 0
    engine: str = ""  # pyserve's --engine; "" is its default

    @property
    def name(self):
        return "-".join(filter(None, [self.family, str(self.threads or ""), self.engine]))

    @property
    def title(self):
        threads = {0: "", 1: ", 1 thread"}.get(self.threads, ", %d threads" % self.threads)
        return self.family + threads + (", " + self.engine if self.engine else "")

    @property
    def ours(self):
        return self.family == "pyserve"

    def command(self, app, port):
        """The command that serves app, MODULE:NAME, at a port of 127.0.0.1, from the folder of the module."""
        return COMMANDS[self.family](self, app, port)


def pyserve(server, app, port):
    command = [PYSERVE, "--bind", "127.0.0.1:%d" % port, "--threads", str(server.threads)]
    command += ["--venv", sys.prefix, "--log-level", "error"]
    return command + (["--engine", server.engine] if server.engine else []) + [app]


def bjoern(server, app, port):
    return [sys.executable, "-c", BJOERN, app, str(port)]


def fastpysgi(server, app, port):
    return [script("fastpysgi"), "--host", "127.0.0.1", "--port", str(port), app]


def granian(server, app, port):
    command = [script("granian"), "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--http", "1", "--no-ws", "--log-level", "error"]
    return command + ["--blocking-threads", str(server.threads), app]


def gunicorn(server, app, port):
    command = [script("gunicorn"), "--bind", "127.0.0.1:%d" % port, "--workers", "1", "--worker-class", "gthread"]
    return command + ["--threads", str(server.threads), "--no-control-socket", "--log-level", "error", app]


def uwsgi(server, app, port):
    # By its HTTP router: its own sockets either close after each answer or give a thread to each connection.
    command = [script("pyuwsgi"), "--http", "127.0.0.1:%d" % port, "--http-keepalive=60", "--single-interpreter"]
    command += ["--need-app", "--die-on-term", "--disable-logging", "--pythonpath", ".", "--module", app]
    return command + ["--threads", str(server.threads), "--listen", "100"]


COMMANDS = {f.__name__: f for f in (pyserve, bjoern, fastpysgi, granian, gunicorn, uwsgi)}


def script(name):
    return os.path.join(sys.prefix, "bin", name)


def environment(folder):
    """What the servers get of the environment: nothing that changes how Python or a server runs."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return dict(kept, PYTHONPATH=folder)


def has_engines():
    """Does this pyserve let one choose its engine?"""
    return "--engine" in told("--help")


def told(flag):
    return subprocess.run([PYSERVE, flag], capture_output=True, text=True, check=True).stdout


def versions():
    """Each server's version, or None for one that is not installed."""
    found = {"pyserve": told("--version").split("\n")[0].split()[-1]}
    for family, package in PEERS.items():
        try:
            found[family] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[family] = None
    return found
