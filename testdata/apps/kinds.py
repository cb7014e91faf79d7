"""Every kind of object PEP 3333 lets an application be, and every kind of iterable it may return.

All answer 200 with the three lines of LINES, unless they say otherwise. `app` shows each under its own
name, and under /validated/NAME inside wsgiref.validate, which fails loudly when either side breaks a
rule. Each is also an attribute of this module, `validated_NAME` too.
"""

import io
import tempfile
from wsgiref.validate import validator

from apps.dispatch import by_path, collect, query

LINES = [b"one\n", b"two\n", b"three\n"]
HEADERS = [("Content-Type", "text/plain")]
KINDS = {}
kind = collect(KINDS)


def start(start_response, *extra):
    return start_response("200 OK", HEADERS + list(extra))


# What may be an application.


@kind
def function(environ, start_response):
    start(start_response)
    return [b"".join(LINES)]


@kind
class iterable_class:
    """Calling the class is calling the application; the instance is the response."""

    def __init__(self, environ, start_response):
        self.start_response = start_response

    def __iter__(self):
        start(self.start_response)
        return iter(LINES)


class Instance:
    def __call__(self, environ, start_response):
        start(start_response)
        return LINES


instance = KINDS["instance"] = Instance()


class Methods:
    def method(self, environ, start_response):
        start(start_response)
        return LINES

    @staticmethod
    def static(environ, start_response):
        start(start_response)
        return LINES


bound_method = KINDS["bound_method"] = Methods().method
static_method = KINDS["static_method"] = Methods.static


@kind
def generator_function(environ, start_response):
    """start_response is called when the server asks for the first chunk, not before."""
    start(start_response)
    yield from LINES


@kind
def late_generator(environ, start_response):
    """Empty chunks may come before the first, and start_response only just before it (WsgiDAV)."""
    environ["wsgi.errors"].flush()
    start(start_response)
    yield b""
    yield b""
    yield from LINES


# What an application may return.


@kind
def plain_list(environ, start_response):
    start(start_response)
    return list(LINES)


@kind
def plain_tuple(environ, start_response):
    start(start_response)
    return tuple(LINES)


@kind
def plain_iterator(environ, start_response):
    start(start_response)
    return iter(LINES)


class WithoutLength:
    def __iter__(self):
        return iter(LINES)


class WithLength(WithoutLength):
    def __len__(self):
        return len(LINES)


class OldSequence:
    """Iterable by __getitem__ alone, as before Python 2.2; iter() still takes it."""

    def __getitem__(self, index):
        return LINES[index]


@kind
def iterable_without_length(environ, start_response):
    start(start_response)
    return WithoutLength()


@kind
def iterable_with_length(environ, start_response):
    start(start_response)
    return WithLength()


@kind
def old_sequence(environ, start_response):
    start(start_response)
    return OldSequence()


@kind
def declared_length(environ, start_response):
    start(start_response, ("Content-Length", "14"))
    return iter(LINES)


@kind
def empty_chunks_between(environ, start_response):
    """An empty chunk must not become the last chunk of a chunked response."""
    start(start_response)
    return iter([b"", LINES[0], b"", LINES[1], b"", b"", LINES[2], b""])


@kind
def empty_list(environ, start_response):
    """No content."""
    start(start_response)
    return []


@kind
def empty_generator(environ, start_response):
    """No content, and start_response called only when the server asks for some."""
    start(start_response)
    return
    yield


@kind
def only_empty_chunks(environ, start_response):
    """No content."""
    start(start_response)
    return [b"", b""]


# The write() callable, and both ways together.


@kind
def write_only(environ, start_response):
    write = start(start_response)
    for line in LINES:
        write(line)
    return []


@kind
def write_then_iterate(environ, start_response):
    write = start(start_response)
    write(LINES[0])
    return LINES[1:]


@kind
def write_with_length(environ, start_response):
    write = start(start_response, ("Content-Length", "14"))
    for line in LINES:
        write(line)
    return []


# Files. Each wrapped file holds CONTENT; a query of ?at=N starts at offset N.

CONTENT = b"".join(b"%04d\n" % number for number in range(20000))


def wrap(environ, file):
    file.seek(int(query(environ, "at", "0")))
    return environ["wsgi.file_wrapper"](file, 8192)


def real_file():
    file = tempfile.TemporaryFile()
    file.write(CONTENT)
    file.flush()
    return file


@kind
def wrapped_file(environ, start_response):
    """CONTENT, from a file with a descriptor."""
    start(start_response)
    return wrap(environ, real_file())


@kind
def wrapped_file_with_length(environ, start_response):
    """As many bytes as ?length says, though the file goes on."""
    start(start_response, ("Content-Length", query(environ, "length")))
    return wrap(environ, real_file())


@kind
def wrapped_bytesio(environ, start_response):
    """CONTENT, from an object that has no descriptor."""
    start(start_response)
    return wrap(environ, io.BytesIO(CONTENT))


@kind
def wrapped_reader(environ, start_response):
    """CONTENT, from an object with nothing but read(size)."""

    class Reader:
        def __init__(self):
            self.read = io.BytesIO(CONTENT).read

    start(start_response)
    return environ["wsgi.file_wrapper"](Reader())


@kind
def unwrapped_wrapper(environ, start_response):
    """CONTENT, by iterating the wrapper as middleware does."""
    start(start_response)
    return (block for block in wrap(environ, real_file()))


@kind
def wrapped_after_write(environ, start_response):
    """The first line by write(), the file after it."""
    start(start_response)(LINES[0])
    return wrap(environ, real_file())


VALIDATED = {name: validator(view) for name, view in KINDS.items()}
globals().update({"validated_" + name: view for name, view in VALIDATED.items()})

app = by_path({**KINDS, "validated": by_path(VALIDATED)})
