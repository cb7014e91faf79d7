// Package scripts holds what make calls; its tests run the set-up with compilers and Go commands that are not there.
package scripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// executable writes a shell script and returns its path.
func executable(t *testing.T, folder, name, script string) string {
	t.Helper()
	file := filepath.Join(folder, name)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n"+script), 0o755))
	return file
}

// An embedding is what scripts/embed.py made of a C compiler: what it said, its exit code, and python3.pc.
type embedding struct {
	said string
	code int
	pc   string
}

// embed runs embed.py with a compiler that is the shell script cc; "$words" is its command line there.
func embed(t *testing.T, cc string, variables ...string) embedding {
	t.Helper()
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "/usr/bin/python3"
	}
	out := t.TempDir()
	compiler := executable(t, t.TempDir(), "cc", "words=\"$*\"\n"+cc)
	run := exec.Command(python, "-I", "embed.py", out)
	run.Env = append(os.Environ(), append([]string{"CC=" + compiler, "PYSERVE_LINK="}, variables...)...)
	said, err := run.CombinedOutput()
	require.NotNil(t, run.ProcessState, "%v", err)
	pc, _ := os.ReadFile(filepath.Join(out, "python3.pc"))
	return embedding{string(said), run.ProcessState.ExitCode(), string(pc)}
}

// needBothLibraries skips the test where the Python has not both a static and a shared library.
func needBothLibraries(t *testing.T) {
	t.Helper()
	for _, kind := range []string{"static", "shared"} {
		if got := embed(t, "exit 0", "PYSERVE_LINK="+kind); got.code != 0 {
			t.Skipf("this Python has no %s library: %s", kind, got.said)
		}
	}
}

// Without the object that stands for _sha2 the linker takes sha2module.o out of the archive, and finds no code for it.
const lacksSHA2 = `case $words in
*left_out.o*) ;;
*.a*)
	echo "/usr/bin/ld: libpython3.13.a(sha2module.o): in function 'update_256':"
	echo "undefined reference to 'python_hashlib_Hacl_Hash_SHA2_update_256'"
	exit 1 ;;
esac
`

const lacksBlake2 = `case $words in
*.a*) echo "blake2module.o: undefined reference to 'Hacl_Hash_Blake2b_init'"; exit 1 ;;
esac
`

func TestAModuleWithoutItsCodeIsLeftOutOfTheStaticLibrary(t *testing.T) {
	needBothLibraries(t)
	got := embed(t, lacksSHA2)
	assert.Equal(t, 0, got.code, got.said)
	assert.Equal(t, 1, strings.Count(got.said, "\n"), "one line: %q", got.said)
	assert.Contains(t, got.said, "_sha2")
	assert.Regexp(t, `Libs: .*left_out\.o .*libpython3.*\.a`, got.pc, "it must come before the archive")
}

func TestTheSharedLibraryStandsInWhereTheStaticOneDoesNotLink(t *testing.T) {
	needBothLibraries(t)
	got := embed(t, lacksBlake2)
	assert.Equal(t, 0, got.code, got.said)
	assert.Equal(t, 1, strings.Count(got.said, "\n"), "one line: %q", got.said)
	assert.Contains(t, got.said, "shared")
	assert.Contains(t, got.said, "Hacl_Hash_Blake2b_init", "the linker's reason")
	assert.Contains(t, got.pc, " -lpython3")
	assert.NotContains(t, got.pc, ".a")
}

func TestALibraryThatLinksSaysNothing(t *testing.T) {
	got := embed(t, "exit 0")
	assert.Equal(t, embedding{said: "", code: 0, pc: got.pc}, got)
	assert.NotContains(t, got.pc, "left_out")
}

func TestALinkThatFailsEitherWayEndsWithTheLinkersWords(t *testing.T) {
	got := embed(t, `echo "cannot find -lnonsense"; exit 1`)
	assert.Equal(t, 2, got.code)
	assert.Contains(t, got.said, "cannot find -lnonsense")
}

func TestPYSERVE_LINKDecidesWhichLibrary(t *testing.T) {
	needBothLibraries(t)
	got := embed(t, lacksBlake2, "PYSERVE_LINK=shared")
	assert.Equal(t, 0, got.code)
	assert.Empty(t, got.said, "it is what was asked for")
	assert.Equal(t, 2, embed(t, lacksBlake2, "PYSERVE_LINK=static").code)

	got = embed(t, "exit 0", "PYSERVE_LINK=statc")
	assert.Equal(t, 3, got.code)
	assert.Contains(t, got.said, "PYSERVE_LINK=statc")
}

// A machine is a copy of the scripts, with nothing on PATH but a shell's commands and what tests put in bin.
type machine struct {
	folder, bin string
	env         []string
}

func newMachine(t *testing.T) machine {
	t.Helper()
	// A space: people have folders of all names.
	m := machine{folder: filepath.Join(t.TempDir(), "py serve"), bin: filepath.Join(t.TempDir(), "bin")}
	require.NoError(t, os.MkdirAll(m.bin, 0o755))
	require.NoError(t, os.CopyFS(filepath.Join(m.folder, "scripts"), os.DirFS(".")))
	module, err := os.ReadFile("../go.mod")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(m.folder, "go.mod"), module, 0o644))
	for _, name := range []string{"awk", "bash", "cat", "chmod", "dirname", "find", "mkdir", "mv", "rm", "sh", "sort", "uname"} {
		path, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(m.bin, name)))
	}
	m.env = []string{"PATH=" + m.bin}
	return m
}

// run has bash run a script after lib.sh, as the scripts do, and returns all it prints.
func (m machine) run(t *testing.T, script string, variables ...string) (string, error) {
	t.Helper()
	run := exec.Command(filepath.Join(m.bin, "bash"), "-c", ". scripts/lib.sh; "+script, "scripts/test")
	run.Dir, run.Env = m.folder, append(m.env, variables...)
	said, err := run.CombinedOutput()
	return string(said), err
}

// oldGo is Debian 12's Go, on aarch64: it knows no GOTOOLCHAIN, and leaves the programs of a module not executable.
const oldGo = `case "$1 $2" in
"env GOVERSION") echo go1.19.8 ;;
"env GOHOSTOS") echo linux ;;
"env GOHOSTARCH") echo arm64 ;;
"env GOTOOLCHAIN") echo ;;
"mod download")
	mkdir -p "$GOMODCACHE/$3/bin" "$GOMODCACHE/$3/pkg/tool/linux_arm64" || exit
	printf '#!/bin/sh\necho "new go from %s"\n' "$3" >"$GOMODCACHE/$3/bin/go"
	chmod 644 "$GOMODCACHE/$3/bin/go"
	[ -z "$INTERRUPTED" ] || exit 1 ;;
*) exit 1 ;;
esac
`

const fetchGo = ". scripts/go.sh; has_venv() { false; }; go_serves && echo serves; fetch_go"

func TestAGoTooOldFetchesTheOneOfGoMod(t *testing.T) {
	m := newMachine(t)
	executable(t, m.bin, "go", oldGo)
	said, err := m.run(t, fetchGo)
	require.NoError(t, err, said)
	assert.NotContains(t, said, "serves")
	assert.Contains(t, said, "Go 1.19.8")

	said, err = m.run(t, "go version")
	require.NoError(t, err, "every script must find it afterwards: %s", said)
	assert.Regexp(t, `new go from golang\.org/toolchain@v0\.0\.1-go1\.\d+\.\d+\.linux-arm64`, said)
}

func TestADownloadOfGoThatBreaksOffLeavesNothing(t *testing.T) {
	m := newMachine(t)
	executable(t, m.bin, "go", oldGo)
	said, err := m.run(t, fetchGo, "INTERRUPTED=yes")
	require.Error(t, err, said)
	assert.NoDirExists(t, filepath.Join(m.folder, "build", "go"))
	said, err = m.run(t, fetchGo)
	require.NoError(t, err, said)
}

func TestAGoThatSwitchesByItselfIsLeftToIt(t *testing.T) {
	m := newMachine(t)
	executable(t, m.bin, "go", `case "$1 $2" in
"env GOVERSION") echo go1.24.4 ;;
"env GOTOOLCHAIN") echo ${GOTOOLCHAIN:-auto} ;;
"version ") exit 0 ;;
*) exit 1 ;;
esac
`)
	said, err := m.run(t, ". scripts/go.sh; go_serves")
	require.NoError(t, err, said)
	assert.Contains(t, said, "Go 1.24.4")
	_, err = m.run(t, ". scripts/go.sh; go_serves", "GOTOOLCHAIN=local")
	require.Error(t, err)
}

func TestVersionsOfGoAreComparedWhole(t *testing.T) {
	m := newMachine(t)
	for _, tt := range []struct {
		a, b  string
		older bool
	}{
		{"1.9", "1.26.0", true}, {"1.26.0", "1.26.0", false}, {"1.26.0", "1.26.3", true}, {"1.26.10", "1.26.9", false},
		{"1.26rc1", "1.26.0", true}, {"1.27", "1.26.0", false}, {"2.0", "1.26.0", false},
	} {
		_, err := m.run(t, ". scripts/go.sh; older "+tt.a+" "+tt.b)
		assert.Equal(t, tt.older, err == nil, "%s before %s", tt.a, tt.b)
	}
}

func TestGoHasItsCachesInBuildWhereThereIsNoHome(t *testing.T) {
	m := newMachine(t)
	build := filepath.Join(m.folder, "build")
	for _, tt := range []struct {
		name      string
		variables []string
		want      string
	}{
		{"no HOME", nil, build + "/go-cache " + build + "/go-modules\n"},
		{"a HOME that cannot be written to", []string{"HOME=/dev/null/home"}, build + "/go-cache " + build + "/go-modules\n"},
		{"a HOME", []string{"HOME=" + t.TempDir()}, " \n"},
		{"caches that are named", []string{"GOCACHE=/a", "GOMODCACHE=/b"}, "/a /b\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			said, err := m.run(t, `echo "${GOCACHE:-} ${GOMODCACHE:-}"`, tt.variables...)
			require.NoError(t, err, said)
			assert.Equal(t, tt.want, said)
		})
	}
}
