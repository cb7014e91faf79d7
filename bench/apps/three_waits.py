"""Waits three times for a millisecond, as a view does that makes three queries to a database."""

import time


def app(environ, start_response):
    for _ in range(3):
        time.sleep(0.001)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return [b"three\n"]
