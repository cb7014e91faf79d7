package pyserve_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each promise of docs/security.md names the tests that hold it.
func TestThePromisesOfSecurityHaveTheirTests(t *testing.T) {
	page, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t)
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 || strings.Contains(line, "| --- |") || strings.HasPrefix(line, "| promise |") {
			continue
		}
		named := regexp.MustCompile("`((?:Test|Fuzz)[^`]*)`").FindAllStringSubmatch(cells[2], -1)
		if len(named) == 0 {
			t.Errorf("no test: %s", line)
		}
		for _, name := range named {
			if !tests[name[1]] {
				t.Errorf("%s is named in docs/security.md, and does not exist", name[1])
			}
		}
	}
}

// testNames returns the tests and fuzz targets of the tree.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && (path == "build" || path == "bin" || strings.HasPrefix(path, ".git")) {
			return errorOr(err, fs.SkipDir)
		}
		if entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(filepath.FromSlash(path))
		for _, found := range function.FindAllSubmatch(text, -1) {
			names[string(found[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func errorOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
