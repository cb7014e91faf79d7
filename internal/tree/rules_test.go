package tree

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path"
	"strings"
	"testing"
)

const (
	maxGoLines    = 500
	maxCLines     = 500
	maxCLinesAll  = 2980
	exportFile    = "pyhost/export.go"
	bindingModule = "github.com/go-python/cpy3"
)

func TestTheTreeKeepsItsRules(t *testing.T) {
	source, err := readTree(os.DirFS(root))
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
	{"a package imports only those above it in the table",
		"data goes one way, and a layer that knows nothing of the next is tested without it; the table is in packages_test.go",
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
