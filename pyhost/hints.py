"""What somebody meant who named an application that is not there: part of the host's own Python (see bootstrap.py)."""

import difflib
import os
import pkgutil
import sys


def meant(names):
    return "; did you mean " + " or ".join(names) + "?" if names else ""


def _spec(target, expression):
    return target + (":" + expression if expression else "")


# ---- modules ----


def no_module(name, expression, missing):
    """That there is no module name, as missing, it or a package above it, is not there."""
    named = _as_attribute(name, expression)
    if named:
        return "there is no module named %r%s" % (missing, named)
    names = [_spec(other + name[len(missing):], expression) for other in _similar_modules(missing)]
    return ("there is no module named %r%s. It was looked for in:\n%s\nUse --chdir or --pythonpath to name its folder%s, "
            "and --venv for the environment that has its packages"
            % (missing, meant(names).rstrip("?"), "\n".join("  " + entry for entry in sys.path), _folder(missing)))


def _as_attribute(name, expression):
    """What could be meant by app.app, shop.wsgi.application or app.py.app: a dotted name that begins with a module."""
    parts = name.split(".")
    for i in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:i]))
        if module is None:
            continue
        found, rest = module, [part for part in parts[i:] if part != "py"]
        for attribute in rest:
            if not hasattr(found, attribute):
                return "" if hasattr(module, "__path__") else no_attribute(module, module.__name__, ":", attribute)
            found = getattr(found, attribute)
        if expression and not (rest and callable(found)):
            rest.append(expression)
        return meant([_spec(module.__name__, ".".join(rest))])
    return ""


def _similar_modules(name):
    """Modules beside the one that is missing, with a name like its own."""
    parent, _, last = name.rpartition(".")
    folders = getattr(sys.modules.get(parent), "__path__", ()) if parent else sys.path[:1]
    names = [module.name for module in pkgutil.iter_modules(list(folders))]
    return [parent + "." * bool(parent) + similar for similar in difflib.get_close_matches(last, names, 2, 0.75)]


def _folder(name):
    """The folder that has a module, if it is one below the working folder."""
    top = name.partition(".")[0]
    try:
        with os.scandir(sys.path[0]) as entries:
            folders = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return ""
    for folder in folders[:200]:
        path = os.path.join(sys.path[0], folder, top)
        if os.path.isfile(path + ".py") or os.path.isfile(os.path.join(path, "__init__.py")):
            return " (here it may be --chdir %s)" % folder
    return ""


# ---- attributes ----


def no_attribute(holder, path, separator, name):
    """What could be meant by an attribute that holder, which the user called path, does not have."""
    if name == "py":
        return meant([path] if is_application(holder) else [])
    if hasattr(holder, "__path__") and any(module.name == name for module in pkgutil.iter_modules(holder.__path__)):
        return meant(["%s.%s" % (path, name)])
    names = [n for n in getattr(holder, "__dict__", ()) if isinstance(n, str) and not n.startswith("__")]
    similar = difflib.get_close_matches(name, names, 1, 0.77) or difflib.get_close_matches(name.lower(), names, 1, 0.77)
    return meant([path + separator + n for n in similar] or applications(holder, path + separator))


# ---- files ----


def no_file(typed, expression):
    if os.path.isdir(typed):
        return "%s is a folder: name a file in it, or a module%s" % (os.path.abspath(typed), near_file(typed, expression))
    return "there is no file %s%s" % (os.path.abspath(typed), near_file(typed, expression))


def no_module_name(name, expression):
    head, parenthesis, arguments = name.partition("(")
    module, _, function = head.rpartition(".")
    if parenthesis and module:
        hint = meant(["'%s:%s(%s'" % (module, function, arguments)])
    else:
        hint = near_file(name, expression)
    return "%r is not the name of a module; provide a WSGI application object as module:callable%s" % (name, hint)


def entry_modules(package):
    """The modules of a package that usually hold an application."""
    names = {module.name for module in pkgutil.iter_modules(getattr(package, "__path__", ()))}
    return ["%s.%s" % (package.__name__, name) for name in ("wsgi", "app", "main") if name in names]


def near_file(typed, expression):
    """The files that could be meant by a path that is none."""
    bare = typed.rstrip(os.sep)
    guesses = [bare + ".py", bare.strip(".") + ".py"]
    if bare.endswith((os.sep + "py", "-py", "_py", ",py")):
        guesses.insert(0, bare[:-3] + ".py")
    folder, name = os.path.split(bare)
    dotted, _, end = name.rpartition(".")
    if dotted:
        guesses += [os.path.join(folder, dotted.replace(".", os.sep), end + ".py"), os.path.join(folder, dotted) + ".py"]
    guesses = [guess for guess in dict.fromkeys(guesses) if os.path.isfile(guess)]
    return meant([_spec(guess, expression) for guess in guesses or _similar_files(bare)])


def _similar_files(path):
    folder, name = os.path.split(path)
    for inside in (path, os.path.splitext(path)[0]):
        if os.path.isdir(inside):
            folder, name = inside, ""
    try:
        names = sorted(name for name in os.listdir(folder or ".") if name.endswith((".py", ".wsgi")))
    except OSError:
        return []
    usual = [n for n in names if n in ("wsgi.py", "app.py", "main.py")]
    similar = difflib.get_close_matches(name, names, 2, 0.7) if name else usual
    return [os.path.join(folder, n) for n in similar]


# ---- environments ----


def _advise(error):
    """Adds to a ModuleNotFoundError, below its traceback, where the packages may be."""
    top = (error.name or "").partition(".")[0]
    if not top or top in sys.modules or top in getattr(sys, "stdlib_module_names", ()):
        return
    try:
        setattr(error, ADVICE, [advice(top)])
    except Exception:  # an exception without room for it
        pass


def advice(package):
    """What to do about a package that is not there."""
    if sys.prefix != sys.base_prefix:
        return ("\nThe environment in use, %s, has no %r. If that is a package, install it there: %s -m pip install …, or what "
                "the project uses (uv, poetry, pipenv)\n" % (sys.prefix, package, os.path.join(sys.prefix, "bin", "python")))
    conda = os.environ.get("CONDA_PREFIX")
    if conda:
        return ("\nNo virtual environment is in use, and %r is not installed for %s. The conda environment %s has a Python of "
                "its own: build pyserve for that one, in pyserve's source folder: make build PYTHON=%s/bin/python\n"
                % (package, sys.executable, conda, conda))
    tools = [tool for file, tool in (("poetry.lock", "poetry run"), ("Pipfile", "pipenv run"), ("uv.lock", "uv run"))
             if os.path.isfile(file)] or ["poetry run", "pipenv run", "uv run"]
    return ("\nNo virtual environment is in use, and %r is not installed for %s. If it is in an environment, name that with "
            "--venv DIR, activate it, or start pyserve in it, by %s\n"
            % (package, sys.executable, ", ".join("`%s pyserve …`" % tool for tool in tools)))
