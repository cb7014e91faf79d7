"""Measures pyserve beside other WSGI servers. Run by scripts/bench, with the Python of the benchmark's own
virtual environment.

By the environment: SCENARIOS and SERVERS (names, a server's family or one row as in pyserve-16; default all),
ROUNDS (3), SECONDS_EACH (4), WRITE (1: write docs/benchmarks.md; 0: do not; default: when everything was measured).
Exits with 1 if pyserve could not be measured or failed requests; a goal that is missed is told, not an error.
"""

import dataclasses
import os
import signal
import sys
import tempfile
import time

import machine
import process
import report
import servers
import wrk
from results import Row, Sample, Table
from scenarios import SCENARIOS

WARM_UP_SECONDS = 1
SETTLE_SECONDS = 0.5  # until the requests that the warm-up left behind are done


def main():
    # So that a server never outlives the benchmark: the exit unwinds the stack and ends it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.sched_setaffinity(0, {machine.cores()[1]})  # away from the server
    rounds, seconds = number("ROUNDS", 3), number("SECONDS_EACH", 4)
    scenarios = chosen_scenarios()
    wanted = chosen_servers()
    load_before = machine.load()
    for fact in machine.facts(load_before):
        say("%s: %s" % fact)
    results = []
    for scenario in scenarios:
        result = measure(scenario, wanted, rounds, seconds)
        results.append(result)
        print("\n" + "\n".join(report.table(result)), flush=True)
    if os.environ.get("WRITE") or (len(scenarios) == len(SCENARIOS) and not os.environ.get("SERVERS")):
        if os.environ.get("WRITE") != "0":
            report.write(results, rounds, seconds, load_before)
            say("wrote docs/benchmarks.md")
    return 0 if all(row.comparable for result in results for row in result.rows if row.server.ours) else 1


def number(name, default):
    text = os.environ.get(name) or str(default)
    if not text.isdigit() or int(text) < 1:
        raise SystemExit("pyserve: %s=%s is no whole number above 0" % (name, text))
    return int(text)


def chosen_scenarios():
    names = os.environ.get("SCENARIOS", "").split() or [scenario.name for scenario in SCENARIOS]
    refuse_unknown("SCENARIOS", names, [scenario.name for scenario in SCENARIOS])
    return [scenario for scenario in SCENARIOS if scenario.name in names]


def chosen_servers():
    """A function that tells whether a server is wanted."""
    names = os.environ.get("SERVERS", "").split()
    rows = [server for scenario in SCENARIOS for server in scenario.servers]
    refuse_unknown("SERVERS", names, [row.family for row in rows] + [row.name for row in rows])
    engines = servers.has_engines()

    def wanted(server):
        return (engines or not server.engine) and (not names or server.family in names or server.name in names)

    return wanted


def refuse_unknown(variable, names, known):
    for name in names:
        if name not in known:
            raise SystemExit("pyserve: %s: no %s; there are: %s" % (variable, name, " ".join(dict.fromkeys(known))))


def measure(scenario, wanted, rounds, seconds):
    """All servers in turn, so many rounds, every other round backwards."""
    versions = servers.versions()
    there = [server for server in scenario.servers if wanted(server)]
    rows = [Row(server) for server in there if versions[server.family]]
    for turn in range(rounds):
        for row in rows if turn % 2 == 0 else reversed(rows):
            if row.failure:
                continue
            say("%s, round %d of %d: %s" % (scenario.name, turn + 1, rounds, row.server.title))
            try:
                row.samples.append(sample(scenario, row.server, seconds))
            except (process.ServerFailed, wrk.LoadFailed, OSError) as failure:
                row.failure = str(failure)
    return Table(scenario, rows, [server for server in there if not versions[server.family]])


def sample(scenario, server, seconds):
    core, generator_core = machine.cores()
    port = process.free_port()
    with tempfile.TemporaryDirectory() as scratch:
        environment = servers.environment(scenario.folder)
        environment["DJANGOAPP_DB"] = os.path.join(scratch, "django.sqlite3")
        command = server.command(scenario.app, port)
        with process.running(command, scenario.folder, environment, core) as running:
            running.wait_ready(port, scenario.loads[0].path, scenario.expected)
            warm_up = wrk.run(scenario.loads, port, WARM_UP_SECONDS, generator_core)
            extra = scenario.extra.measure(port, server, warm_up) if scenario.extra and scenario.extra.measure else 0.0
            if not scenario.crowd:
                return loaded(scenario, port, seconds, running, warm_up, extra)
            alone = loaded(scenario, port, seconds, running, warm_up)
            with scenario.crowd(port):
                together = loaded(scenario, port, seconds, running, warm_up)
            return dataclasses.replace(together, extra=100 * together.cpu / alone.cpu)


def loaded(scenario, port, seconds, running, warm_up, extra=0.0):
    """Runs the scenario's loads and measures."""
    time.sleep(SETTLE_SECONDS)
    begin = Usage(running)
    outcomes = wrk.run(scenario.loads, port, seconds, machine.cores()[1])
    end = Usage(running)
    running.check_alive()
    return make_sample(outcomes, warm_up, begin, end, extra)


class Usage:
    """The clock, and who used how much CPU time so far, in seconds."""

    def __init__(self, running):
        self.clock = time.monotonic()
        self.server = running.cpu_seconds()
        self.others = machine.busy_seconds() - machine.own_seconds() - self.server


def make_sample(outcomes, warm_up, begin, end, extra):
    requests = sum(outcome.requests for outcome in outcomes)
    if not requests:
        raise wrk.LoadFailed("answered nothing")
    return Sample(
        rate=sum(outcome.rate for outcome in outcomes),
        cpu=(end.server - begin.server) / requests,
        p50=outcomes[0].p50,
        p99=outcomes[0].p99,
        errors=sum(outcome.errors for outcome in warm_up + outcomes),
        others=max(0.0, end.others - begin.others) / (2 * (end.clock - begin.clock)),
        extra=extra,
    )


def say(text):
    print("pyserve: " + text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
