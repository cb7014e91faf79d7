"""What the numbers depend on: the machine, its kernel, and the versions of everything."""

import functools
import os
import platform
import resource
import subprocess
import time
from importlib import metadata

import servers


@functools.lru_cache(maxsize=None)
def cores():
    """The core of the server and the core of the load generator, which must be two."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise SystemExit("pyserve: the benchmark needs two cores: one for the server, one for the load generator")
    return usable[0], usable[1]


def load():
    """How many processes wanted to run, on average over the last minute."""
    return os.getloadavg()[0]


def busy_seconds():
    """A clock of the time in which the two cores in use were not idle; only differences mean something.

    What the cores did is not added up: a hypervisor may take time without telling, and kernels differ in whether
    a process's time holds the interrupts it was stopped by.
    """
    names = ["cpu%d" % core for core in cores()]
    with open("/proc/stat") as stat:
        lines = [line.split() for line in stat]
    idle = sum(int(line[4]) + int(line[5]) for line in lines if line[0] in names)  # idle, iowait: proc(5)
    return len(names) * time.monotonic() - idle / os.sysconf("SC_CLK_TCK")


def own_seconds():
    """CPU time of this process and of those it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def facts(load_before):
    """(name, fact) pairs; load_before is load() from before the first measurement."""
    yield "processor", "%s, %d cores%s" % (processor(), os.cpu_count(), siblings())
    yield "kernel", "%s %s" % (platform.system(), platform.release())
    yield "Python", platform.python_version()
    for name, version in servers.versions().items():
        yield name, version or "missing: not installed"
    yield "Flask, Django", "%s, %s" % (metadata.version("flask"), metadata.version("django"))
    yield "load generator", wrk_version()
    busy = " (the machine was busy: expect noise)" if load_before > 0.5 else ""
    yield "load average at the start", "%.1f%s" % (load_before, busy)


def processor():
    with open("/proc/cpuinfo") as cpuinfo:
        for line in cpuinfo:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def siblings():
    """Says whether the two cores in use share one physical core."""
    server, generator = cores()
    try:
        with open("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list" % server) as file:
            shared = expand(file.read().strip())
    except OSError:
        return ""
    return ", the two in use being hardware threads of one physical core" if generator in shared else ""


def expand(ranges):
    """The numbers of a kernel list: "0-1,4" is 0, 1 and 4."""
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def wrk_version():
    # wrk has no flag of its own for it: it prints its version with its usage and ends with 1.
    said = subprocess.run(["wrk", "-v"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    return " ".join(said.split()[:2])
