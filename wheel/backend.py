"""Builds the wheel and the sdist: the backend of pyproject.toml (PEP 517), and `python wheel/backend.py FOLDER` by hand.

With the setting manylinux (`pip wheel -C manylinux=1`) the C compiler is zig's, from PyPI, which links for the glibc of 2012: that wheel
works on every distribution since. Without it the system's compiler makes one for this machine.

The wheel is for the Python that runs this. It has one extension module, which Go's linker makes of the command; Python's
symbols come from the process that loads it, so that no libpython is needed, only the headers. The same files give the same
bytes.
"""

import base64
import gzip
import hashlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# What of the project's folders belongs into the sdist: all that is built, and the licences.
SOURCES = ("LICENSE", "README.md", "pyproject.toml", "go.mod", "go.sum")
FOLDERS = ("cmd", "environ", "gateway", "httpserver", "pyhost", "scripts", "wheel")

ZIG = "ziglang==0.17.1"
GLIBC = (2, 17)

# Every file has this time: zip files have none before 1980.
EPOCH = (1980, 1, 1, 0, 0, 0)

CFLAGS = ["-O2", "-g", "-DPYSERVE_BUILD", "-DPYSERVE_EXTENSION", "-fvisibility=hidden", "-fno-semantic-interposition",
          "-ftls-model=initial-exec"]


def project():
    try:
        import tomllib
    except ImportError:  # before 3.11
        import tomli as tomllib
    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        return tomllib.load(file)["project"]


def version():
    with open(os.path.join(ROOT, "options.go"), encoding="utf-8") as file:
        return re.search(r'^const Version = "(.+)"$', file.read(), re.MULTILINE).group(1)


def stem():
    return "%s-%s" % (project()["name"].replace("-", "_"), version())


def need(command, why):
    """The full path of a command, also of a Go that the project's scripts have fetched."""
    fetched = os.path.join(ROOT, "build", "go", "bin", command)
    found = fetched if os.access(fetched, os.X_OK) else shutil.which(command)
    if found is None:
        raise SystemExit("pyserve: %s is missing: %s" % (command, why))
    return found


# ---- the extension module ----


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def describe_python(folder):
    """Writes what pkg-config tells the Go command of this Python. Nothing is linked."""
    include = sysconfig.get_path("include")
    if not os.path.isfile(os.path.join(include, "Python.h")):
        raise SystemExit("pyserve: no Python.h in %s: install the development files of this Python (python3-dev)" % include)
    os.makedirs(folder, exist_ok=True)
    write(os.path.join(folder, "pyserve_python.h"), '#define PYSERVE_PYTHON_LINKING "extension"\n')
    folders = " ".join("-I" + path.replace(" ", "\\ ") for path in (include, os.path.join(ROOT, "scripts"), folder))
    write(os.path.join(folder, "python3.pc"), (
        "Name: python3\nDescription: the CPython that loads pyserve\nVersion: %s\nLibs:\n"
        "Cflags: -Wno-deprecated-declarations %s -include compat.h -include pyserve_python.h\n")
        % (sys.version.split()[0].rstrip("+"), folders))
    return hashlib.sha256((sys.version + include).encode()).hexdigest()[:12]


ZIG_CC = """#!%s
import sys
from subprocess import call
unknown = {"-fno-semantic-interposition", "-Wl,--build-id=none", "-Wl,-z,nodelete", "-Wl,--export-dynamic-symbol=main"}
sys.exit(call([sys.executable, "-m", "ziglang", "cc", "-Wno-macro-redefined", "-target", "%s-linux-gnu.%d.%d"] + [word for word in sys.argv[1:] if word not in unknown]))
"""


def zig_compiler(folder):
    """Writes the compiler for old systems. It does not look where Debian has the part of pyconfig.h that differs between them."""
    path, include = os.path.join(folder, "zig-cc"), sysconfig.get_path("include")
    write(path, ZIG_CC % ((sys.executable, os.uname().machine) + GLIBC))
    os.chmod(path, 0o755)
    triplet = sysconfig.get_config_var("MULTIARCH") or ""
    theirs = os.path.join(os.path.dirname(include), triplet, os.path.basename(include))
    ours = os.path.join(folder, triplet, os.path.basename(include))
    if triplet and os.path.isfile(os.path.join(theirs, "pyconfig.h")) and not os.path.lexists(ours):
        os.makedirs(os.path.dirname(ours), exist_ok=True)
        os.symlink(theirs, ours)
    return path


def build_extension(path, manylinux):
    go = need("go", "install it from https://go.dev/doc/install")
    need("pkg-config", "install pkg-config")
    folder = os.path.join(ROOT, "build", "wheel", sysconfig.get_config_var("SOABI"))
    key = describe_python(folder)
    compiler = zig_compiler(folder) if manylinux else os.environ.get("CC", "gcc")
    need(shlex.split(compiler)[0], "install a C compiler (gcc), or name one by CC")
    # Go's build cache keys on CGO_CFLAGS, but not on what pkg-config prints.
    env = dict(os.environ, PKG_CONFIG_PATH=folder, CGO_ENABLED="1", CGO_CFLAGS=" ".join(CFLAGS + ["-DPYSERVE_PYTHON_" + key]),
               CGO_LDFLAGS="" if manylinux else "-Wl,--unresolved-symbols=ignore-all", CC=compiler)
    env.pop("GOFLAGS", None)
    subprocess.run([go, "build", "-tags", "pyserve_extension", "-buildmode=c-shared", "-trimpath", "-buildvcs=false",
                    "-ldflags=-s -w -buildid=", "-o", path, "./cmd/pyserve"], cwd=ROOT, env=env, check=True)


# ---- licences ----


def licences():
    """The project's licence, and those of Go and of all modules that are linked in, as one text each."""
    go = need("go", "install it from https://go.dev/doc/install")

    def ask(*words):
        return subprocess.run([go] + list(words), cwd=ROOT, env=dict(os.environ, CGO_ENABLED="0"), check=True,
                              stdout=subprocess.PIPE, universal_newlines=True).stdout.splitlines()

    with open(os.path.join(ROOT, "LICENSE"), encoding="utf-8") as file:
        found = {"licenses/LICENSE": file.read()}
    # -e: without cgo, packages are missing that have no licence of their own.
    modules = ask("list", "-e", "-deps", "-tags", "pyserve_extension",
                  "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}", "./cmd/pyserve", "./pyhost")
    others = [("Go", ask("env", "GOROOT")[0])] + [line.split("\t") for line in sorted(set(modules)) if "\t" in line]
    text = ""
    for name, folder in others:
        for file in sorted(os.listdir(folder)):
            if re.match("(LICEN[CS]E|COPYING|NOTICE)", file):
                with open(os.path.join(folder, file), encoding="utf-8") as licence:
                    text += "==== %s: %s\n\n%s\n" % (name, file, licence.read())
    found["licenses/THIRD_PARTY.txt"] = text
    return found


# ---- the wheel ----


def metadata():
    p = project()
    lines = ["Metadata-Version: 2.4", "Name: " + p["name"], "Version: " + version(), "Summary: " + p["description"],
             "Keywords: " + ",".join(p["keywords"]), "Requires-Python: " + p["requires-python"]]
    lines += ["License-File: LICENSE", "License-File: THIRD_PARTY.txt"]
    lines += ["Classifier: " + classifier for classifier in p["classifiers"]]
    with open(os.path.join(ROOT, p["readme"]), encoding="utf-8") as readme:
        return "\n".join(lines) + "\nDescription-Content-Type: text/markdown\n\n" + readme.read()


def tag(manylinux):
    interpreter = "cp%d%d" % sys.version_info[:2]
    abi = interpreter + ("t" if sysconfig.get_config_var("Py_GIL_DISABLED") else "")
    platform = sysconfig.get_platform()
    if manylinux:
        platform = "manylinux_%d_%d_%s" % (GLIBC + (os.uname().machine,))
    return "%s-%s-%s" % (interpreter, abi, re.sub(r"[-.]", "_", platform))


def information(manylinux):
    """The files of the .dist-info folder, but for RECORD."""
    points = {"console_scripts": project()["scripts"], **project()["entry-points"]}
    groups = ["[%s]\n" % name + "".join("%s = %s\n" % item for item in group.items()) for name, group in points.items()]
    return {
        **licences(),
        "METADATA": metadata(),
        "WHEEL": "Wheel-Version: 1.0\nGenerator: pyserve\nRoot-Is-Purelib: false\nTag: %s\n" % tag(manylinux),
        "entry_points.txt": "\n".join(groups),
    }


def package(manylinux):
    """The files of the package, with the extension module."""
    files = {}
    source = os.path.join(ROOT, "wheel")
    paths = [os.path.join(folder, name) for folder, _, names in os.walk(os.path.join(source, "pyserve")) for name in names
             if name.endswith((".py", ".typed"))]
    for path in sorted(paths):
        with open(path, "rb") as file:
            files[os.path.relpath(path, source)] = file.read()
    with open(os.path.join(ROOT, "pyhost", "exceptions.py"), "rb") as file:
        files["pyserve/exceptions.py"] = file.read()
    files["pyserve/__init__.py"] = files["pyserve/__init__.py"].replace(b"@VERSION@", version().encode())
    name = "_engine" + sysconfig.get_config_var("EXT_SUFFIX")
    built = os.path.join(ROOT, "build", "wheel", name)
    os.makedirs(os.path.dirname(built), exist_ok=True)
    build_extension(built, manylinux)
    with open(built, "rb") as file:
        files["pyserve/" + name] = file.read()
    return files


def pack(files, path):
    """Writes a zip file whose bytes depend on the files alone."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)


def record(files, name):
    lines = []
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append("%s,sha256=%s,%d\n" % (path, digest, len(data)))
    return "".join(lines) + name + ",,\n"


def get_requires_for_build_wheel(config_settings=None):
    return [ZIG] if (config_settings or {}).get("manylinux") else []


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    manylinux = bool((config_settings or {}).get("manylinux"))
    files = package(manylinux)
    info = stem() + ".dist-info/"
    files.update((info + name, text.encode()) for name, text in information(manylinux).items())
    files[info + "RECORD"] = record(files, info + "RECORD").encode()
    name = "%s-%s.whl" % (stem(), tag(manylinux))
    os.makedirs(wheel_directory, exist_ok=True)
    pack(files, os.path.join(wheel_directory, name))
    return name


# ---- the sdist ----


def sources():
    found = [name for name in SOURCES if os.path.exists(os.path.join(ROOT, name))]
    found += [name for name in os.listdir(ROOT) if name.endswith(".go") and not name.endswith("_test.go")]
    for folder in FOLDERS:
        for path, folders, names in os.walk(os.path.join(ROOT, folder)):
            folders[:] = [name for name in folders if name not in ("testdata", "__pycache__")]
            found += [os.path.relpath(os.path.join(path, name), ROOT) for name in names
                      if not name.endswith(("_test.go", ".pyc"))]
    return sorted(found)


def build_sdist(sdist_directory, config_settings=None):
    name = stem() + ".tar.gz"
    os.makedirs(sdist_directory, exist_ok=True)
    with open(os.path.join(sdist_directory, name), "wb") as file, \
            gzip.GzipFile("", "wb", mtime=0, fileobj=file) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for path in sources():
            with open(os.path.join(ROOT, path), "rb") as source:
                add(archive, path, source.read(), os.access(os.path.join(ROOT, path), os.X_OK))
        add(archive, "PKG-INFO", metadata().encode(), False)
    return name


def add(archive, path, data, executable):
    entry = tarfile.TarInfo("%s/%s" % (stem(), path))
    entry.size, entry.mode = len(data), 0o755 if executable else 0o644
    archive.addfile(entry, io.BytesIO(data))


if __name__ == "__main__":
    print(os.path.join(sys.argv[1], build_wheel(sys.argv[1])))
