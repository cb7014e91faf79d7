"""What the modules here share: answers in plain text or JSON, and the choice of a view by path."""

import json
from urllib.parse import parse_qs
from wsgiref.util import shift_path_info


def text(start_response, body, status="200 OK", headers=()):
    """Answers with a str or bytes, of declared length."""
    if isinstance(body, str):
        body = body.encode("utf-8")
    fields = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(status, fields + list(headers))
    return [body]


def answer_json(start_response, value, status="200 OK"):
    """Answers with value as JSON, of declared length."""
    body = json.dumps(value, sort_keys=True).encode("ascii")
    fields = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(status, fields)
    return [body]


def query(environ, name, default=None):
    """The first value of a query parameter."""
    return parse_qs(environ.get("QUERY_STRING", "")).get(name, [default])[0]


def by_path(views):
    """An application that hands on to views[first segment of the path], a dict of applications."""

    def app(environ, start_response):
        name = shift_path_info(environ)
        if name not in views:
            return text(start_response, "no application %r\n" % name, "404 Not Found")
        return views[name](environ, start_response)

    return app


def collect(into):
    """A decorator that files an application in the dict into under its own name."""

    def keep(view):
        into[view.__name__] = view
        return view

    return keep
