"""The command: pyserve, or python -m pyserve."""

import io
import os
import signal
import sys
from typing import Any, List, NoReturn


def unbuffered() -> None:
    """print() shows immediately under a pipe, as with python -u."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if type(stream) is not io.TextIOWrapper or not isinstance(stream.buffer, io.BufferedWriter):
            continue
        encoding, errors, mode = stream.encoding, stream.errors, stream.mode
        raw = stream.detach().detach()
        stream = io.TextIOWrapper(raw, encoding, errors, write_through=True, line_buffering=True)
        stream.mode = mode
        setattr(sys, name, stream)
        setattr(sys, "__%s__" % name, stream)


def command_line() -> List[str]:
    """How this process was started, by this interpreter's path: so its options, and its environment, count again."""
    if hasattr(sys, "orig_argv"):  # from 3.10 on
        words = sys.orig_argv
    else:
        with open("/proc/self/cmdline", "rb") as file:
            words = [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
    return [sys.executable] + words[1:]


def flush() -> None:
    """What this process has printed must not be lost, nor be printed by a child, too."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # there is none, nobody reads it, or the application has closed it
            pass


def interrupt_plainly() -> None:
    """No KeyboardInterrupt: SIGINT ends the process until the server has it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def serve(arguments: List[str], again: List[str], preloaded: Any) -> NoReturn:
    """Runs the server on this thread, the main one, and ends the process. again is how it was started."""
    interrupt_plainly()
    from pyserve import _engine  # starts the Go runtime; turns on the GIL of a free-threaded Python

    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        print("pyserve: this Python runs without its global interpreter lock, which pyserve does not support yet: "
              "start it without PYTHON_GIL=0 and -X gil=0", file=sys.stderr, flush=True)
        os._exit(2)
    code = _engine.run(sys.executable, arguments, again, preloaded)
    flush()
    os._exit(code)  # exit functions have run; to finalise the interpreter crashes in too many extension modules


def main() -> NoReturn:
    interrupt_plainly()
    unbuffered()
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]  # the working folder (-m), or the script's; the application's own folders come in its place
    arguments, preloaded = sys.argv[1:], None  # the zygote makes sys.argv the application's
    if "PYSERVE_ZYGOTE" in os.environ:
        from pyserve import _zygote

        preloaded = _zygote.run(int(os.environ.pop("PYSERVE_ZYGOTE")))  # returns in workers only
    serve(arguments, command_line(), preloaded)
