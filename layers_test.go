package pyserve_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/pyserve/pyserve"

// A layer is a folder with all the folders below it. It may import itself and the layers named in may;
// why is told to whoever breaks the rule.
type layer struct {
	folder string
	may    []string
	why    string
}

// layers is the import table, in the order of a request's way in: each layer may import only what stands
// before it. A folder belongs to the row with the longest name that fits.
var layers = []layer{
	{"httpserver", nil,
		"it moves bytes between sockets and a Handler, for any handler: WSGI and Python stay out, so that it is tested without them"},
	{"environ", []string{"httpserver"},
		"it turns a request into the PEP 3333 variables and nothing more: pure Go, tested and fuzzed without Python"},
	{"gateway", []string{"httpserver", "environ"},
		"it is the PEP 3333 state machine over its App interface: tested with a Go application, without CPython"},
	{"pyhost", []string{"httpserver", "environ", "gateway"},
		"it implements gateway.App by CPython: who uses it is wired up above, in the root package"},
	{".", []string{"httpserver", "environ", "gateway", "pyhost"},
		"the library wires the layers together: the command is built on it, not it on the command"},
	{"cmd/pyserve/internal/supervise", nil,
		"it is the master's state machine behind a small interface: tested with fake processes on a fake clock"},
	{"cmd/pyserve/internal/watch", nil,
		"it tells that files have changed, and not what is to be done about it"},
	{"cmd/pyserve/internal/systemd", nil,
		"it speaks with the service manager: what to say, and when, is the command's"},
	{"cmd", []string{".", "httpserver", "environ", "gateway", "pyhost", "cmd/pyserve/internal/supervise",
		"cmd/pyserve/internal/watch", "cmd/pyserve/internal/systemd"},
		"the command stands on everything, and nothing stands on it"},
	{"deploy", nil,
		"its tests read the files beside them as systemd, nginx and the others do"},
	{"scripts", nil,
		"its tests run the scripts beside them, on machines that lack things"},
	{"e2e", nil,
		"the end-to-end tests know the binary only, as its users do: by flags, sockets and output"},
}

const (
	maxGoLines    = 500
	maxCLines     = 500
	maxCLinesAll  = 2800
	exportFile    = "pyhost/export.go"
	bindingModule = "github.com/go-python/cpy3"
)

// A goFile is a parsed Go file of the tree.
type goFile struct {
	name   string // slash-separated, from the root
	folder string // "." for the root
	test   bool
	lines  int
	syntax *ast.File
}

// A tree is what the rules look at: the Go files, and the C files with their number of lines.
type tree struct {
	goFiles []goFile
	cFiles  map[string]int
}

func TestTheTreeKeepsItsRules(t *testing.T) {
	source, err := readTree(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, fault := range rule.check(source) {
				t.Errorf("%s\n\twhy: %s", fault, rule.why)
			}
		})
	}
}

// rules are the checks, each with the reason that is told when it fails.
var rules = []struct {
	name, why string
	check     func(tree) []string
}{
	{"a layer imports only the layers before it",
		"data goes one way, and a layer that knows nothing of the next is tested without it; the table is in layers_test.go",
		checkImports},
	{"only pyhost uses cgo",
		"everything else builds, tests, races and fuzzes with CGO_ENABLED=0",
		checkCgo},
	{"a package has one package comment",
		"the reader finds what the package does, and does not do, in one place",
		checkPackageComments},
	{"no Go file is too long",
		"a file holds one idea; split it by idea, not by length",
		checkGoLength},
	{"the C code stays small",
		"what can be written in Go is: C has neither bounds nor the race detector",
		checkCLength},
	{"exported functions stand together",
		"the way from C into Go is one page that can be read at once",
		checkExports},
	{"C stands in C files",
		"C in a Go comment has no line numbers, no highlighting and no compiler warnings",
		checkPreambles},
}

// readTree parses what belongs to the project: not testdata, not build, not hidden folders.
func readTree(root fs.FS) (tree, error) {
	source := tree{cFiles: map[string]int{}}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if entry.IsDir() {
			if name != "." && (base == "testdata" || name == "build" || name == "bin" || strings.HasPrefix(base, ".")) {
				return fs.SkipDir
			}
			return nil
		}
		switch path.Ext(name) {
		case ".go", ".c", ".h", ".cc", ".cpp", ".S", ".s":
		default:
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		lines := strings.Count(string(text), "\n")
		if path.Ext(name) != ".go" {
			source.cFiles[name] = lines
			return nil
		}
		// By the parser and not by go/build: no build constraint hides a file, and no C compiler is needed.
		syntax, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
		source.goFiles = append(source.goFiles, goFile{
			name: name, folder: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), lines: lines, syntax: syntax,
		})
		return err
	})
	return source, err
}

// layerOf returns the row that folder belongs to, or nil.
func layerOf(folder string) *layer {
	var found *layer
	for i := range layers {
		row := &layers[i]
		if folder == row.folder || strings.HasPrefix(folder, row.folder+"/") {
			if found == nil || len(row.folder) > len(found.folder) {
				found = row
			}
		}
	}
	return found
}

func (file goFile) imports() []string {
	var paths []string
	for _, spec := range file.syntax.Imports {
		if imported, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, imported)
		}
	}
	return paths
}

// within reports whether the file lies in folder or below.
func (file goFile) within(folder string) bool {
	return file.folder == folder || strings.HasPrefix(file.folder, folder+"/")
}

func checkImports(source tree) (faults []string) {
	for _, file := range source.goFiles {
		from := layerOf(file.folder)
		if from == nil {
			faults = append(faults, fmt.Sprintf("%s: folder %s has no row in the import table: add one, with its reason", file.name, file.folder))
			continue
		}
		for _, imported := range file.imports() {
			inside, ours := strings.CutPrefix(imported, module)
			if !ours || inside != "" && inside[0] != '/' {
				continue
			}
			folder := path.Clean("./" + inside)
			to := layerOf(folder)
			switch {
			case to == nil:
				faults = append(faults, fmt.Sprintf("%s imports %s, which has no row in the import table", file.name, folder))
			case to != from && !slices.Contains(from.may, to.folder):
				faults = append(faults, fmt.Sprintf("%s imports %s, but %s may import %s: %s", file.name, folder, from.folder, list(from.may), from.why))
			}
		}
	}
	return faults
}

func list(folders []string) string {
	if len(folders) == 0 {
		return "no other layer"
	}
	return "only " + strings.Join(folders, ", ")
}

func checkCgo(source tree) (faults []string) {
	for _, file := range source.goFiles {
		if file.within("pyhost") {
			continue
		}
		for _, imported := range file.imports() {
			if imported == "C" || imported == bindingModule {
				faults = append(faults, fmt.Sprintf("%s imports %q, which only pyhost may", file.name, imported))
			}
		}
	}
	for _, name := range sortedNames(source.cFiles) {
		// compat.h is put before cpy3's C, by the build.
		if !strings.HasPrefix(name, "pyhost/") && name != "scripts/compat.h" {
			faults = append(faults, name+" is C outside of pyhost")
		}
	}
	return faults
}

func checkPackageComments(source tree) (faults []string) {
	commented := map[string][]string{} // the files with a package comment, by folder
	for _, file := range source.goFiles {
		if file.test {
			continue
		}
		files := commented[file.folder]
		if file.syntax.Doc == nil {
			commented[file.folder] = files // none yet is an entry too
			continue
		}
		commented[file.folder] = append(files, file.name)
		text, name := file.syntax.Doc.Text(), file.syntax.Name.Name
		want := "Package " + name + " "
		if name == "main" {
			want = "Command " + path.Base(file.folder) + " "
		}
		if !strings.HasPrefix(text, want) {
			faults = append(faults, fmt.Sprintf("%s: the package comment does not begin with %q", file.name, "// "+want))
		}
	}
	for _, folder := range sortedNames(commented) {
		if files := commented[folder]; len(files) != 1 {
			faults = append(faults, fmt.Sprintf("folder %s has %d package comments %v instead of one", folder, len(files), files))
		}
	}
	return faults
}

func checkGoLength(source tree) (faults []string) {
	for _, file := range source.goFiles {
		if file.lines > maxGoLines {
			faults = append(faults, fmt.Sprintf("%s has %d lines; %d are the limit", file.name, file.lines, maxGoLines))
		}
	}
	return faults
}

func checkCLength(source tree) (faults []string) {
	all := 0
	for _, name := range sortedNames(source.cFiles) {
		lines := source.cFiles[name]
		all += lines
		if lines > maxCLines {
			faults = append(faults, fmt.Sprintf("%s has %d lines; %d are the limit of a C file", name, lines, maxCLines))
		}
	}
	if all > maxCLinesAll {
		faults = append(faults, fmt.Sprintf("all C files together have %d lines; %d are the limit", all, maxCLinesAll))
	}
	return faults
}

func checkExports(source tree) (faults []string) {
	for _, file := range source.goFiles {
		if file.name == exportFile {
			continue
		}
		for _, group := range file.syntax.Comments {
			for _, comment := range group.List {
				if strings.HasPrefix(comment.Text, "//export ") {
					faults = append(faults, fmt.Sprintf("%s: %q belongs into %s", file.name, comment.Text, exportFile))
				}
			}
		}
	}
	return faults
}

// checkPreambles looks at the comments that cgo compiles: those on import "C" and on the group it stands in.
func checkPreambles(source tree) (faults []string) {
	for _, file := range source.goFiles {
		for _, declaration := range file.syntax.Decls {
			group, ok := declaration.(*ast.GenDecl)
			if !ok || group.Tok != token.IMPORT {
				continue
			}
			for _, spec := range group.Specs {
				imported := spec.(*ast.ImportSpec)
				if imported.Path.Value != `"C"` {
					continue
				}
				for _, line := range append(preambleLines(group.Doc), preambleLines(imported.Doc)...) {
					if line != "" && !strings.HasPrefix(line, "#include ") && !strings.HasPrefix(line, "#cgo ") {
						faults = append(faults, fmt.Sprintf("%s: %q above import \"C\": only #include and #cgo may stand there", file.name, line))
					}
				}
			}
		}
	}
	return faults
}

// preambleLines returns the lines of a comment without its markers.
func preambleLines(group *ast.CommentGroup) (lines []string) {
	if group == nil {
		return nil
	}
	for _, comment := range group.List {
		text := strings.TrimPrefix(comment.Text, "//")
		if block, ok := strings.CutPrefix(comment.Text, "/*"); ok {
			text = strings.TrimSuffix(block, "*/")
		}
		for line := range strings.Lines(text) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestTheTreeRulesSeeEveryBreach(t *testing.T) {
	lines := func(n int) string { return strings.Repeat("//\n", n) }
	imports := func(name, imported string) string {
		return fmt.Sprintf("package %s\n\nimport _ %q\n", name, imported)
	}
	for _, test := range []struct {
		name       string
		file, text string
		rule       func(tree) []string
		fault      string // part of the one fault; empty: none
	}{
		{"the way in is allowed", "gateway/a.go", imports("gateway", module+"/environ"), checkImports, ""},
		{"the way back is not", "environ/a.go", imports("environ", module+"/gateway"), checkImports, "environ may import only httpserver"},
		{"nor in a test", "environ/a_test.go", imports("environ_test", module+"/gateway"), checkImports, "environ/a_test.go imports gateway"},
		{"nor the root package", "pyhost/a.go", imports("pyhost", module), checkImports, "pyhost/a.go imports ."},
		{"a folder below belongs to its layer", "pyhost/internal/x/a.go", imports("x", module+"/pyhost"), checkImports, ""},
		{"and breaks its rules", "httpserver/internal/x/a.go", imports("x", module+"/environ"), checkImports, "may import no other layer"},
		{"a name that only begins alike is another layer", "pyhostess/a.go", "package pyhostess\n", checkImports, "no row"},
		{"another module is free", "httpserver/a.go", imports("httpserver", module+"x/environ"), checkImports, ""},
		{"testdata is left out", "environ/testdata/a.go", imports("x", module+"/gateway"), checkImports, ""},
		{"cgo in pyhost", "pyhost/internal/x/a.go", "package x\n\nimport \"C\"\n", checkCgo, ""},
		{"cgo elsewhere", "gateway/a.go", "//go:build cgo\n\npackage gateway\n\nimport \"C\"\n", checkCgo, `gateway/a.go imports "C"`},
		{"cpy3 elsewhere", "cmd/pyserve/a.go", imports("main", bindingModule), checkCgo, bindingModule},
		{"a C file elsewhere", "environ/a.c", "", checkCgo, "environ/a.c is C outside of pyhost"},
		{"no package comment", "environ/a.go", "package environ\n", checkPackageComments, "0 package comments"},
		{"another beginning", "environ/a.go", "// The environ.\npackage environ\n", checkPackageComments, "does not begin"},
		{"a command's comment", "cmd/pyserve/a.go", "// Command pyserve serves.\npackage main\n", checkPackageComments, ""},
		{"a folder of tests needs none", "e2e/a_test.go", "package e2e\n", checkPackageComments, ""},
		{"500 lines of Go", "environ/a.go", lines(499) + "package environ\n", checkGoLength, ""},
		{"501 lines of Go", "environ/a.go", lines(500) + "package environ\n", checkGoLength, "501 lines"},
		{"501 lines of C", "pyhost/a.c", lines(501), checkCLength, "501 lines"},
		{"an export elsewhere", "pyhost/a.go", "package pyhost\n\n//export goX\nfunc goX() {}\n", checkExports, "//export goX"},
		{"an export in its place", exportFile, "package pyhost\n\n//export goX\nfunc goX() {}\n", checkExports, ""},
		{"includes and flags", "pyhost/a.go", "package pyhost\n\n// #cgo pkg-config: python3\n// #include \"shim.h\"\nimport \"C\"\n", checkPreambles, ""},
		{"C in a comment", "pyhost/a.go", "package pyhost\n\n/*\n#include \"shim.h\"\nint x;\n*/\nimport \"C\"\n", checkPreambles, `"int x;"`},
		{"C in a comment within a group", "pyhost/a.go", "package pyhost\n\nimport (\n\t// int x;\n\t\"C\"\n)\n", checkPreambles, `"int x;"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			source, err := readTree(fstest.MapFS{test.file: {Data: []byte(test.text)}})
			if err != nil {
				t.Fatal(err)
			}
			faults := test.rule(source)
			switch {
			case test.fault == "" && len(faults) > 0:
				t.Errorf("faults %q, want none", faults)
			case test.fault != "" && (len(faults) == 0 || !strings.Contains(strings.Join(faults, "\n"), test.fault)):
				t.Errorf("faults %q, want one with %q", faults, test.fault)
			}
		})
	}
}

func TestTheTreeRulesCountOverFiles(t *testing.T) {
	text := []byte(strings.Repeat("//\n", 450))
	doc := []byte("// Package environ is told twice.\npackage environ\n")
	source, err := readTree(fstest.MapFS{
		"pyhost/a.c": {Data: text}, "pyhost/b.c": {Data: text}, "pyhost/c.h": {Data: text}, "pyhost/d.c": {Data: text}, "pyhost/e.c": {Data: text},
		"pyhost/f.c": {Data: text}, "pyhost/g.c": {Data: text},
		"environ/a.go": {Data: doc}, "environ/b.go": {Data: doc},
	})
	if err != nil {
		t.Fatal(err)
	}
	for want, faults := range map[string][]string{
		"3150 lines":         checkCLength(source),
		"2 package comments": checkPackageComments(source),
	} {
		if len(faults) != 1 || !strings.Contains(faults[0], want) {
			t.Errorf("faults %q, want one with %q", faults, want)
		}
	}
}
