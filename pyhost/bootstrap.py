"""The host's own Python: what is easier said in Python than in C.

Package pyhost compiles exceptions.py, this source, and faults.py, callables.py, hints.py and loading.py after it, into one
module that no import finds. Everything here is called on Python's main thread, except FileWrapper and file_region, which requests
use, and describe.
"""

import errno
import faulthandler
import functools
import io
import os
import signal
import stat
import sys
import threading


if "pyserve" in sys.modules:  # the wheel's package, by which applications name them
    from pyserve.exceptions import RequestTimeout, ServerShutdown


def call(function, *arguments):
    """Calls a function of this module with strings of the operating system, which come as bytes and may not be UTF-8."""
    return globals()[os.fsdecode(function)](*map(os.fsdecode, arguments))


def nothing():
    """What an exception is raised in that is meant for nobody any more (interrupt.c)."""


# ---- the extension module ----


def _unpacked(words):
    return map(os.fsdecode, bytes.fromhex(words).split(b"\0"))


def set_arguments(words):
    """A script that has called pyserve.run has its arguments."""
    if "pyserve.script" in sys.modules and sys.modules["pyserve.script"].app is not None:
        return
    sys.argv[:] = _unpacked(words)


def set_environment(entries):
    """os.environ is what Python copied when it started: --env and the like came later."""
    now = dict(entry.split("=", 1) for entry in _unpacked(entries))
    for name in set(os.environ).difference(now):
        del os.environ[name]
    for name, value in now.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


# ---- forks ----


def _ends_children(function):
    """Marks what Go calls and what runs the application's code: a child forked in it must not come back to Go.

    (Where requests run, C sees to that: ps_leave_child.)
    """
    def call(*arguments):
        process = os.getpid()
        try:
            return function(*arguments)
        finally:
            if os.getpid() != process:
                os.write(2, b"pyserve: a child process forked by the application came back from it; it ends here.\n")
                os._exit(1)

    return call


def context_maker():
    """What makes copies of the context that this is called in.

    A copy has the same objects in it. Of those that are known the decimal module's can be changed, and is copied, too.
    """
    from contextvars import copy_context

    context = copy_context()
    if not any(variable.name == "decimal_context" for variable in context):
        return context.copy
    from decimal import getcontext, setcontext

    kept = getcontext().copy()

    def make():
        copy = context.copy()
        copy.run(setcontext, kept.copy())
        return copy

    return make


# ---- wsgi.file_wrapper ----


class FileWrapper:
    """wsgi.file_wrapper ("PEP 3333, Optional Platform-Specific File Handling")."""

    def __init__(self, filelike, blksize=8192):
        self.filelike = filelike
        self.blksize = blksize

    def __iter__(self):
        return self

    def __next__(self):
        block = self.filelike.read(self.blksize)
        if block:
            return block
        raise StopIteration

    def close(self):
        close = getattr(self.filelike, "close", None)
        if close is not None:
            close()


def file_region(wrapper):
    """(descriptor, position, size) when the wrapped object is nothing but a regular file, else None: it is read then.

    Only exact types of io count: an object that merely has a fileno(), such as a GzipFile, reads other
    bytes than the file holds. So do the files of procfs and sysfs, and some of FUSE: their size is 0, or a page that no
    block of a disk stands behind.
    """
    filelike = wrapper.filelike
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None and type(filelike) is tempfile._TemporaryFileWrapper:
        filelike = filelike.file
    if type(filelike) in (io.BufferedReader, io.BufferedRandom):
        raw = filelike.raw
    else:
        raw = filelike
    if type(raw) is not io.FileIO or raw.closed or not raw.readable():
        return None
    if type(filelike) is io.BufferedRandom:
        filelike.flush()
    status = os.fstat(raw.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_size == 0 or getattr(status, "st_blocks", 1) == 0:
        return None
    return raw.fileno(), filelike.tell(), status.st_size


# ---- wsgi.errors ----


def write_lines(errors, lines):
    """wsgi.errors.writelines."""
    for line in lines:
        errors.write(line)


# ---- standard streams ----


class _Stream(io.FileIO):
    """Standard output or error. Its reader may go away, as that of any log: what is printed then is lost, and said so
    once, and no view fails."""

    broken = False

    def write(self, data):
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while rest:
                rest = rest[super().write(rest) or size:]  # None: there is no room
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO):  # EIO: a terminal that was closed
                raise
            self._tell()
        return size

    def _tell(self):
        if not self.broken and self.fileno() != 2:
            self.broken = True
            try:
                os.write(2, b"pyserve: nobody reads the standard output any more: what the application prints is lost\n")
            except OSError:
                pass


def _outlive_readers(name):
    old = getattr(sys, name)
    if type(old) is not io.TextIOWrapper or type(old.buffer) is not io.FileIO:
        return  # closed, or already another's
    raw = _Stream(old.fileno(), "wb", closefd=False)
    raw.name = old.name
    new = io.TextIOWrapper(raw, old.encoding, old.errors, "\n", old.line_buffering, write_through=True)
    new.mode = old.mode
    setattr(sys, name, new)
    setattr(sys, "__%s__" % name, new)


_outlive_readers("stdout")
_outlive_readers("stderr")


# ---- signals ----

wakeup = None  # what the server is woken by when a signal comes that has a handler here; -1 if not by a descriptor


@_ends_children
def be_woken(descriptor):
    """Has a byte written to the descriptor for each signal from now on, unless the application has one of its own."""
    global wakeup
    if wakeup is None:
        os.register_at_fork(after_in_child=_forget_wakeup)
        wakeup = int(descriptor)
    if wakeup >= 0:
        try:
            other = signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        except (OSError, ValueError):  # the application has closed it
            other = wakeup = -1
        if other not in (-1, wakeup):
            wakeup = -1
            signal.set_wakeup_fd(other)


def _forget_wakeup():
    """The descriptor is the parent's. What the application has instead is its own affair."""
    other = signal.set_wakeup_fd(-1)
    if other not in (-1, wakeup):
        signal.set_wakeup_fd(other)


# ---- dumps ----


def start_dumps(crash, stacks, signal):
    """Has faulthandler install its handlers, which C then takes; crash is -1 if there are to be no crash dumps.

    From here on the application cannot give faulthandler the signals that Go needs, nor the one under which it knows the
    stacks. A forked child can.
    """
    faulthandler.disable()  # -X faulthandler has it on: enable() would then install nothing
    if crash >= 0:
        # The C stack (3.14) needs malloc, in which the crash may have happened.
        faulthandler.enable(crash, all_threads=True, **({"c_stack": False} if sys.version_info >= (3, 14) else {}))
    faulthandler.register(signal, stacks, all_threads=True)
    faulthandler.enable = _in_children(faulthandler.enable)
    faulthandler.disable = _in_children(faulthandler.disable)
    faulthandler.register = _in_children(faulthandler.register, signal)
    faulthandler.unregister = _in_children(faulthandler.unregister, signal)


def _in_children(function, signal=None):
    """The function, as one that does nothing in this process, or nothing to the signal if there is one."""
    process = os.getpid()

    @functools.wraps(function)
    def call(*arguments, **keywords):
        if os.getpid() != process or signal is not None and signal != (arguments[:1] or (keywords.get("signum"),))[0]:
            return function(*arguments, **keywords)

    return call


def thread_stack(ident):
    """Where a thread is, in faulthandler's form."""
    frame, lines = sys._current_frames().get(int(ident)), ["Thread 0x%016x (most recent call first):" % int(ident)]
    while frame is not None and len(lines) <= 100:
        lines.append('  File "%s", line %s in %s' % (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return _text("\n".join(lines) + "\n")


# ---- threads and the end ----


def name_thread(name):
    """Makes the calling thread known to threading, and gives it the hooks of threading.settrace and setprofile.

    Before 3.13 threading knows a thread's end by a lock that only threads of its own have. In a child forked
    from this one (multiprocessing) it is the main thread, and its end is waited for.
    """
    thread = threading.current_thread()
    thread.name = name
    if hasattr(thread, "_set_tstate_lock"):
        thread._set_tstate_lock()
    if threading._trace_hook:
        sys.settrace(threading._trace_hook)
    if threading._profile_hook:
        sys.setprofile(threading._profile_hook)


@_ends_children
def run_exit_functions():
    """What CPython does before it finalises: waits for threads, then atexit, then flushes. An exception is reported and
    keeps nothing from coming."""
    import atexit

    for step in (threading._shutdown, atexit._run_exitfuncs):
        try:
            step()
        except BaseException as error:
            os.write(2, describe(type(error), error, error.__traceback__)[2].encode())
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass


def module_files():
    """The source files of what is imported, a line each, as the file system has them."""
    files = set()
    for module in list(sys.modules.values()):  # another thread may be importing
        try:
            file = module.__file__
        except Exception:  # it has none, or makes its attributes when they are asked for, and fails
            continue
        if isinstance(file, str) and "\n" not in file and "\0" not in file:
            files.add(file)
    return os.fsencode("\n".join(sorted(files)))


def report():
    """What `pyserve check` prints of the interpreter: lines of name and value."""
    import importlib.metadata

    lines = [("executable", sys.executable), ("version", sys.version.replace("\n", " ")), ("prefix", sys.prefix),
             ("base prefix", sys.base_prefix), ("standard library", os.path.dirname(os.__file__))]
    try:
        import ssl

        lines.append(("openssl", ssl.OPENSSL_VERSION))
    except ImportError as error:  # a Python that was built without it, or finds another libssl
        lines.append(("openssl", "none (%s)" % error))
    for name in ("Flask", "Django", "pyramid", "Werkzeug"):
        try:
            lines.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            pass
    lines.append(("sys.path", os.pathsep.join(sys.path)))
    return _text("\n".join("%s\t%s" % line for line in lines)).encode()
