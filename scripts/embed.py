"""Writes the files that build pyserve around the interpreter running this script.

Called as `PYTHON scripts/embed.py OUTDIR`. OUTDIR gets:

  python3.pc      what pkg-config tells cpy3 and pyhost: headers, library, compat.h
  pyserve_python.h  the interpreter's path and versions, as C macros
  env.sh          PKG_CONFIG_PATH and CGO_CFLAGS for the Go command, to be sourced

Prints nothing on success; on failure one sentence that says what is missing, exit code 1.
"""

import hashlib
import os
import shlex
import sys
import sysconfig

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def fail(message):
    sys.stderr.write("pyserve: %s\n" % message)
    sys.exit(1)


def escape(path):
    """A path as a word of a .pc file."""
    return path.replace("\\", "\\\\").replace(" ", "\\ ")


def static_library():
    """The non-PIC archive and what it needs, or None: it makes all Python code 10 % faster."""
    config = sysconfig.get_config_var
    archive = os.path.join(config("LIBPL") or "", config("LIBRARY") or "")
    # A pyenv or standalone build may ship an archive whose dependencies are not recorded.
    if not os.path.isfile(archive) or not archive.endswith(".a") or config("Py_GIL_DISABLED"):
        return None
    if not os.path.realpath(sys.base_prefix) == "/usr":
        return None
    libs = " ".join([config("MODLIBS") or "", config("LIBS") or "", config("SYSLIBS") or ""]).split()
    wanted = []
    for lib in libs + ["-lexpat", "-lz", "-lpthread", "-ldl", "-lutil", "-lm"]:
        if lib.startswith("-l") and lib not in wanted:
            wanted.append(lib)
    return "-rdynamic %s %s" % (escape(archive), " ".join(wanted))


def shared_library():
    config = sysconfig.get_config_var
    name = config("LDLIBRARY") or ""
    folder = config("LIBDIR") or ""
    if config("PYTHONFRAMEWORK"):  # macOS: beside the framework's binary lies a library of the usual name
        name = "libpython%s.dylib" % config("VERSION")
    if not (config("Py_ENABLE_SHARED") or config("PYTHONFRAMEWORK")) or not name.startswith("lib"):
        return None
    if not os.path.exists(os.path.join(folder, name)):
        multiarch = os.path.join(folder, config("MULTIARCH") or "")
        if not os.path.exists(os.path.join(multiarch, name)):
            return None
        folder = multiarch
    stem = name[3:].split(".so")[0].split(".dylib")[0]
    rpath = "" if folder.startswith("/usr/lib") else " -Wl,-rpath,%s" % escape(folder)
    return "-L%s -l%s%s" % (escape(folder), stem, rpath)


def interpreter():
    """The base interpreter, never a virtual environment's."""
    if sys.prefix != sys.base_prefix:
        fail("PYTHON=%s belongs to a virtual environment; name the Python it was made from" % sys.executable)
    version = "python%d.%d" % sys.version_info[:2]
    beside = os.path.join(os.path.dirname(sys.executable), version)
    return os.path.realpath(beside if os.path.exists(beside) else sys.executable)


def write(path, text):
    """Writes only what changed, so that nothing is rebuilt for nothing."""
    try:
        with open(path) as old:
            if old.read() == text:
                return
    except OSError:
        pass
    with open(path, "w") as new:
        new.write(text)


def main():
    out = os.path.abspath(sys.argv[1])
    include = sysconfig.get_path("include")
    if not os.path.isfile(os.path.join(include, "Python.h")):
        fail("no Python.h in %s: install the development files of this Python (%s)" % (include, sys.executable))
    if sys.version_info < (3, 9):
        fail("Python %d.%d is too old: 3.9 or later is needed" % sys.version_info[:2])
    linking, libs = "static", static_library()
    if os.environ.get("PYSERVE_LINK") == "shared" or libs is None:
        linking, libs = "shared", shared_library()
    if libs is None:
        fail("%s has neither a static nor a shared libpython: install one, or build it with --enable-shared" % sys.executable)

    python = interpreter()
    with open(os.path.join(ROOT, "scripts", "compat.h")) as compat:
        identity = "\n".join([python, sys.version, include, libs, compat.read()])
    digest = hashlib.sha256(identity.encode()).hexdigest()[:12]

    os.makedirs(out, exist_ok=True)
    header = os.path.join(out, "pyserve_python.h")
    write(header, (
        "#define PYSERVE_PYTHON_EXECUTABLE \"%s\"\n"
        "#define PYSERVE_PYTHON_LINKING \"%s\"\n") % (python, linking))
    # The headers by -I: pkgconf loses the escapes in the argument of -include, and a path may hold spaces.
    folders = " ".join("-I" + escape(folder) for folder in (include, os.path.join(ROOT, "scripts"), out))
    cflags = "-Wno-deprecated-declarations %s -include compat.h -include %s" % (folders, os.path.basename(header))
    write(os.path.join(out, "python3.pc"), (
        "Name: python3\n"
        "Description: CPython for pyserve, written by scripts/embed.py\n"
        "Version: %s\n"
        "Cflags: %s\n"
        "Libs: %s\n") % (sys.version.split()[0].rstrip("+"), cflags, libs))
    # Go's build cache keys on CGO_CFLAGS but not on what pkg-config prints.
    write(os.path.join(out, "env.sh"), (
        "export PKG_CONFIG_PATH=%s\n"
        "export CGO_CFLAGS=\"-O2 -g -DPYSERVE_BUILD -DPYSERVE_PYTHON_%s ${PYSERVE_CFLAGS:-}\"\n"
        "export PYSERVE_BUILD_PYTHON=%s\n") % (shlex.quote(out), digest, shlex.quote(python)))


main()
