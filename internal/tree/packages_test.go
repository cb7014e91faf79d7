package tree

import (
	"flag"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// A folder is a row of the table of packages.
type folder struct{ path, holds, knowsNothingOf string }

// folders are all packages, in the order of a request's way in. A package imports only those above it.
var folders = []folder{
	{"httpserver/internal/disk", "the calls that may wait for a disk", "what is kept there"},
	{"httpserver/internal/corpus", "for tests: loads `testdata/requests`", ""},
	{"httpserver/http1", "the parser: heads and chunked content out of a buffer, in any cut", "I/O"},
	{"httpserver/scoreboard", "the table in shared memory of what every worker and thread is doing and has counted", "what is done about it"},
	{"httpserver/trustedpath", "opening files by name as root, in folders of others", "what they are for"},
	{"httpserver", "the contract of engines and handlers (`Engine`, `Threads`, `Handler`, `ResponseWriter`), and what the engines share: " +
		"listeners, limits, spooling, the server's own answers, ids, the access log", "WSGI, Python"},
	{"httpserver/nethttp", "the engine on Go's net/http: the server, the handler for other servers, the queue for the threads", "WSGI, Python"},
	{"httpserver/reactor", "the engine of the Python threads: epoll, the scheduler, connections", "WSGI, Python"},
	{"httpserver/internal/enginetest", "for tests: one suite for both engines", "which engine it tests"},
	{"httpserver/progress", "keeps the threads' records on the scoreboard, and ends requests that do not move", "how Python is interrupted"},
	{"environ", "a request → the PEP 3333 variables that are strings, packed into one block", "Python"},
	{"gateway", "PEP 3333: start_response, write, framing, iteration, close(); the `App` interface", "C, CPython"},
	{"gateway/gatewaytest", "for tests: one list of behaviours, for Go applications and Python's", "CPython"},
	{"pyhost/internal/needsmake", "says that a build without `make` cannot work", ""},
	{"pyhost/prestart", "what has to happen before the Go runtime starts", "Python's objects"},
	{"pyhost", "CPython: start, threads, the C shim, Python objects; implements `gateway.App`", "sockets, engines"},
	{"pyhost/importing", "says where an import is that takes long, and that it has become a server", "how to look at Python's stack"},
	{"pyhost/zygote", "the master's end of `--preload`", "workers"},
	{".", "the library: `Options`, `New`, `Handler`, `Close`; wires the packages", "flags, signals"},
	{"cmd/pyserve/internal/supervise", "the master's state machine", "system calls"},
	{"cmd/pyserve/internal/handover", "what processes hand down and say to each other", "when"},
	{"cmd/pyserve/internal/process", "starting, reaping, signalling", "when"},
	{"cmd/pyserve/internal/watch", "changed files", "what is to be done about them"},
	{"cmd/pyserve/internal/systemd", "the service manager", "what to say to it, and when"},
	{"cmd/pyserve", "flags, environment variables, signals, exit codes; the master's and the worker's part", ""},
	{"deploy", "files for systemd, containers and proxies, with tests that read them", ""},
	{"e2e", "tests that drive the real binary over sockets", "the packages"},
	{"scripts", "what `make` calls, with tests that run it", ""},
	{"internal/tree", "tests of the tree of files: this table, the sizes of files, documents, language", "what the code does"},
}

func rowOf(path string) int {
	return slices.IndexFunc(folders, func(f folder) bool { return f.path == path })
}

// ours returns the folders of the project that the file imports.
func (file goFile) ours() (folders []string) {
	for _, imported := range file.imports() {
		inside, ours := strings.CutPrefix(imported, module)
		if ours && (inside == "" || inside[0] == '/') {
			folders = append(folders, path.Clean("./"+inside))
		}
	}
	return folders
}

func checkImports(source tree) (faults []string) {
	for _, file := range source.goFiles {
		from := rowOf(file.folder)
		if from < 0 {
			faults = append(faults, fmt.Sprintf("%s: folder %s has no row in the table of packages: add one", file.name, file.folder))
			continue
		}
		for _, imported := range file.ours() {
			to := rowOf(imported)
			switch {
			case to < 0:
				faults = append(faults, fmt.Sprintf("%s imports %s, which has no row in the table of packages", file.name, imported))
			case to > from && (!file.test || !testsTogether(file.folder, imported)):
				faults = append(faults, fmt.Sprintf("%s imports %s, which stands below %s in the table of packages", file.name, imported, file.folder))
			}
		}
	}
	return faults
}

// testsTogether reports whether a test of one folder may import the other: a package for tests of the same top folder.
func testsTogether(folder, imported string) bool {
	top, _, _ := strings.Cut(folder, "/")
	return strings.HasPrefix(imported, top+"/") && strings.HasSuffix(imported, "test")
}

var update = flag.Bool("update", false, "rewrite the table in ARCHITECTURE.md")

const (
	tableBegins = "<!-- the table of packages: go test ./internal/tree -update -->\n"
	tableEnds   = "<!-- end of the table -->\n"
)

func TestTheArchitectureShowsThePackagesAsTheyAre(t *testing.T) {
	source, err := readTree(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	const name = root + "/ARCHITECTURE.md"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !found || !ends {
		t.Fatalf("there is no table between %q and %q", tableBegins, tableEnds)
	}
	want := before + tableBegins + packageTable(source) + tableEnds + after
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Error("ARCHITECTURE.md does not show the packages as they are: go test ./internal/tree -update")
	}
}

// packageTable is the table of packages in Markdown, with what each one imports.
func packageTable(source tree) string {
	var b strings.Builder
	b.WriteString("| folder | holds | imports | knows nothing of |\n| --- | --- | --- | --- |\n")
	for _, f := range folders {
		imports := map[string]bool{}
		for _, file := range source.goFiles {
			if file.folder == f.path && !file.test {
				for _, imported := range file.ours() {
					imports[named(imported)] = true
				}
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", named(f.path), f.holds, strings.Join(sortedNames(imports), ", "), f.knowsNothingOf)
	}
	return b.String()
}

// named is the name of a folder in the table.
func named(folder string) string {
	if folder == "." {
		return "pyserve"
	}
	return folder
}
