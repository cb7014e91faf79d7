"""Medians over the rounds, and the comparison of pyserve with the best peer."""

from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Sample:
    """One server in one round. Times in seconds; cpu is CPU time a request."""

    rate: float
    cpu: float
    p50: float
    p99: float
    errors: int
    others: float  # share of the two cores that other processes took
    extra: float = 0.0  # of the scenario's own column


@dataclass
class Row:
    """One server's samples; failure is what it said when it could not be measured, and then there is nothing else."""

    server: object
    samples: list = field(default_factory=list)
    failure: str = ""

    def middle(self, name):
        return median(getattr(sample, name) for sample in self.samples)

    rate = property(lambda self: self.middle("rate"))
    cpu = property(lambda self: self.middle("cpu"))
    p50 = property(lambda self: self.middle("p50"))
    p99 = property(lambda self: self.middle("p99"))
    others = property(lambda self: self.middle("others"))
    extra = property(lambda self: self.middle("extra"))
    errors = property(lambda self: sum(sample.errors for sample in self.samples))

    @property
    def measured(self):
        return not self.failure and bool(self.samples)

    @property
    def comparable(self):
        """A server that fails requests has less to do for each."""
        return self.measured and not self.errors


@dataclass
class Table:
    """One scenario's rows, those of its servers that are installed; missing names the others."""

    scenario: object
    rows: list
    missing: list

    def row(self, server):
        """The row of a server, or None if it cannot be compared with."""
        return next((row for row in self.rows if row.server == server and row.comparable), None)

    def best(self, value, families=()):
        """The peer with the lowest value, of the families named or of all; None if there is none."""
        peers = [row for row in self.rows if row.comparable and not row.server.ours]
        return min((row for row in peers if not families or row.server.family in families), key=value, default=None)

    def verdicts(self):
        """(row, sentence, met) for each goal and each row of pyserve's default engine."""
        for row in self.rows:
            if not row.server.ours or row.server.engine or not row.measured:
                continue
            for goal in self.scenario.goals:
                verdict = goal(row, self)
                if verdict:
                    yield (row,) + verdict
