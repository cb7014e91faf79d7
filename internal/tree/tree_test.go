package tree

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/pyserve/pyserve"

// root is the project's folder, from here.
const root = "../.."

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

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
