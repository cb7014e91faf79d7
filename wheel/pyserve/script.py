"""pyserve.run: the server in a script of the user's."""

import os
import sys
import threading
from typing import Any, Callable, Dict, Iterable, List, NoReturn, Optional, Union

from pyserve.command import command_line, flush, serve

Application = Callable[..., Iterable[bytes]]

#: The application of the script that has called run(). The server finds it by this module's name.
app: Optional[Application] = None


def command_options(options: Dict[str, Any]) -> List[str]:
    """The options as words of the command line."""
    words = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if one is True:
                words.append(flag)
            elif one is not None and one is not False:
                words.append("%s=%s" % (flag, os.fspath(one) if isinstance(one, os.PathLike) else one))
    return words


def become(application: str, words: List[str]) -> NoReturn:
    """Replaces this process by the command that serves the application of that name."""
    import subprocess

    flush()
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    os.execv(sys.executable, [sys.executable] + flags + ["-m", "pyserve"] + words + [application])


def run(application: Union[str, Application], **options: Any) -> NoReturn:
    """Serves a WSGI application until the process is told to end (SIGTERM, SIGINT). It does not return.

    application is the callable itself, which this process serves, or its name, such as "shop:app": then this process
    becomes the command `pyserve shop:app`, which can also have workers and reload its code.

    options are those of the command line with underscores for hyphens: run(app, bind="0.0.0.0:8000", threads=8). True
    stands for an option that has no value, False and None for one that is not given, and a list for one that is repeated.

    At the end exit functions (atexit) run, then the process exits. run is called on the main thread, and once.
    """
    global app
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("pyserve.run has to be called on the main thread")
    if isinstance(application, str):
        become(application, command_options(options))
    if app is not None:
        raise RuntimeError("pyserve.run has been called before in this process")
    for name in ("workers", "preload", "reload"):
        if options.get(name):
            raise ValueError("pyserve.run: with %s, other processes import the application: give its name, such as \"shop:app\", "
                             "in place of the object" % name)
    app, options["workers"] = application, 0
    serve(command_options(options) + ["pyserve.script:app", "--"] + sys.argv[1:], command_line(), None)
