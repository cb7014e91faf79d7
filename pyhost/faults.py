"""Exceptions, as people are to read them: part of the host's own Python (see bootstrap.py)."""

import importlib
import traceback

NAME = "<pyserve>"


class LoadError(Exception):
    """A fault in what the user asked for: shown as a sentence, without a traceback."""


def _without_our_frames(told):
    """Drops this program's own frames, and those of the import system that it called, from all of a traceback.

    The frames of an import that the application asked for itself stay.
    """
    waiting, seen = [told], set()
    while waiting:
        part = waiting.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        part.stack[:] = _application_frames(part.stack)
        waiting += [part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or ())]


def _application_frames(stack):
    frames, ours = [], False
    for frame in stack:
        ours = frame.filename == NAME or ours and _imports(frame.filename)
        if not ours:
            frames.append(frame)
    return frames


def _imports(filename):
    return filename == importlib.__file__ or filename.startswith("<frozen importlib")


def _text(value):
    """A str that UTF-8 and C strings can hold."""
    return str.encode(value, "utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


@_ends_children
def describe(kind, value, tb):
    """(type name, message, traceback) of an exception; the traceback is empty for a LoadError."""
    if isinstance(value, LoadError):
        return "LoadError", _text(str(value)), ""
    try:
        message = str(value)
    except BaseException:
        message = "<its str() failed>"
    try:
        told = traceback.TracebackException(kind, value, tb)
        _without_our_frames(told)
        lines = list(told.format())
        lines += getattr(value, ADVICE, ())
    except BaseException:
        lines = ["%s: %s (its traceback could not be formatted)\n" % (kind.__name__, message)]
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = "%s.%s" % (kind.__module__, name)
    return _text(name), _text(message), _text("".join(lines))


# The attribute of an exception that holds lines to print below its traceback.
ADVICE = "__pyserve_advice__"
