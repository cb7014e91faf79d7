"""The Pyramid application of the end-to-end tests: views, traversal, a static view, exceptions.

`app` is made by a function at import, as Pyramid projects do it in their `main`.
"""

import os

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPForbidden, HTTPFound
from pyramid.response import FileResponse, Response
from pyramid.session import SignedCookieSessionFactory
from pyramid.view import exception_view_config, notfound_view_config, view_config

HERE = os.path.dirname(os.path.abspath(__file__))


class OutOfStock(Exception):
    """An error of the application, turned into a 503 by its exception view."""


class Shelf(dict):
    """A node of the traversed tree: it has children by name, and knows its place."""

    def __init__(self, name, parent, children=()):
        super().__init__()
        self.__name__ = name
        self.__parent__ = parent
        for child in children:
            self[child] = Book(child, self)


class Book:
    """A leaf of the tree."""

    def __init__(self, name, parent):
        self.__name__ = name
        self.__parent__ = parent


def tree(request):
    root = Shelf(None, None)
    root["poetry"] = Shelf("poetry", root, ["odes", "sonnets", "gedichte für alle"])
    return root


@view_config(route_name="hello")
def hello(request):
    return Response("Hello from Pyramid %s\n" % pyramid_version())


def pyramid_version():
    from importlib.metadata import version

    return version("pyramid")


@view_config(route_name="greet", renderer="json")
def greet(request):
    return {"greeting": "hello " + request.matchdict["name"], "query": dict(request.params)}


@view_config(route_name="form", renderer="json", request_method="POST")
def form(request):
    upload = request.POST.get("file")
    return {
        "name": request.POST.get("name"),
        "size": len(upload.file.read()) if hasattr(upload, "file") else None,
    }


@view_config(route_name="session", renderer="json")
def session(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return {"visits": request.session["visits"]}


@view_config(route_name="stream")
def stream(request):
    lines = (b"%d\n" % number for number in range(5))
    return Response(app_iter=lines, content_type="text/plain")


@view_config(route_name="file")
def file(request):
    return FileResponse(__file__, request=request, content_type="text/x-python")


@view_config(route_name="redirect")
def redirect(request):
    raise HTTPFound(request.route_url("hello"))


@view_config(route_name="forbidden")
def forbidden(request):
    raise HTTPForbidden()


@view_config(route_name="stock")
def stock(request):
    raise OutOfStock("odes")


@view_config(route_name="raise")
def raise_error(request):
    raise ValueError("a secret detail")


@exception_view_config(OutOfStock)
def out_of_stock(error, request):
    return Response("out of stock: %s\n" % error, status=503)


@notfound_view_config()
def not_found(request):
    return Response("nothing at %s\n" % request.path, status=404)


@view_config(context=Shelf, renderer="json")
def shelf(context, request):
    return {"shelf": context.__name__, "holds": sorted(context), "url": request.resource_url(context)}


@view_config(context=Book, renderer="json")
def book(context, request):
    return {"book": context.__name__, "in": context.__parent__.__name__}


@view_config(context=Book, name="reviews", renderer="json")
def reviews(context, request):
    return {"book": context.__name__, "reviews": list(request.subpath)}


ROUTES = {
    "hello": "/hello",
    "greet": "/greet/{name}",
    "form": "/form",
    "session": "/session",
    "stream": "/stream",
    "file": "/file",
    "redirect": "/redirect",
    "forbidden": "/forbidden",
    "stock": "/stock",
    "raise": "/raise",
}


def make_app():
    """The application. What no route matches is looked up in the tree."""
    config = Configurator(
        root_factory=tree,
        session_factory=SignedCookieSessionFactory("only for tests"),
    )
    for name, pattern in ROUTES.items():
        config.add_route(name, pattern)
    config.add_static_view("static", os.path.join(HERE, "pyramidstatic"), cache_max_age=60)
    config.scan(__name__)
    return config.make_wsgi_app()


app = make_app()
