# shellcheck shell=bash
# What the scripts share. Sourced first by each of them; leaves the shell in the project's root.
#
#   build/KEY/           all that depends on the chosen Python; KEY is a hash of its real path and version,
#                        so that going back to another PYTHON= finds its files as they were
#   build/KEY/python/    python3.pc, pyserve_python.h, env.sh (scripts/embed.py)
#   build/KEY/venv/      the virtual environment with testdata's requirements
#   build/KEY/bench-venv/   that of the benchmark, with the servers pyserve is measured against
#   build/python, build/venv   links to those of the Python chosen last, for people
#   build/go/            the Go that scripts/setup fetched, where the system has none that will do
#
# The scripts use the folder of their own Python, never the links.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$root"

# The folders that build and test with CGO_ENABLED=0.
pure_folders=(internal httpserver environ gateway cmd/pyserve/internal)

step() { printf 'pyserve: %s\n' "$*"; }
heading() { printf '\n=== %s\n' "$*"; }
die() {
    printf 'pyserve: %s\n' "$@" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# use_go puts the Go that was fetched on PATH.
use_go() {
    [ -x "$root/build/go/bin/go" ] || return 0
    export PATH=$root/build/go/bin:$PATH
    unset GOROOT
}

# can_write FOLDER: can files be written there? It is made if it is not there.
can_write() { [ -w "$1" ] || mkdir -p "$1" 2>/dev/null; }

# use_caches keeps Go's caches in build/ where there is no home for them: a unit of systemd, env -i, a home that
# cannot be written to.
use_caches() {
    local cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}} path=${GOPATH:-${HOME:+$HOME/go}}
    [ -n "${GOCACHE:-}" ] || { [ -n "$cache" ] && can_write "$cache/go-build"; } || export GOCACHE=$root/build/go-cache
    [ -n "${GOMODCACHE:-}" ] || { [ -n "$path" ] && can_write "${path%%:*}/pkg/mod"; } || export GOMODCACHE=$root/build/go-modules
}

use_go
use_caches

# describe_python COMMAND prints the interpreter's real path and its key; fails if it does not run, is older
# than 3.9, or belongs to a virtual environment.
describe_python() {
    "$1" -I -c '
import hashlib, os, sys
if sys.version_info < (3, 9) or sys.prefix != sys.base_prefix:
    sys.exit(1)
path = os.path.realpath(sys.executable)
print(path)
print(hashlib.sha256((path + sys.version).encode()).hexdigest()[:12])' 2>/dev/null
}

# embeddable COMMAND: may it be chosen unasked? /usr/bin/python3 in any case, the system's packages bring what it
# lacks; another one if it has all.
embeddable() {
    [ "$1" = /usr/bin/python3 ] || "$1" -I scripts/embed.py >/dev/null 2>&1
}

# choose_python sets python (full path), home (build/KEY) and venv, all absolute. PYTHON= decides; without
# it /usr/bin/python3, else the first python3 on PATH that can be embedded. Fails if there is none.
# shellcheck disable=SC2034 # the scripts use what it sets
choose_python() {
    local candidate found candidates=()
    if [ -n "${PYTHON:-}" ]; then
        candidates=("$PYTHON")
    else
        # The /usr/bin/python3 of macOS only asks to install Xcode.
        [ "$(uname -s)" = Darwin ] || candidates=(/usr/bin/python3)
        while IFS= read -r candidate; do
            candidates+=("$candidate")
        done < <(type -aP python3)
    fi
    for candidate in ${candidates[@]+"${candidates[@]}"}; do
        found=$(describe_python "$candidate") || continue
        [ -n "${PYTHON:-}" ] || embeddable "$candidate" || continue
        python=${found%$'\n'*}
        home=$root/build/${found##*$'\n'}
        venv=$home/venv
        return 0
    done
    [ -z "${PYTHON:-}" ] ||
        die "PYTHON=$PYTHON is no Python 3.9 or later that runs, or it belongs to a virtual environment: name the python3 of an installation by its full path"
    return 1
}

# load_python chooses the Python and puts what the Go command needs to build around it into the environment.
load_python() {
    scripts/setup
    choose_python
    # shellcheck source=/dev/null
    . "$home/python/env.sh"
}

# apt_install PACKAGE… installs packages as root or by sudo. It returns 1 where that cannot be done, 2 if apt-get fails.
apt_install() {
    local as_root=()
    has apt-get || return 1
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo)
        # A sudo that asks for a password does so only where somebody can answer.
        has sudo && { [ -t 0 ] || sudo -n true 2>/dev/null; } || return 1
    fi
    step "installing $* (apt-get)"
    local apt=(${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
    "${apt[@]}" update >/dev/null || step "apt-get update failed; trying with the package lists that are there"
    "${apt[@]}" install -y --no-install-recommends "$@" >/dev/null || return 2
}

# pip_in FOLDER ARGUMENT…: pip in a virtual environment.
pip_in() { "$1/bin/python" -I -m pip --quiet --disable-pip-version-check --no-input "${@:2}"; }

# has_go FOLDER: does it, or a folder below, hold Go files?
has_go() { [ -d "$1" ] && [ -n "$(find "$1" -name '*.go' -print -quit)" ]; }

# go_files prints the project's Go files, one a line. (The scripts do without mapfile: macOS has bash 3.2.)
go_files() { find . -path ./build -prune -o -name '.?*' -prune -o -name '*.go' -print; }

# pure_packages prints the package patterns of the pure Go folders.
pure_packages() {
    local folder
    for folder in "${pure_folders[@]}"; do
        if has_go "$folder"; then echo "./$folder/..."; fi
    done
}
