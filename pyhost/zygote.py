"""The zygote: imports the application once, and forks workers that have it already (--preload).

zygote.c runs this in a process that has one thread. It is compiled there only, into a module that no import
finds. Package zygote is the other end of the channel, and documents what goes over it.
"""

import _signal
import _socket
import faulthandler
import gc
import os
import select
import sys
import threading

# As they are before the application is imported, which may put others in their place (gevent does).
fork, waitpid, new_poll = os.fork, os.waitpid, select.poll
open_pidfd, close = getattr(os, "pidfd_open", None), os.close
get_ident, all_threads, main_thread = threading.get_ident, threading.enumerate, threading.main_thread()

# How often to look for the end of children, in ms, where the kernel does not report it (Linux before 5.3).
LOOK = 100

# The signal at which the stacks are written while the application is imported. No import of signal: it would wrap all
# numbers that are there.
STACKS = _signal.SIGUSR1

# What one packet takes, descriptors and all.
PACKET, DESCRIPTORS = 64 * 1024, 64

channel = None
children = {}  # the pid of each worker, with its pidfd or None


def send(kind, text):
    try:
        channel.send(kind + text.encode("utf-8", "backslashreplace")[:PACKET])
    except OSError:
        os._exit(0)  # the master is gone


# ---- the import ----


def load(bootstrap, descriptor, directory, extra, spec):
    """The application, as bootstrap.load finds it. If it does not load, the master is told why and the process ends.

    directory, extra and spec are bytes.
    """
    global channel
    channel = _socket.socket(fileno=descriptor)
    stacks = descriptor + 1  # a file of the master's
    faulthandler.enable(2)  # until become_worker; an application that enables or disables it itself has its way
    try:
        os.set_inheritable(stacks, False)
        faulthandler.register(STACKS, stacks)
        bootstrap.call(b"prepare_path", directory, extra)
        app = bootstrap.call(b"load", spec)
    except BaseException:
        send(b"f", "\0".join(bootstrap.describe(*sys.exc_info())))
        os._exit(1)
    faulthandler.unregister(STACKS)
    close(stacks)
    return app


def threads_left():
    """Names, and where they are, the Python threads that the import has left: no worker has them."""
    names = {thread.ident: thread.name for thread in all_threads()}
    frames = sys._current_frames()
    frames.pop(get_ident(), None)
    return ["%s in %s:%d" % (names.get(ident, "a thread without a name"), frame.f_code.co_filename, frame.f_lineno)
            for ident, frame in frames.items()]


# Libraries that have threads of their own: part of the file's name.
POOLS = "gomp", "iomp", "libomp", "openblas", "mkl", "tbb", "grpc", "libuv", "librdkafka"


def native_threads_left():
    """What is to be said of the threads that C code has started in the import, a line; nothing if there are none."""
    # eventlet's threads have no native_id.
    known = {getattr(thread, "native_id", None) for thread in all_threads()} - {None} | {os.getpid()}
    names = {}
    for task in os.listdir("/proc/self/task"):
        if int(task) not in known:
            with open("/proc/self/task/%s/comm" % task) as file:
                name = file.read().strip()
            names[name] = names.get(name, 0) + 1
    if sum(names.values()) <= len(sys._current_frames()) - len(known):  # those are Python's, though threading knows not of them
        return []
    with open("/proc/self/maps") as maps:
        files = {os.path.basename(line.split()[-1]) for line in maps if "/" in line}
    pools = sorted(file for file in files if any(pool in file for pool in POOLS))
    text = ", ".join("%d named %s" % (count, name) for name, count in sorted(names.items()))
    return ["C:" + text + (" (loaded: %s)" % ", ".join(pools) if pools else "")]


# ---- the workers ----


def serve():
    """Forks workers for as long as the master wants. Returns in them: the variable for their environment."""
    # Or the first collection in a worker would write to every page there is. None before: it saves nothing, as
    # workers write into the holes that it leaves.
    gc.freeze()
    send(b"r", "\n".join(threads_left() + native_threads_left()))
    poller = new_poll()
    poller.register(channel.fileno(), select.POLLIN)
    while True:
        poller.poll(LOOK if None in children.values() else None)
        reap(poller)
        variable = receive(poller)
        if variable is not None:
            return variable


def reap(poller):
    for pid, pidfd in list(children.items()):
        ended, status = waitpid(pid, os.WNOHANG)
        if not ended:
            continue
        del children[pid]
        if pidfd is not None:
            poller.unregister(pidfd)
            close(pidfd)
        send(b"x", "%d %d" % (pid, status))


def receive(poller):
    """Does what the master asks for, if it does."""
    try:
        template, control, _, _ = channel.recvmsg(PACKET, _socket.CMSG_SPACE(4 * DESCRIPTORS),
                                                  _socket.MSG_DONTWAIT | _socket.MSG_CMSG_CLOEXEC)
    except BlockingIOError:
        return None
    if not template:
        os._exit(0)  # the master is gone, or wants no more workers
    descriptors = [int.from_bytes(data[i:i + 4], sys.byteorder) for _, _, data in control for i in range(0, len(data), 4)]
    return spawn(poller, template.decode(), descriptors)


def spawn(poller, template, descriptors):
    try:
        pid = fork()
    except OSError as error:
        send(b"e", str(error))
    else:
        if pid == 0:
            return become_worker(template, descriptors)
        children[pid] = watch(poller, pid)
        send(b"s", "%d" % pid)
    for descriptor in descriptors:
        close(descriptor)
    return None


def watch(poller, pid):
    """A descriptor that wakes the poller when the child ends, or None."""
    try:
        pidfd = open_pidfd(pid)
    except (OSError, TypeError):  # TypeError: Python was built without it
        return None
    poller.register(pidfd, select.POLLIN)
    return pidfd


def become_worker(template, descriptors):
    channel.close()
    for pidfd in children.values():
        if pidfd is not None:
            close(pidfd)
    children.clear()
    faulthandler.disable()  # the workers have their own way (crash.c)
    main_thread._set_native_id()  # CPython 3.11 and before forget that
    for place, descriptor in enumerate(descriptors):
        template = template.replace("{%d}" % place, str(descriptor))
    return template
