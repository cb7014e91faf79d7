"""The host's own Python: what is easier said in Python than in C.

Package pyhost compiles this source into a module that no import finds. Everything here is called on
Python's main thread, except FileWrapper and file_region, which requests use, and describe.
"""

import ast
import faulthandler
import functools
import importlib
import io
import os
import stat
import sys
import threading
import traceback

NAME = "<pyserve>"


class LoadError(Exception):
    """A fault in what the user asked for: shown as a sentence, without a traceback."""


class RequestTimeout(BaseException):
    """Raised in a request that has run into its time-out. `except Exception` does not catch it."""

    __module__ = "pyserve"

    def __str__(self):
        return "the request has run into its time-out"


class ServerShutdown(RequestTimeout):
    """Raised in a request that still runs at the end of the graceful time-out, when the server leaves."""

    __module__ = "pyserve"

    def __str__(self):
        return "the server leaves, and the time for the requests that run is over"


# ---- forks ----


def _ends_children(function):
    """Marks what Go calls and what runs the application's code: a child forked in it must not come back to Go.

    (Where requests run, C sees to that: ps_leave_child.)
    """
    def call(*arguments):
        process = os.getpid()
        try:
            return function(*arguments)
        finally:
            if os.getpid() != process:
                os.write(2, b"pyserve: a child process forked by the application came back from it; it ends here.\n")
                os._exit(1)

    return call


# ---- exceptions ----


def _application_part(tb):
    """Skips the frames of this file and of the import system, which are ours and not the application's."""
    first = tb
    while tb is not None and _ours(tb.tb_frame.f_code.co_filename):
        tb = tb.tb_next
    return tb or first


def _ours(filename):
    return filename in (NAME, importlib.__file__) or filename.startswith("<frozen importlib")


def _text(value):
    """A str that UTF-8 and C strings can hold."""
    return str.encode(value, "utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


@_ends_children
def describe(kind, value, tb):
    """(type name, message, traceback) of an exception; the traceback is empty for a LoadError."""
    if isinstance(value, LoadError):
        return "LoadError", _text(str(value)), ""
    try:
        message = str(value)
    except BaseException:
        message = "<its str() failed>"
    try:
        lines = traceback.format_exception(kind, value, _application_part(tb))
    except BaseException:
        lines = ["%s: %s (its traceback could not be formatted)\n" % (kind.__name__, message)]
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = "%s.%s" % (kind.__module__, name)
    return _text(name), _text(message), _text("".join(lines))


# ---- finding the application ----


def prepare_path(directory, extra):
    """The working folder and the extra folders come first, as under `python -m`."""
    for folder in reversed([directory] + (extra.split(os.pathsep) if extra else [])):
        if folder in sys.path:
            sys.path.remove(folder)
        sys.path.insert(0, folder)


@_ends_children
def load(spec):
    """The WSGI callable that spec names: module[:attr[.attr]…], module:factory(args), or a file's path."""
    app = _load(spec)
    if not callable(app):
        raise LoadError("%s is a %s, which is not callable: a WSGI application is a callable that takes environ "
                        "and start_response" % (spec, type(app).__name__))
    return app


def _load(spec):
    target, colon, expression = spec.partition(":")
    # mysite.wsgi is a file if there is one, else a module; so Django names the latter.
    if os.sep in target or target.endswith(".py") or target.endswith(".wsgi") and os.path.isfile(target):
        module, target = _import_file(target), os.path.basename(target)
    else:
        module = _import_module(target)
    if colon:
        return _evaluate(module, target, expression)
    for name in ("application", "app"):
        if hasattr(module, name):
            return getattr(module, name)
    raise LoadError("%s has neither an attribute 'application' nor 'app'; name the callable as %s:NAME%s"
                    % (target, target, _candidates(module)))


def _import_module(name):
    if not all(part.isidentifier() for part in name.split(".")):
        raise LoadError("%r is not the name of a module; provide a WSGI application object as module:callable" % name)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # Only if the module itself, or a package above it, is missing: else the module's own traceback tells more.
        if error.name is None or not (name + ".").startswith(error.name + "."):
            raise
        raise LoadError("there is no module named %r. It was looked for in:\n%s\nUse --chdir or --pythonpath to name "
                        "its folder, and --venv for the environment that has its packages"
                        % (error.name, "\n".join("  " + entry for entry in sys.path))) from None


def _import_file(path):
    from importlib.machinery import SourceFileLoader
    from importlib.util import module_from_spec, spec_from_file_location

    path = os.path.abspath(path)
    if not os.path.isfile(path):
        raise LoadError("there is no file %s" % path)
    prepare_path(os.path.dirname(path), "")
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


def _evaluate(module, module_name, expression):
    """attr, attr.attr, factory(), or factory(literal, key=literal)."""
    try:
        tree = ast.parse(expression, mode="eval").body
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
                        "such as create_app() or create_app(\"prod\", debug=True)" % expression)
    return _resolve(module, module_name, names, arguments, keywords)


def _dotted(tree):
    names = []
    while isinstance(tree, ast.Attribute):
        names.insert(0, tree.attr)
        tree = tree.value
    return [tree.id] + names if isinstance(tree, ast.Name) else None


def _resolve(module, module_name, names, arguments, keywords):
    found, path, separator = module, module_name, ":"
    for name in names:
        try:
            found = getattr(found, name)
        except AttributeError:
            raise LoadError("%s has no attribute %r%s" % (path, name, _candidates(found))) from None
        path += separator + name
        separator = "."
    if arguments is None:
        return found
    if not callable(found):
        raise LoadError("%s is a %s, which cannot be called as a factory" % (path, type(found).__name__))
    app = found(*arguments, **keywords)
    if app is None:
        raise LoadError("the factory %s returned None; it must return the application" % path)
    return app


def _candidates(module):
    names = sorted(
        name for name, value in vars(module).items()
        if callable(value) and not name.startswith("_")
        and not (isinstance(value, type) and value.__module__ != getattr(module, "__name__", None))
    ) if hasattr(module, "__dict__") else []
    return "; the callables there are: " + ", ".join(names[:20]) if names else "; there is no callable in it"


def load_another(spec):
    """load for a second application in the process: two Django projects cannot share one.

    Django keeps one set of settings a process, so the second project would silently run on those of the
    first. Its module tells which it wants by setting DJANGO_SETTINGS_MODULE, which is looked at here.
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


# ---- wsgi.file_wrapper ----


class FileWrapper:
    """wsgi.file_wrapper ("PEP 3333, Optional Platform-Specific File Handling")."""

    def __init__(self, filelike, blksize=8192):
        self.filelike = filelike
        self.blksize = blksize

    def __iter__(self):
        return self

    def __next__(self):
        block = self.filelike.read(self.blksize)
        if block:
            return block
        raise StopIteration

    def close(self):
        close = getattr(self.filelike, "close", None)
        if close is not None:
            close()


def file_region(wrapper):
    """(descriptor, position, size) when the wrapped object is nothing but a regular file, else None.

    Only exact types of io count: an object that merely has a fileno(), such as a GzipFile, reads other
    bytes than the file holds.
    """
    filelike = wrapper.filelike
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None and type(filelike) is tempfile._TemporaryFileWrapper:
        filelike = filelike.file
    if type(filelike) in (io.BufferedReader, io.BufferedRandom):
        raw = filelike.raw
    else:
        raw = filelike
    if type(raw) is not io.FileIO or raw.closed or not raw.readable():
        return None
    status = os.fstat(raw.fileno())
    if not stat.S_ISREG(status.st_mode):
        return None
    if type(filelike) is io.BufferedRandom:
        filelike.flush()
        status = os.fstat(raw.fileno())
    return raw.fileno(), filelike.tell(), status.st_size


# ---- dumps ----


def start_dumps(crash, stacks, signal):
    """Has faulthandler install its handlers, which C then takes; crash is -1 if there are to be no crash dumps.

    From here on the application cannot give faulthandler the signals that Go needs. A forked child can.
    """
    if crash >= 0:
        # The C stack (3.14) needs malloc, in which the crash may have happened.
        faulthandler.enable(crash, all_threads=True, **({"c_stack": False} if sys.version_info >= (3, 14) else {}))
    faulthandler.register(signal, stacks, all_threads=True)
    faulthandler.enable = _in_children(faulthandler.enable)
    faulthandler.disable = _in_children(faulthandler.disable)


def _in_children(function):
    """The function, as one that does nothing in this process."""
    process = os.getpid()

    @functools.wraps(function)
    def call(*arguments, **keywords):
        if os.getpid() != process:
            return function(*arguments, **keywords)

    return call


# ---- threads and the end ----


def name_thread(name):
    """Makes the calling thread known to threading, and gives it the hooks of threading.settrace and setprofile.

    Before 3.13 threading knows a thread's end by a lock that only threads of its own have. In a child forked
    from this one (multiprocessing) it is the main thread, and its end is waited for.
    """
    thread = threading.current_thread()
    thread.name = name
    if hasattr(thread, "_set_tstate_lock"):
        thread._set_tstate_lock()
    if threading._trace_hook:
        sys.settrace(threading._trace_hook)
    if threading._profile_hook:
        sys.setprofile(threading._profile_hook)


@_ends_children
def run_exit_functions():
    """What CPython does before it finalises: waits for threads, then atexit, then flushes."""
    import atexit

    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass


def module_files():
    """The source files of what is imported, a line each."""
    modules = list(sys.modules.values())  # another thread may be importing
    files = {getattr(module, "__file__", None) for module in modules}
    return _text("\n".join(sorted(f for f in files if isinstance(f, str) and "\n" not in f)))


def report():
    """What `pyserve check` prints of the interpreter: lines of name and value."""
    import importlib.metadata

    lines = [("executable", sys.executable), ("version", sys.version.replace("\n", " ")), ("prefix", sys.prefix),
             ("base prefix", sys.base_prefix), ("standard library", os.path.dirname(os.__file__))]
    try:
        import ssl

        lines.append(("openssl", ssl.OPENSSL_VERSION))
    except ImportError as error:  # a Python that was built without it, or finds another libssl
        lines.append(("openssl", "none (%s)" % error))
    for name in ("Flask", "Django", "pyramid", "Werkzeug"):
        try:
            lines.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            pass
    lines.append(("sys.path", os.pathsep.join(sys.path)))
    return _text("\n".join("%s\t%s" % line for line in lines))
