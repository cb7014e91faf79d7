"""Whether an object can be a WSGI application, and what it is if not: part of the host's own Python (see bootstrap.py).

What cannot be known for sure passes: the first request will show it.
"""

import functools
import inspect
import re
import types


def call_of(app, count, keywords):
    """What Python runs for app(*count arguments, **keywords): (function, number of arguments, keywords), or None.

    Looked up in types, as the interpreter does: a proxy or a mock answers for itself otherwise. None is what cannot be
    looked into, such as callables in C.
    """
    kind = type(app)
    if kind is types.FunctionType:
        return app, count, keywords
    if kind is types.MethodType:
        return call_of(app.__func__, count + 1, keywords)
    if kind is functools.partial and not _has_placeholders(app):
        return call_of(app.func, count + len(app.args), {**app.keywords, **keywords})
    if kind is functools._lru_cache_wrapper:
        return call_of(app.__wrapped__, count, keywords)
    if _is_class(app):
        return _call_of_class(app, count, keywords)
    return _call_of_attribute(_static(kind, "__call__"), count, keywords)


def _is_class(value):
    return issubclass(type(value), type)


def _has_placeholders(partial):
    placeholder = getattr(functools, "Placeholder", None)  # 3.14
    return placeholder is not None and any(argument is placeholder for argument in partial.args)


def _call_of_class(cls, count, keywords):
    if _static(type(cls), "__call__") is not type.__dict__["__call__"]:
        return None
    new, init = _static(cls, "__new__"), _static(cls, "__init__")
    if new is not object.__dict__["__new__"]:
        return call_of(new.__func__, count + 1, keywords) if type(new) is staticmethod else None
    if init is object.__dict__["__init__"]:
        return (lambda self: None), count + 1, keywords
    return _call_of_attribute(init, count, keywords)


def _call_of_attribute(function, count, keywords):
    if type(function) is staticmethod:
        return call_of(function.__func__, count, keywords)
    if type(function) is classmethod:
        return call_of(function.__func__, count + 1, keywords)
    if type(function) is types.FunctionType:
        return function, count + 1, keywords
    return None


def _static(cls, name):
    for base in type.__dict__["__mro__"].__get__(cls):
        if name in base.__dict__:
            return base.__dict__[name]
    return None


def misfit(call):
    """Why the call would be a TypeError, as inspect puts it; None if it would not be, or nobody knows."""
    if call is None:
        return None
    function, count, keywords = call
    try:
        _signature(function).bind(*[None] * count, **keywords)
    except TypeError as error:
        return str(error)
    return None


def _signature(function):
    """The function's own, whatever decorators have written on it."""
    plain = types.FunctionType(function.__code__, {}, function.__name__, function.__defaults__, function.__closure__)
    plain.__kwdefaults__ = function.__kwdefaults__
    return inspect.signature(plain)


def _parameters(call):
    """The names of the arguments that a caller gives by position."""
    function, count, _ = call
    return list(_signature(function).parameters)[max(count - 2, 0):]


def _asynchronous(call):
    flags = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
    return call is not None and bool(call[0].__code__.co_flags & flags or inspect.iscoroutinefunction(call[0]))


def is_application(value):
    """Whether value is a WSGI application without doubt: what takes environ by that name, or nearly."""
    call = None if _is_class(value) else call_of(value, 2, {})
    if call is None or _asynchronous(call) or misfit(call):
        return False
    parameters = _parameters(call)
    return len(parameters) >= 2 and parameters[0].lower().startswith("env")


def applications(holder, prefix):
    """The names, after prefix, of the WSGI applications that a module or another object holds: the usual one if it is
    there."""
    found = []
    for name, value in sorted(_attributes(holder).items()):
        try:
            if not name.startswith("_") and is_application(value) and _belongs(value, holder):
                found.append(name)
        except Exception:  # a proxy, or an object that is a whole world of its own
            continue
    usual = [name for name in ("application", "app") if name in found]
    return [prefix + name for name in (usual or found)[:3]]


def _attributes(holder):
    try:
        return {name: value for name, value in vars(holder).items() if isinstance(name, str)}
    except Exception:
        return {}


def _belongs(value, holder):
    return type(value) is not types.FunctionType or value.__module__ == getattr(holder, "__name__", None)


def unfit(app, name, offer):
    """What is wrong with app, which the user called name, as a WSGI application, and what to do; None if nothing is known.

    offer are names of applications that could be meant.
    """
    if not callable(app):
        return _unfit_object(app, name, offer)
    call = call_of(app, 2, {})
    if call is None:
        return None
    if _asynchronous(call):
        return _unfit_coroutine(app, name)
    if _is_class(app):
        return _unfit_class(app, name, misfit(call), offer)
    reason = misfit(call)
    if reason is None and not _is_factory(app, name, call):
        return None
    if [p for p in _parameters(call)[:3] if p == "scope"]:
        return _asgi(name, app)
    if type(app) in (types.FunctionType, types.MethodType, functools.partial, functools._lru_cache_wrapper):
        return _unfit_function(app, name, offer)
    return ("%s is %s, which cannot be called with environ and start_response (%s), as a WSGI application is%s"
            % (name, with_article(_kind(app)), reason, meant(offer)))


def _unfit_object(app, name, offer):
    offer = offer or applications(app, name + ("." if ":" in name else ":"))
    if inspect.iscoroutine(app):
        app.close()
        return "%s returned a coroutine: the factory must be an ordinary function, not one made by async def" % name
    return ("%s is %s, which is not callable: a WSGI application is a callable that takes environ "
            "and start_response%s" % (name, with_article(type(app).__name__), meant(offer)))


def with_article(name):
    return "%s %s" % ("an" if name[:1] in "aeioAEIO" else "a", name)


def _unfit_coroutine(app, name):
    if misfit(call_of(app, 3, {})) is None or not isinstance(app, types.FunctionType):
        return _asgi(name, app)
    return ("%s is a coroutine function (async def), which returns no response when it is called: a WSGI application is an "
            "ordinary callable that takes environ and start_response" % name)


def _asgi(name, app):
    django = type(app).__module__.startswith("django.")
    return ("%s is an ASGI application (%s), and pyserve serves WSGI applications: run it with an ASGI server, such as "
            "uvicorn or hypercorn, or wrap it: a2wsgi.ASGIMiddleware(app) is a WSGI application%s"
            % (name, "a coroutine function" if inspect.isroutine(app) else _kind(app), "; Django has one of its own, usually in wsgi.py beside asgi.py" if django else ""))


def _unfit_class(cls, name, reason, offer):
    call = _call_of_attribute(_static(cls, "__call__"), 2, {})
    if reason is None:
        if call is None or _static(cls, "__new__") is not object.__dict__["__new__"]:
            return None
        if _static(cls, "__iter__") is not None or _static(cls, "__getitem__") is not None:
            return None  # PEP 3333 has such an example
        reason = "its instances are no iterables"
    made = "'%s()'" % name if misfit(call_of(cls, 0, {})) is None else "'%s(…)' with its arguments" % name
    if _asynchronous(call):
        return "%s is a class of ASGI applications, and pyserve serves WSGI applications: run it with an ASGI server" % name
    return ("%s is a class, and what it returns for environ and start_response is no response (%s): name an instance of it, "
            "or have one made, by %s%s" % (name, reason, made, meant(offer)))


def _unfit_function(function, name, offer):
    """A factory, or a view."""
    call = call_of(function, 2, {})
    parameters = ", ".join(_parameters(call))
    arguments = "" if misfit(call_of(function, 0, {})) is None else "…"
    advice = ["if it returns the application, have it called: pyserve '%s(%s)'" % (name, arguments)]
    if offer:
        advice.append("if it is a view, name its application: pyserve %s" % " or ".join(offer))
        if not _named_as_factory(name, call):
            advice.reverse()
    return ("%s is a function of %s; a WSGI application is called with environ and start_response: %s"
            % (name, "(%s)" % parameters if parameters else "no arguments", ", or ".join(advice)))


FACTORY = re.compile(r"_*(create|make|build|get|new|init|setup)([_A-Z]|app).*|.*[Ff]actory.*")


def _named_as_factory(name, call):
    return any(map(FACTORY.fullmatch, (name.rpartition(":")[2].rpartition(".")[2], call[0].__name__)))


def _is_factory(app, name, call):
    """Whether a function that can be called with two arguments makes an application all the same: it needs none, and is
    named so."""
    if type(app) not in (types.FunctionType, types.MethodType) or not _named_as_factory(name, call):
        return False
    while hasattr(app, "__wrapped__") and _passes_on(app):
        app = app.__wrapped__
    call = call_of(app, 0, {})
    if call is None or _passes_on(call[0]) or misfit(call):
        return False
    parameters = list(_signature(call[0]).parameters)
    return not (parameters and parameters[0].lower().startswith("env"))


def _passes_on(function):
    return bool(getattr(function, "__code__", None) and function.__code__.co_flags & inspect.CO_VARARGS)


def _kind(value):
    return "%s.%s" % (type(value).__module__, type(value).__qualname__)
