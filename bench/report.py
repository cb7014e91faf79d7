"""The tables, as text for a terminal and as Markdown for docs/benchmarks.md: the one serves as the other."""

import datetime
import os

import machine
import servers

FILE = os.path.join(servers.ROOT, "docs/benchmarks.md")

METHOD = """Each server runs as one process pinned to one core, with wrk on another, over keep-alive connections on
127.0.0.1. Every number is the median of its runs (rounds: %d; seconds of each: %d, after 1 s of warm-up); in each
round every server is started anew, one after the other, so that whatever else happens on the machine meets them all
alike. CPU time is user and system time of the server's whole process tree, divided by the requests answered.

A row with errors (answers over 399, socket errors, time-outs) is marked with ! and compared with nothing. "others" is
what other processes and the hypervisor took of the two cores meanwhile: where it is more than a few percent, believe
no latency."""


def table(result):
    """One scenario's table and what goes with it, as lines of Markdown."""
    yield "## " + result.scenario.name
    yield ""
    yield result.scenario.about + " " + load_of(result.scenario)
    yield ""
    yield from aligned([heads(result.scenario)] + [cells(row, result) for row in result.rows])
    yield ""
    for row, sentence, met in result.verdicts():
        yield "- %s: %s: %s" % ("met" if met else "MISSED", row.server.title, sentence)
    for server in result.missing:
        yield "- missing: %s: not installed" % server.title
    for row in result.rows:
        if row.failure:
            yield "- FAILED: %s: %s" % (row.server.title, row.failure)
    yield ""


def load_of(scenario):
    return "Connections: %s." % ", ".join("%d for `%s`" % (load.connections, load.path) for load in scenario.loads)


def heads(scenario):
    extra = [scenario.extra.title] if scenario.extra else []
    return ["server", "requests/s"] + extra + \
        ["CPU µs/request", "p50 ms", "p99 ms", "CPU / best peer", "p99 / best peer", "errors", "others"]


def cells(row, result):
    extra = 1 if result.scenario.extra else 0
    if not row.measured:
        return [row.server.title, "failed"] + [""] * (7 + extra)
    mark = "! " if row.errors else ""
    return [mark + row.server.title, "{:,.0f}".format(row.rate)] + \
        ["{:,.0f}".format(row.extra)] * extra + \
        ["%.1f" % (row.cpu * 1e6), "%.2f" % (row.p50 * 1e3), "%.2f" % (row.p99 * 1e3)] + \
        [against(row, result, lambda r: r.cpu), against(row, result, lambda r: r.p99), str(row.errors)] + \
        ["%.0f %%" % (row.others * 100)]


def against(row, result, value):
    best = result.best(value)
    return "%.2f" % (value(row) / value(best)) if best and row.comparable else "–"


def aligned(rows):
    """A Markdown table whose columns line up in a terminal: text to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        padded = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        yield "| " + " | ".join(padded) + " |"
        if number == 0:
            rule = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
            yield "| " + " | ".join(rule) + " |"


def write(results, rounds, seconds, load_before):
    """Writes docs/benchmarks.md."""
    lines = ["# Benchmarks", "", "Written by `make bench` on %s." % datetime.date.today().isoformat(), ""]
    lines += [METHOD % (rounds, seconds), ""]
    lines += ["- %s: %s" % fact for fact in machine.facts(load_before)]
    lines.append("")
    for result in results:
        lines += table(result)
    os.makedirs(os.path.dirname(FILE), exist_ok=True)
    with open(FILE, "w") as file:
        file.write("\n".join(lines).rstrip() + "\n")
