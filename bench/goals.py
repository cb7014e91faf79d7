"""What pyserve is to reach, as checks of its rows against a table.

Each function returns a goal: a function of (row, table) that returns a sentence and whether the goal is met,
or None where the run does not tell, for want of the servers to compare with.
"""


def cpu(limit, *families):
    """CPU time a request, at most limit times that of the best of the families (of all peers without any)."""
    return ratio("CPU a request", lambda row: row.cpu, limit, families)


def p99(limit, *families):
    """p99, at most limit times that of the best of the families."""
    return ratio("p99", lambda row: row.p99, limit, families)


def ratio(what, value, limit, families):
    def check(row, table):
        best = table.best(value, families)
        if best is None:
            return None
        has = value(row) / value(best)
        return "%s %.2f times %s's, goal %.2f" % (what, has, best.server.family, limit), has <= limit

    return check


def rate(wanted):
    def check(row, table):
        return "%d requests/s, goal %d" % (row.rate, wanted), row.rate >= wanted

    return check


def extra_over(wanted):
    """The scenario's own column, at least so much."""

    def check(row, table):
        return "%s %d, goal %d" % (table.scenario.extra.title, row.extra, wanted), row.extra >= wanted

    return check


def extra_under(limit):
    """The scenario's own column, at most so much."""

    def check(row, table):
        return "%s %d, goal under %d" % (table.scenario.extra.title, row.extra, limit), row.extra < limit

    return check


def rate_beside(share, server):
    """At least this share of the requests/s of one server."""

    def check(row, table):
        peer = table.row(server)
        if peer is None:
            return None
        has = row.rate / peer.rate
        return "%.2f of the requests/s of %s, goal %.2f" % (has, server.title, share), has >= share

    return check


def p99_under(seconds):
    def check(row, table):
        return "p99 %.1f ms, goal under %d" % (row.p99 * 1e3, seconds * 1e3), row.p99 < seconds

    return check
