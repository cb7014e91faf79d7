"""What may be a WSGI application, and looks like none."""

import functools
from unittest import mock


def generator(environ, start_response):
    yield b""


class Legal:
    def __init__(self, environ, start_response):
        pass

    def __iter__(self):
        return iter([])


partial = functools.partial(lambda config, environ, start_response: [], {})
keyword_partial = functools.partial(lambda environ, start_response, config: [], config={})


class Instance:
    def __call__(self, environ, start_response):
        return []

    def method(self, environ, start_response):
        return []


instance = Instance()


class Static:
    @staticmethod
    def __call__(environ, start_response):
        return []

    @classmethod
    def class_method(cls, environ, start_response):
        return []


static = Static()
anything = lambda *args: []


def response(view):
    @functools.wraps(view)
    def wrapper(environ, start_response):
        return view("request")

    return wrapper


@response
def decorated(request):
    return []


@response
def create_decorated():
    return []


def create_app(environ=None, start_response=None):
    return []


mock = mock.MagicMock()


class Proxy:
    def __init__(self, target):
        object.__setattr__(self, "target", target)

    def __getattribute__(self, name):
        return getattr(object.__getattribute__(self, "target")(), name)

    __call__ = functools.partialmethod(lambda self, *args: object.__getattribute__(self, "target")()(*args))


proxy = Proxy(lambda: instance)
broken_proxy = Proxy(lambda: 1 / 0)


class Lying(Instance):
    __signature__ = "nonsense"
    __wrapped__ = lambda: None


lying = Lying()


class Raising(Instance):
    @property
    def __signature__(self):
        raise RuntimeError


raising = Raising()
builtin = dict.fromkeys


class MetaType(type):
    def __call__(cls, *args):
        return []


class Meta(metaclass=MetaType):
    def __init__(self):
        pass


class Made:
    def __new__(cls, environ, start_response):
        return []
