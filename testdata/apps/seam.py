"""Applications for the tests of the seam between Go and C."""

import gzip
import io
import os
import tempfile


def writes(environ, start_response):
    write = start_response("200 OK", [])
    try:
        write(b"content")
    except SystemError:
        pass
    return []


class OwnReader(io.FileIO):
    """Reads something else than the file holds."""

    def read(self, size=-1):
        return b""


def _path(content=b"content"):
    descriptor, path = tempfile.mkstemp()
    os.write(descriptor, content)
    os.close(descriptor)
    return path


def _open(kind):
    if kind == "regular":
        handle = open(_path(), "rb")
        handle.seek(3)
    elif kind == "buffered_after_read":
        handle = open(_path(), "rb")
        handle.read(2)
    elif kind == "temporary":
        handle = tempfile.TemporaryFile()
        handle.write(b"content")
        handle.seek(0)
    elif kind == "named_temporary":
        handle = tempfile.NamedTemporaryFile()
        handle.write(b"content")
        handle.seek(1)
    elif kind == "unbuffered":
        handle = open(_path(), "rb", buffering=0)
        handle.seek(4)
    elif kind == "read_and_write":
        handle = open(_path(), "r+b")
        handle.seek(7)
        handle.write(b"new")
        handle.seek(5)
    elif kind == "gzip":
        handle = gzip.open(_path(gzip.compress(b"content")))
    elif kind == "buffered_gzip":
        handle = io.BufferedReader(gzip.open(_path(gzip.compress(b"content"))))
    elif kind == "bytes":
        handle = io.BytesIO(b"content")
    elif kind == "pipe":
        reading, writing = os.pipe()
        os.close(writing)
        handle = open(reading, "rb")
    elif kind == "subclass":
        handle = OwnReader(_path())
    return handle


def file(environ, start_response):
    """Leaves start_response alone: the test looks at what is returned, no response is sent."""
    return environ["wsgi.file_wrapper"](_open(environ["PATH_INFO"][1:]))
