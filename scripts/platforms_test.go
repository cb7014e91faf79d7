package scripts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	modulePath  = "github.com/pyserve/pyserve"
	bindingPath = "github.com/go-python/cpy3" // CPython's C API for Go
)

// A listed package is what go list says of one.
type listed struct {
	Dir, ImportPath, Export string
	GoFiles, CgoFiles       []string
	Imports                 []string
}

// A platform type-checks packages for one GOOS and GOARCH. The module's own are checked from their sources, as those with
// cgo cannot be compiled without a C compiler for that platform; the others are read as the Go command exports them.
type platform struct {
	packages map[string]*listed
	checked  map[string]*types.Package
	files    *token.FileSet
	outside  types.Importer
	faults   []error
}

// golist runs go list for a platform; cgo is "1" to see files with cgo, else "0".
func golist(goos, goarch, cgo string, args ...string) ([]*listed, error) {
	cmd := exec.Command("go", append([]string{"list", "-json=Dir,ImportPath,Export,GoFiles,CgoFiles,Imports"}, args...)...)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED="+cgo)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, &stderr)
	}
	var all []*listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(listed)
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
}

func own(path string) bool { return path == modulePath || strings.HasPrefix(path, modulePath+"/") }

// Import implements types.Importer.
func (p *platform) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if !own(path) && !cgoOnly(path) {
		return p.outside.Import(path)
	}
	if there := p.checked[path]; there != nil {
		return there, nil
	}
	l := p.packages[path]
	if l == nil {
		return nil, fmt.Errorf("no package %s", path)
	}
	var files []*ast.File
	for _, name := range append(append([]string{}, l.GoFiles...), l.CgoFiles...) {
		f, err := parser.ParseFile(p.files, filepath.Join(l.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	config := types.Config{Importer: p, FakeImportC: true, Error: func(err error) { p.faults = append(p.faults, err) }}
	checked, _ := config.Check(path, p.files, files, nil)
	p.checked[path] = checked
	return checked, nil
}

// cgoOnly reports whether a package of another module has no Go without cgo.
func cgoOnly(path string) bool { return strings.HasPrefix(path, bindingPath) }

func TestEveryPackageTypeChecksOnEveryPlatform(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the standard library for each platform")
	}
	for _, name := range []string{"darwin/arm64", "linux/arm64"} {
		t.Run(name, func(t *testing.T) {
			goos, goarch, _ := strings.Cut(name, "/")
			sources, err := golist(goos, goarch, "1", "./...", bindingPath)
			require.NoError(t, err)
			p := &platform{packages: map[string]*listed{}, checked: map[string]*types.Package{}, files: token.NewFileSet()}
			var outside []string
			seen := map[string]bool{"C": true, "unsafe": true}
			for _, l := range sources {
				p.packages[l.ImportPath] = l
				for _, path := range l.Imports {
					if !seen[path] && !own(path) && !cgoOnly(path) {
						seen[path] = true
						outside = append(outside, path)
					}
				}
			}
			exports, err := golist(goos, goarch, "0", append([]string{"-deps", "-export"}, outside...)...)
			require.NoError(t, err)
			data := map[string]string{}
			for _, l := range exports {
				data[l.ImportPath] = l.Export
			}
			p.outside = importer.ForCompiler(p.files, "gc", func(path string) (io.ReadCloser, error) {
				if data[path] == "" {
					return nil, fmt.Errorf("nothing exported for %s", path)
				}
				return os.Open(data[path])
			})
			for path := range p.packages {
				if own(path) {
					_, err := p.Import(path)
					require.NoError(t, err, path)
				}
			}
			for _, fault := range p.faults {
				t.Error(fault)
			}
		})
	}
}
