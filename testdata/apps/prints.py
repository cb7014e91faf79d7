"""Prints, at import and in each request, in all the ways there are to write a log."""

import logging
import sys

print("imported")
logging.basicConfig(stream=sys.stdout)


def app(environ, start_response):
    print("printed")
    print("printed", file=sys.stderr)
    sys.stdout.buffer.write(b"raw\n")
    sys.__stdout__.write("original\n")
    logging.error("logged")
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
