package tree

import (
	"fmt"
	"go/ast"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// words are those of the glossary in ARCHITECTURE.md that are the business of some folders: a type elsewhere that has one
// in its name means something else by it.
var words = map[string][]string{
	"worker":     {"cmd", "httpserver/scoreboard"},
	"poller":     {"httpserver/reactor"},
	"seat":       {"cmd/pyserve/internal/supervise"},
	"generation": {"cmd"},
	"candidate":  {"cmd/pyserve/internal/supervise"},
	"slot":       {"pyhost", "httpserver/scoreboard"},
	"exchange":   {"gateway", "httpserver/nethttp"},
	"outbox":     {"httpserver/reactor"},
	"pump":       {"httpserver/nethttp"},
}

// checkWords looks at the names of types.
func checkWords(source tree) (faults []string) {
	for _, file := range source.goFiles {
		if file.test {
			continue
		}
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			spec, ok := node.(*ast.TypeSpec)
			if !ok {
				return true
			}
			for word, folders := range words {
				if strings.Contains(strings.ToLower(spec.Name.Name), word) && !isWithin(file, folders) {
					faults = append(faults, fmt.Sprintf("%s: type %s: the word %s is for %s", file.name, spec.Name.Name, word, strings.Join(folders, ", ")))
				}
			}
			return true
		})
	}
	return faults
}

func isWithin(file goFile, folders []string) bool {
	for _, folder := range folders {
		if file.within(folder) {
			return true
		}
	}
	return false
}

func TestWordsHaveOneMeaning(t *testing.T) {
	source, err := readTree(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range checkWords(source) {
		t.Error(fault)
	}
	glossary, err := os.ReadFile(root + "/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for word := range words {
		if !strings.Contains(string(glossary), "\n| "+word+" |") {
			t.Errorf("ARCHITECTURE.md does not explain %q", word)
		}
	}
}

func TestTheRuleForWordsSeesABreach(t *testing.T) {
	source, err := readTree(fstest.MapFS{
		"httpserver/reactor/a.go": {Data: []byte("package reactor\n\ntype ioWorker struct{}\n\ntype poller struct{}\n")},
		"cmd/pyserve/a.go":        {Data: []byte("package main\n\ntype worker struct{}\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if faults := checkWords(source); len(faults) != 1 || !strings.Contains(faults[0], "ioWorker") {
		t.Errorf("faults %q, want one", faults)
	}
}
