"""What the soak test asks for: answers whose every byte the client can check.

/digest       size and SHA-256 of the request's content
/list/N       N bytes of a pattern, as a list of one
/stream/N     the same, in blocks of 1,000 from a generator
/write/N      the same, by write()
/file/N       the same, from a temporary file through wsgi.file_wrapper
/wait         "waited", after 5 ms
/raise        an exception
/torn/N       N bytes, then an exception
"""

import hashlib
import tempfile
import time


def pattern(size):
    block = bytes(range(251))
    return (block * (size // 251 + 1))[:size]


def blocks(content):
    for start in range(0, len(content), 1000):
        yield content[start:start + 1000]


def torn(content):
    yield from blocks(content)
    raise ValueError("torn on purpose")


def app(environ, start_response):
    _, kind, *rest = environ["PATH_INFO"].split("/")
    content = pattern(int(rest[0])) if rest else b""
    if kind == "raise":
        raise ValueError("raised on purpose")
    if kind == "wait":
        time.sleep(0.005)
        content = b"waited"
    if kind == "digest":
        body = environ["wsgi.input"].read()
        content = b"%d %s" % (len(body), hashlib.sha256(body).hexdigest().encode())
    write = start_response("200 OK", [("Content-Type", "application/octet-stream")])
    if kind == "stream":
        return blocks(content)
    if kind == "torn":
        return torn(content)
    if kind == "write":
        for block in blocks(content):
            write(block)
        return []
    if kind == "file":
        handle = tempfile.TemporaryFile()
        handle.write(content)
        handle.seek(0)
        return environ["wsgi.file_wrapper"](handle)
    return [content]
