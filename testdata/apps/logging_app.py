"""Writes to wsgi.errors in every way a text stream is written to; each line names itself."""

import logging
import sys
import threading

from apps.dispatch import by_path, collect, text

VIEWS = {}
view = collect(VIEWS)
KEPT = {}


@view
def write(environ, start_response):
    errors = environ["wsgi.errors"]
    errors.write("written in ")
    errors.write("two parts\n")
    errors.writelines(["first of two\n", "second of two\n"])
    print("printed", "to it", file=errors)
    errors.flush()
    return text(start_response, "ok\n")


@view
def unicode(environ, start_response):
    environ["wsgi.errors"].write("gr\xfc\xdfe \u2603\n")
    return text(start_response, "ok\n")


@view
def without_newline(environ, start_response):
    """The end of the request ends the line."""
    environ["wsgi.errors"].write("no newline at the end")
    return text(start_response, "ok\n")


@view
def by_logging(environ, start_response):
    logger = logging.getLogger("apps.logging_app")
    handler = logging.StreamHandler(environ["wsgi.errors"])
    handler.setFormatter(logging.Formatter("logged %(levelname)s %(message)s"))
    logger.addHandler(handler)
    try:
        logger.warning("by the logging module")
    finally:
        logger.removeHandler(handler)
    return text(start_response, "ok\n")


@view
def from_thread(environ, start_response):
    thread = threading.Thread(target=environ["wsgi.errors"].write, args=("from another thread\n",))
    thread.start()
    thread.join()
    return text(start_response, "ok\n")


@view
def keep(environ, start_response):
    KEPT["errors"] = environ["wsgi.errors"]
    return text(start_response, "ok\n")


@view
def use_kept(environ, start_response):
    """An earlier request's stream goes on working: loggers keep it."""
    KEPT["errors"].write("after its request's end\n")
    KEPT["errors"].flush()
    return text(start_response, "ok\n")


@view
def refuse_bytes(environ, start_response):
    try:
        environ["wsgi.errors"].write(b"bytes\n")
    except TypeError:
        return text(start_response, "TypeError\n")
    return text(start_response, "taken\n")


@view
def standard_streams(environ, start_response):
    """print() and sys.stderr go where the server's own output goes, at once."""
    print("printed to stdout")
    print("printed to stderr", file=sys.stderr)
    return text(start_response, "ok\n")


app = by_path(VIEWS)
