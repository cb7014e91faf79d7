"""Reads the request's body in every way a file may be read, and tells what came out.

/pieces/METHOD answers JSON: the pieces as Latin-1 text, then what three more reads give (all empty).
/digest reads to the end by blocks: size and SHA-256; it counts the calls and the reads that failed,
which /counters shows.
"""

import hashlib

from apps.dispatch import answer_json, by_path, collect, query

PIECES = {}
pieces = collect(PIECES)
COUNTERS = {"calls": 0, "complete": 0, "failed": []}


def until_empty(read):
    return list(iter(read, b""))


@pieces
def read(body, size):
    return [body.read()]


@pieces
def read_minus_one(body, size):
    return [body.read(-1)]


@pieces
def read_size(body, size):
    return until_empty(lambda: body.read(size))


@pieces
def read_zero(body, size):
    return [body.read(0), body.read()]


@pieces
def readline(body, size):
    return until_empty(body.readline)


@pieces
def readline_size(body, size):
    return until_empty(lambda: body.readline(size))


@pieces
def readlines(body, size):
    return body.readlines()


@pieces
def readlines_hint(body, size):
    """At least size bytes of whole lines, then the rest."""
    return [b"".join(body.readlines(size)), b"".join(body.readlines())]


@pieces
def iterate(body, size):
    return list(body)


@pieces
def mixed(body, size):
    return [body.read(size), body.readline(), body.read()]


@pieces
def seek(body, size):
    """The whole, then again from offset size."""
    whole = body.read()
    at = body.tell()
    body.seek(size)
    rest = body.read()
    body.seek(0)
    first = body.readline()
    body.seek(0, 2)
    return [whole, b"%d" % at, rest, first, b"%d" % body.tell()]


def pieces_of(view):
    def app(environ, start_response):
        body = environ["wsgi.input"]
        found = view(body, int(query(environ, "size", "4")))
        after = [body.read(), body.read(10), body.readline()] + body.readlines()
        return answer_json(
            start_response,
            {
                "pieces": [piece.decode("latin-1") for piece in found],
                "after": [piece.decode("latin-1") for piece in after],
                "types": sorted({type(piece).__name__ for piece in found}),
                "length": environ.get("CONTENT_LENGTH"),
                "terminated": environ.get("wsgi.input_terminated"),
            },
        )

    return app


def digest(environ, start_response):
    COUNTERS["calls"] += 1
    found = hashlib.sha256()
    size = 0
    body = environ["wsgi.input"]
    try:
        for block in iter(lambda: body.read(65536), b""):
            found.update(block)
            size += len(block)
    except Exception as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        COUNTERS["failed"].append({"kinds": kinds, "read": size})
        raise
    COUNTERS["complete"] += 1
    return answer_json(
        start_response,
        {
            "size": size,
            "sha256": found.hexdigest(),
            "length": environ.get("CONTENT_LENGTH"),
            "transfer_encoding": environ.get("HTTP_TRANSFER_ENCODING"),
            "terminated": environ.get("wsgi.input_terminated"),
        },
    )


def unread(environ, start_response):
    """Refuses without reading, as an application does that wants a login first."""
    start_response("401 Unauthorized", [("Content-Length", "4")])
    return [b"who?"]


def counters(environ, start_response):
    return answer_json(start_response, COUNTERS)


app = by_path(
    {
        "pieces": by_path({name: pieces_of(view) for name, view in PIECES.items()}),
        "digest": digest,
        "unread": unread,
        "counters": counters,
    }
)
