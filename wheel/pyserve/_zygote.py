"""--preload: this process imports the application and forks. Only its children load the server, and start Go's threads.

The other end, and what goes over the channel, are in package pyhost/zygote; what zygote.py does here is the same as in
an executable, where zygote.c stands in the place of this file.
"""

import os
import signal
import socket
import sys
import types

# What is sent to the whole process group is the master's business; SIGPIPE and SIGXFSZ Python expects to be ignored.
IGNORED = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGXFSZ]
# Those that the server uses, see signals.c.
SERVERS = IGNORED + [signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH, signal.SIGURG]
CRASHES = [signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT]
TIMERS = [signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF]


def name_process():
    try:
        with open("/proc/self/comm", "w") as comm:
            comm.write("pyserve")
    except OSError:  # there is no /proc
        pass


def module(name, source):
    made = types.ModuleType(name)
    sys.modules[name] = made
    exec(compile(source, "<pyserve>", "exec"), made.__dict__)
    return made


def receive(fd):
    """The configuration's parts, in the order of zygote.go."""
    with socket.socket(fileno=os.dup(fd)) as channel:
        text = channel.recv(1 << 24)
    if not text:
        os._exit(0)  # the master is gone
    return [os.fsdecode(part) for part in text.split(b"\0")[:-1]]


def put_aside():
    """Takes the application's own handlers and timers away: they are for the workers. Returns what brings them back there."""
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals().difference(SERVERS, CRASHES)}
    handlers = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in handlers:
        signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else signal.SIG_IGN)
    timers = [signal.setitimer(timer, 0) for timer in TIMERS]  # fork() would stop them

    def put_back():
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for timer, value in zip(TIMERS, timers):
            signal.setitimer(timer, *value)

    return put_back


def run(fd):
    """Serves the master. Returns in the workers: what _engine.run takes as preloaded."""
    os.set_inheritable(fd, False)
    name_process()
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    _, directory, path, spec, bootstrap, zygote, *arguments = receive(fd)
    sys.argv[:] = arguments
    bootstrap, zygote = module("_pyserve", bootstrap), module("_pyserve_zygote", zygote)
    before = {number: signal.getsignal(number) for number in SERVERS}
    app = zygote.load(bootstrap, fd, *map(os.fsencode, (directory, path, spec)))
    changed = 0
    for number, action in before.items():
        if signal.getsignal(number) is not action and signal.getsignal(number) != action:
            changed |= 1 << number
            signal.signal(number, action)
    put_back = put_aside()
    sys.stdout.flush()
    variable = zygote.serve()
    for number in IGNORED:
        signal.signal(number, signal.SIG_DFL)
    put_back()
    name, _, value = variable.partition("=")
    os.environ[name] = value
    return app, spec, bootstrap, changed
