package tree

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// documents are the tree's Markdown files, but for what is installed or built.
func documents(t *testing.T, root fs.FS) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := walkFiles(root, func(name string, text []byte) {
		if path.Ext(name) == ".md" {
			found[name] = string(text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// walkFiles calls f for every file of the project that is text.
func walkFiles(root fs.FS, f func(name string, text []byte)) error {
	return fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name == "build" || name == "bin" || name != "." && strings.HasPrefix(path.Base(name), ".") || path.Base(name) == "__pycache__" {
				return fs.SkipDir
			}
			return nil
		}
		switch path.Ext(name) {
		case ".md", ".go", ".c", ".h", ".py", ".sh", "":
			text, err := fs.ReadFile(root, name)
			if err != nil {
				return err
			}
			f(name, text)
		}
		return nil
	})
}

// reference is how documents name code: `reactor/conn.go:conn.step`, `pyhost/call.c:ps_call`.
var reference = regexp.MustCompile("`([\\w./]+\\.(?:go|c|h|py)):([\\w.]+)`")

// checkReferences looks for what documents name, in root.
func checkReferences(root fs.FS, documents map[string]string) (faults []string) {
	for _, name := range sortedNames(documents) {
		for _, found := range reference.FindAllStringSubmatch(documents[name], -1) {
			text, err := fs.ReadFile(root, found[1])
			switch {
			case err != nil:
				faults = append(faults, fmt.Sprintf("%s names %s: there is no such file", name, found[1]))
			case !defines(found[1], string(text), found[2]):
				faults = append(faults, fmt.Sprintf("%s names %s:%s, which is not there", name, found[1], found[2]))
			}
		}
	}
	return faults
}

// defines reports whether a file has a definition of that name, in Go also Type.Method.
func defines(file, text, name string) bool {
	switch path.Ext(file) {
	case ".go":
		return definesGo(text, name)
	case ".py":
		return regexp.MustCompile(`(?m)^\s*(def|class) ` + regexp.QuoteMeta(name) + `\b|^` + regexp.QuoteMeta(name) + ` = `).MatchString(text)
	default:
		return regexp.MustCompile(`(?m)^([\w *]*[ *])?` + regexp.QuoteMeta(name) + `\(|^#define ` + regexp.QuoteMeta(name) + `\b|\b` + regexp.QuoteMeta(name) + ` = `).MatchString(text)
	}
}

func definesGo(text, name string) bool {
	file, err := parser.ParseFile(token.NewFileSet(), "", text, parser.SkipObjectResolution)
	if err != nil {
		return false
	}
	found := false
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			found = found || receiver(d)+d.Name.Name == name
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					found = found || s.Name.Name == name
				case *ast.ValueSpec:
					for _, ident := range s.Names {
						found = found || ident.Name == name
					}
				}
			}
		}
	}
	return found
}

// receiver returns "Type." for a method.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	of := d.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if generic, ok := of.(*ast.IndexExpr); ok {
		of = generic.X
	}
	if ident, ok := of.(*ast.Ident); ok {
		return ident.Name + "."
	}
	return ""
}

var (
	link    = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	unsaid  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	// named is a document that a comment or a text names.
	namedDocument = regexp.MustCompile(`[\w./-]*\w\.md\b`)
)

// checkLinks follows the links of documents to files and headings of the tree.
func checkLinks(root fs.FS, documents map[string]string) (faults []string) {
	for _, name := range sortedNames(documents) {
		for _, found := range link.FindAllStringSubmatch(documents[name], -1) {
			if strings.Contains(found[1], ":") { // to another site
				continue
			}
			file, anchor, _ := strings.Cut(found[1], "#")
			target, err := name, error(nil)
			if file != "" {
				target = path.Join(path.Dir(name), file)
				_, err = fs.Stat(root, target)
			}
			if err != nil {
				faults = append(faults, fmt.Sprintf("%s links to %s: there is no such file", name, found[1]))
			} else if anchor != "" && !anchors(documents[target])[anchor] {
				faults = append(faults, fmt.Sprintf("%s links to %s: there is no such heading", name, found[1]))
			}
		}
	}
	return faults
}

// anchors are the headings of a document as links name them.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		plain := unsaid.ReplaceAllString(strings.ToLower(strings.TrimSpace(h[1])), "")
		found[strings.ReplaceAll(plain, " ", "-")] = true
	}
	return found
}

// checkNamedDocuments looks for documents that are named in the tree: beside the file that names them, or at the root.
func checkNamedDocuments(root fs.FS) (faults []string) {
	err := walkFiles(root, func(name string, text []byte) {
		if strings.HasPrefix(name, "internal/tree/") {
			return
		}
		for _, named := range namedDocument.FindAllString(string(text), -1) {
			clean := path.Clean(strings.TrimLeft(named, "./"))
			_, atRoot := fs.Stat(root, clean)
			_, beside := fs.Stat(root, path.Join(path.Dir(name), clean))
			if atRoot != nil && beside != nil {
				faults = append(faults, fmt.Sprintf("%s names %s, which is not in the tree", name, named))
			}
		}
	})
	if err != nil {
		faults = append(faults, err.Error())
	}
	return faults
}

func TestDocumentsNameWhatIsThere(t *testing.T) {
	tree := os.DirFS(root)
	found := documents(t, tree)
	for _, fault := range append(append(checkReferences(tree, found), checkLinks(tree, found)...), checkNamedDocuments(tree)...) {
		t.Error(fault)
	}
	if n := len(reference.FindAllString(found["ARCHITECTURE.md"], -1)); n < 20 {
		t.Errorf("ARCHITECTURE.md names %d places in the code: it is no map any more", n)
	}
}

func TestTheRulesForDocumentsSeeEveryBreach(t *testing.T) {
	files := fstest.MapFS{
		"a/b.go":   {Data: []byte("package a\n\ntype T struct{}\n\nfunc (t *T) M() {}\n\nconst c = 1\n")},
		"c.c":      {Data: []byte("static PyObject *ps_do(int x) {\n}\n#define LIMIT 3\n")},
		"d.py":     {Data: []byte("LIMIT = 3\ndef f():\n    pass\n")},
		"other.md": {Data: []byte("# A Title, here\n")},
	}
	for text, want := range map[string]string{
		"`a/b.go:T.M` `a/b.go:T` `a/b.go:c` `c.c:ps_do` `c.c:LIMIT` `d.py:f` `d.py:LIMIT`": "",
		"`a/b.go:M`":                          "a/b.go:M, which is not there",
		"`a/x.go:M`":                          "no such file",
		"`c.c:ps_d`":                          "c.c:ps_d, which is not there",
		"[x](other.md#a-title-here) [y](a/)":  "",
		"[x](other.md#no)":                    "no such heading",
		"[x](missing.md)":                     "no such file",
		"[x](https://example.org/missing.md)": "",
		"[own](#b) \n## B":                    "",
	} {
		found := map[string]string{"text.md": text, "other.md": "# A Title, here\n"}
		faults := append(checkReferences(files, found), checkLinks(files, found)...)
		if got := strings.Join(faults, "\n"); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: faults %q, want %q", text, got, want)
		}
	}
	files["e.py"] = &fstest.MapFile{Data: []byte("# see nowhere.md and other.md\n")}
	if faults := checkNamedDocuments(files); len(faults) != 1 || !strings.Contains(faults[0], "nowhere.md") {
		t.Errorf("faults %q", faults)
	}
}
