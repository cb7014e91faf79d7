"""What is callable, or not, and no WSGI application."""

import functools


def app(environ, start_response):
    return []


def hello():
    return "hello"


def show(request):
    return "hello"


def create_app():
    return app


def create_with_options(config=None, testing=False):
    return app


@functools.lru_cache
def create_cached():
    return app


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@logged
def create_decorated():
    return app


def make(config):
    return app
