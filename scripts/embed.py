"""Writes the files that build pyserve around the interpreter running this script.

Called as `CC=gcc PYTHON scripts/embed.py OUTDIR`. OUTDIR gets:

  python3.pc      what pkg-config tells cpy3 and pyhost: headers, library, compat.h
  pyserve_python.h  the interpreter's path and versions, as C macros
  left_out.c, .o  stand for the modules that a static libpython lacks code for
  env.sh          PKG_CONFIG_PATH, CGO_CFLAGS, CGO_ENABLED and PATH for the Go command, to be sourced

The library is the static one if a program links with it, else the shared one; PYSERVE_LINK=static or shared
decides otherwise. With an empty CC nothing is linked. Without OUTDIR nothing is written: it only looks for the headers
and the library.

Prints nothing on success, or one sentence that says what is not as hoped. On failure it says what is missing, with
exit code 1, or what the linker says, with 2, or that PYSERVE_LINK cannot be obeyed, with 3.
"""

import hashlib
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# What the standard library does without: hashlib and random take OpenSSL's hashes instead, hmac too
# (Lib/hashlib.py, Lib/random.py, Lib/hmac.py). Nothing stands in for _blake2.
REPLACEABLE = ("_md5", "_sha1", "_sha2", "_sha256", "_sha512", "_sha3", "_hmac")

# Weak, as Go names the object once for each package that asks pkg-config.
LEFT_OUT = """
__attribute__((weak)) PyMODINIT_FUNC PyInit_%s(void)
{
    PyErr_SetString(PyExc_ImportError, "%s is not in pyserve: the static libpython lacks code for it");
    return NULL;
}
"""


def fail(message, code=1):
    sys.stderr.write("%s\n" % message)
    sys.exit(code)


def escape(path):
    """A path as a word of a .pc file."""
    return path.replace("\\", "\\\\").replace(" ", "\\ ")


def static_library():
    """The linker's words for the non-PIC archive, or None: it makes all Python code 10 % faster."""
    config = sysconfig.get_config_var
    folder = config("LIBPL") or ""
    archive = os.path.join(folder, config("LIBRARY") or "")
    # A pyenv or standalone build may ship an archive whose dependencies are not recorded.
    if not os.path.isfile(archive) or not archive.endswith(".a") or config("Py_GIL_DISABLED"):
        return None
    if not os.path.realpath(sys.base_prefix) == "/usr":
        return None
    libs = " ".join([config("MODLIBS") or "", config("LIBS") or "", config("SYSLIBS") or ""]).split()
    wanted = []
    for lib in libs + ["-lexpat", "-lz", "-lpthread", "-ldl", "-lutil", "-lm"]:
        # Archives of CPython's own (Modules/_hacl/libHacl_Hash_SHA2.a) are installed beside the library, or not at all.
        if lib.endswith(".a"):
            lib = os.path.join(folder, os.path.basename(lib))
            if not os.path.isfile(lib):
                continue
        elif not lib.startswith("-l"):
            continue
        if lib not in wanted:
            wanted.append(lib)
    return ["-rdynamic", archive] + wanted


def shared_library():
    """The linker's words for the shared library, or None."""
    config = sysconfig.get_config_var
    suffix = "dylib" if sys.platform == "darwin" else "so"
    # Not LDLIBRARY: a framework's and conda's do not name the library that lies there.
    stem = "python%s" % (config("VERSION") if suffix == "dylib" else config("LDVERSION"))
    folder = config("LIBDIR") or ""
    for place in (folder, os.path.join(folder, config("MULTIARCH") or ""), os.path.join(sys.base_prefix, "lib")):
        if os.path.exists(os.path.join(place, "lib%s.%s" % (stem, suffix))):
            rpath = [] if place.startswith("/usr/lib") else ["-Wl,-rpath,%s" % place]
            return ["-L%s" % place, "-l%s" % stem] + rpath
    return None


def left_out_object(out, modules):
    """Compiles what stands for the modules; the linker then takes them from there, and not from the archive."""
    source = os.path.join(out, "left_out.c")
    write(source, "#include <Python.h>\n" + "".join(LEFT_OUT % (name, name) for name in modules))
    compiled = source[:-1] + "o"
    compile_c(["-c", source, "-o", compiled])
    return compiled


def compile_c(words):
    """What the compiler says against these words; '' if it compiles and links."""
    command = shlex.split(os.environ["CC"]) + ["-I" + sysconfig.get_path("include")] + words
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
                         env=dict(os.environ, LC_ALL="C"))
    return "" if run.returncode == 0 else run.stdout.strip() or "%s fails" % command[0]


def says_against(library):
    """What the linker says against a program with this library; '' if it links."""
    if not os.environ.get("CC"):
        return ""
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "main.c")
        write(source, "#include <Python.h>\nint main(void) { return Py_IsInitialized(); }\n")
        # Go links so too: twice, for cpy3 and for pyhost; a static libpython is not position-independent.
        no_pie = [] if sys.platform == "darwin" else ["-no-pie"]
        return compile_c(no_pie + [source, "-o", os.path.join(folder, "main")] + library * 2)


def link_static(out, library):
    """Links without the modules that the linker finds no code for, if Python has something else for them.
    Returns the words, the modules, and what the linker says against it."""
    modules, words = [], library
    while True:
        said = says_against(words)
        more = [name for name in REPLACEABLE if name not in modules and name.lstrip("_") + "module.o" in said]
        if not more or not has_openssl():
            return words, modules, said
        modules += more
        words = [left_out_object(out, modules)] + library


def has_openssl():
    try:
        import _hashlib  # noqa: F401
    except ImportError:
        return False
    return True


def gist(said):
    """The line of the linker's that names the trouble."""
    lines = said.splitlines()
    for line in lines:
        if re.search("undefined|cannot find|error", line):
            return line.strip()
    return lines[-1].strip()


def choose_library(out):
    """Returns how to link, the linker's words, the modules left out, and the sentence about it if there is one."""
    wish = os.environ.get("PYSERVE_LINK", "")
    if wish not in ("", "static", "shared"):
        fail("PYSERVE_LINK=%s: it can be static or shared" % wish, 3)
    static, shared = static_library(), shared_library()
    if not {"": static or shared, "static": static, "shared": shared}[wish]:
        if wish:
            fail("PYSERVE_LINK=%s: %s has no %s libpython" % (wish, sys.executable, wish), 3)
        fail("%s has no libpython: install it, or build this Python with --enable-shared" % sys.executable)
    if out is None:
        return "", [], [], ""
    said = ""
    if static and wish != "shared":
        words, modules, said = link_static(out, static)
        if not said:
            names = ", ".join(modules)
            return "static", words, modules, modules and (
                "%s lacks code for %s: hashes come from OpenSSL" % (os.path.basename(static[1]), names))
    if shared and wish != "static":
        against = says_against(shared)
        if not against:
            return "shared", shared, [], said and (
                "linking the shared libpython, which is some 10 %% slower: the static one does not link: %s" % gist(said))
        said = against
    fail("no program links with the libpython of %s:\n%s" % (sys.executable, "\n".join(said.splitlines()[-5:])), 2)


def interpreter():
    """The base interpreter, never a virtual environment's."""
    if sys.prefix != sys.base_prefix:
        fail("PYTHON=%s belongs to a virtual environment; name the Python it was made from" % sys.executable)
    version = "python%d.%d" % sys.version_info[:2]
    beside = os.path.join(os.path.dirname(sys.executable), version)
    return os.path.realpath(beside if os.path.exists(beside) else sys.executable)


def write(path, text):
    """Writes only what changed, so that nothing is rebuilt for nothing."""
    data = os.fsencode(text)
    try:
        with open(path, "rb") as old:
            if old.read() == data:
                return
    except OSError:
        pass
    with open(path, "wb") as new:
        new.write(data)


def main():
    out = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else None
    include = sysconfig.get_path("include")
    if not os.path.isfile(os.path.join(include, "Python.h")):
        fail("no Python.h in %s: install the development files of this Python (%s)" % (include, sys.executable))
    if sys.version_info < (3, 9):
        fail("Python %d.%d is too old: 3.9 or later is needed" % sys.version_info[:2])
    if out:
        os.makedirs(out, exist_ok=True)
    linking, words, left_out, sentence = choose_library(out)
    if out:
        write_files(out, include, linking, " ".join(map(escape, words)), left_out)
    if sentence:
        print(sentence)


def write_files(out, include, linking, libs, left_out):
    python = interpreter()
    with open(os.path.join(ROOT, "scripts", "compat.h"), encoding="utf-8") as compat:
        identity = "\n".join([python, sys.version, include, libs, compat.read()] + left_out)
    digest = hashlib.sha256(os.fsencode(identity)).hexdigest()[:12]

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
    go = shlex.quote(os.path.join(ROOT, "build", "go", "bin"))
    write(os.path.join(out, "env.sh"), (
        "export PKG_CONFIG_PATH=%s\n"
        "export CGO_ENABLED=1\n"
        "export CGO_CFLAGS=\"-O2 -g -DPYSERVE_BUILD -DPYSERVE_PYTHON_%s ${PYSERVE_CFLAGS:-}\"\n"
        "[ ! -x %s/go ] || export PATH=%s:\"$PATH\"\n") % (shlex.quote(out), digest, go, go))


main()
