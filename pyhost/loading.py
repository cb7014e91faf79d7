"""Finding the application: part of the host's own Python (see bootstrap.py)."""

import ast
import importlib
import importlib.util
import os
import sys


def prepare_path(directory, extra):
    """The working folder and the extra folders come first, as under `python -m`."""
    for folder in reversed([directory] + (extra.split(os.pathsep) if extra else [])):
        if folder in sys.path:
            sys.path.remove(folder)
        sys.path.insert(0, folder)


@_ends_children
def load(spec):
    """The WSGI callable that spec names: module[:attr[.attr]…], module:factory(args), or a file's path."""
    target, colon, expression = spec.partition(":")
    if not target or colon and not expression.strip():
        raise LoadError("%r is not complete: write module:callable, such as %s:app, or the module alone if the callable is "
                        "named application or app" % (spec, target or "shop"))
    try:
        module = _import(target, expression)
        app = _evaluate(module, target, expression) if colon else _usual(module, target)
    except ModuleNotFoundError as error:
        _advise(error)
        raise
    offer = [name for name in applications(module, target + ":") if name != spec]
    fault = unfit(app, spec if colon else target, offer)
    if fault is not None:
        raise LoadError(fault)
    return app


def _import(target, expression):
    # mysite.wsgi is a file if there is one, else a module; so Django names the latter.
    if os.sep in target or target.endswith(".py") or target.endswith(".wsgi") and os.path.isfile(target):
        return _import_file(target, expression)
    return _import_module(target, expression)


def _import_module(name, expression):
    if not all(part.isidentifier() for part in name.split(".")):
        raise LoadError(no_module_name(name, expression))
    parent = name.rpartition(".")[0]
    try:
        if parent:
            importlib.import_module(parent)
        _stand_for(name)
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # Only if the module itself, or a package above it, is missing: else the module's own traceback says more.
        if error.name is None or not (name + ".").startswith(error.name + "."):
            raise
        raise LoadError(no_module(name, expression, error.name)) from None


def _stand_for(name):
    """Lets the process look like `python -m name`, if the module is found."""
    try:
        found = importlib.util.find_spec(name)
        stand_for(found.origin if found.has_location else name)
    except Exception:  # the import will say what is wrong
        pass


def stand_for(path):
    """Makes the file be what sys.argv and __main__ name, as when Python runs it, unless they name something already.

    Its import is no run, so __main__ has a name that multiprocessing takes for a program's with nothing to import: a
    child that it spawns (not forks) would run the file once more otherwise.
    """
    from importlib.machinery import ModuleSpec

    if sys.argv[:1] != [""]:
        return
    sys.argv[0] = path
    main = sys.modules["__main__"]
    main.__file__, main.__spec__ = path, ModuleSpec("__main__", None, origin=path)


def _import_file(typed, expression):
    from importlib.machinery import SourceFileLoader
    from importlib.util import module_from_spec, spec_from_file_location

    path = os.path.abspath(typed)
    if not os.path.isfile(path):
        raise LoadError(no_file(typed, expression))
    prepare_path(os.path.dirname(path), "")
    stand_for(path)
    name = os.path.splitext(os.path.basename(path))[0]
    if not name.isidentifier():
        name = "_pyserve_" + "".join(c if c.isalnum() else "_" for c in name)
    spec = spec_from_file_location(name, path, loader=SourceFileLoader(name, path))
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _usual(module, target):
    for name in ("application", "app"):
        if hasattr(module, name):
            return getattr(module, name)
    raise LoadError("%s has neither an attribute 'application' nor 'app'; name the callable as %s:NAME%s%s"
                    % (target, target, _candidates(module), meant(applications(module, target + ":") or entry_modules(module))))


def _evaluate(module, target, expression):
    """attr, attr.attr, factory(), or factory(literal, key=literal)."""
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        tree = None
    arguments, keywords = None, {}
    if isinstance(tree, ast.Call):
        try:
            arguments = [ast.literal_eval(argument) for argument in tree.args]
            keywords = {keyword.arg: ast.literal_eval(keyword.value) for keyword in tree.keywords}
        except ValueError:
            raise LoadError("the arguments in %r must be literals, such as \"prod\", 1 or True" % expression) from None
        tree = tree.func
    names = _dotted(tree)
    if names is None or None in keywords:
        raise LoadError("%r is neither the name of a callable, such as app or pkg.app, nor a call of a factory, "
                        "such as create_app() or create_app(\"prod\", debug=True)%s"
                        % (expression, meant(applications(module, target + ":"))))
    return _resolve(module, target, names, arguments, keywords)


def _dotted(tree):
    names = []
    while isinstance(tree, ast.Attribute):
        names.insert(0, tree.attr)
        tree = tree.value
    return [tree.id] + names if isinstance(tree, ast.Name) else None


def _resolve(module, target, names, arguments, keywords):
    found, path, separator = module, target, ":"
    for name in names:
        try:
            found = getattr(found, name)
        except AttributeError:
            raise LoadError("%s has no attribute %r%s%s" % (
                path, name, "" if name == "py" else _candidates(found), no_attribute(found, path, separator, name))) from None
        path += separator + name
        separator = "."
    if arguments is None:
        return found
    if not callable(found):
        raise LoadError("%s is %s, which cannot be called as a factory" % (path, with_article(type(found).__name__)))
    reason = misfit(call_of(found, len(arguments), keywords))
    if reason is not None and is_application(found):
        raise LoadError("%s is the application itself and no factory: leave the parentheses out: %s" % (path, path))
    if reason is not None:
        raise LoadError("the factory %s cannot be called so (%s): give its arguments in the parentheses, as in "
                        "'%s(\"prod\", debug=True)'" % (path, reason, path))
    app = found(*arguments, **keywords)
    if app is None:
        raise LoadError("the factory %s returned None; it must return the application" % path)
    return app


def _candidates(holder):
    names = []
    for name, value in sorted(_attributes(holder).items()):
        try:
            foreign = _is_class(value) and value.__module__ != getattr(holder, "__name__", None)
            if callable(value) and not name.startswith("_") and not foreign:
                names.append(name)
        except Exception:  # as in applications
            continue
    return "; the callables there are: " + ", ".join(names[:20]) if names else "; there is no callable in it"


def load_another(spec):
    """load for a second application in the process: two Django projects cannot share one.

    Django keeps one set of settings a process, so the second project would silently run on those of the
    first. Its module says which it wants by setting DJANGO_SETTINGS_MODULE, which is looked at here.
    """
    configured = "django" in sys.modules and os.environ.get("DJANGO_SETTINGS_MODULE")
    if not configured:
        return load(spec)
    wanted = os.environ.pop("DJANGO_SETTINGS_MODULE")
    try:
        app = load(spec)
        wanted = os.environ.get("DJANGO_SETTINGS_MODULE", configured)
    finally:
        os.environ["DJANGO_SETTINGS_MODULE"] = configured
    if wanted != configured:
        raise LoadError("%s belongs to the Django project with settings %s, but this process already runs the one with "
                        "settings %s: Django has one set of settings a process, so run the second project in a "
                        "process of its own" % (spec, wanted, configured))
    return app
