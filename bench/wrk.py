"""The load generator: runs wrk and reads what wrk.lua tells."""

import os
import subprocess
from dataclasses import dataclass

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wrk.lua")


@dataclass(frozen=True)
class Load:
    """What one wrk process asks for: connections that each send their next request when the last is answered."""

    path: str
    connections: int = 32
    pace_ms: int = 0  # how long a connection waits before each request; 0: not at all


@dataclass(frozen=True)
class Outcome:
    """What one wrk process saw. Times in seconds."""

    requests: int
    duration: float
    p50: float
    p99: float
    errors: int  # answers over 399, failed connects, reads and writes, and time-outs

    @property
    def rate(self):
        return self.requests / self.duration if self.duration else 0.0


class LoadFailed(Exception):
    """wrk did not run, or did not come to an end."""


def run(loads, port, seconds, core):
    """Runs one wrk for each load, all at once, on one core; returns their outcomes in the same order."""
    processes = []
    try:
        for load in loads:
            processes.append(start(load, port, seconds, core))
        return [finish(process, seconds) for process in processes]
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()


def start(load, port, seconds, core):
    command = ["taskset", "-c", str(core), "wrk", "--threads", "1", "--connections", str(load.connections)]
    command += ["--duration", "%ds" % seconds, "--timeout", "10s", "--latency", "--script", SCRIPT]
    command.append("http://127.0.0.1:%d%s" % (port, load.path))
    environment = dict(os.environ, PACE_MS=str(load.pace_ms))
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process, seconds):
    try:
        output, _ = process.communicate(timeout=seconds + 30)
    except subprocess.TimeoutExpired:
        raise LoadFailed("wrk did not end") from None
    for line in output.splitlines():
        if line.startswith("RESULT "):
            return outcome(line)
    raise LoadFailed("wrk ended with %d: %s" % (process.returncode, output.strip()))


def outcome(line):
    fields = {name: int(value) for name, value in (word.split("=") for word in line.split()[1:])}
    errors = sum(fields[kind] for kind in ("status", "connect", "read", "write", "timeout"))
    return Outcome(fields["requests"], fields["duration"] / 1e6, fields["p50"] / 1e6, fields["p99"] / 1e6, errors)
