"""Modules that make their attributes when somebody asks, and fail."""

import sys


class Lazy:
    def __getattr__(self, name):
        raise ImportError(name)


class Odd:
    __file__ = []


def app(environ, start_response):
    return []


def add():
    sys.modules["lazy"], sys.modules["odd"] = Lazy(), Odd()
    return app


def remove():
    del sys.modules["lazy"], sys.modules["odd"]
    return app
