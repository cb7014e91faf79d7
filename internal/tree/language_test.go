package tree

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// unidiomatic are turns of phrase that a reader of messages and of the help stumbles over, each with what to say.
var unidiomatic = []struct{ pattern, say string }{
	{`\b(is|are|was|were) no [a-z]`, "is not a"},
	{`\b(tells?|told)\b`, "says, reports, shows"},
	{`\bat once\b`, "immediately, or at the same time"},
	{`\bso (many|much|long)\b`, "this many, as many as"},
	{`\banew\b`, "again"},
	{`\bmend`, "repair, fix"},
	{`\bobey`, "follow"},
	{`\bfor ever\b`, "forever, without limit"},
	{`\b[Ww]hoever\b`, "who, what"},
	{`\b(bytes?|times?|requests?|lines?) a second\b`, "per second"},
	{`\bby [45]\d\d\b`, "with the status"},
	{`\bis through\b`, "has ended"},
}

// thereIs is what may stand before "no".
var thereIs = regexp.MustCompile(`[Tt]here (is|are|was|were) no`)

// checkLanguage looks at the texts in the code, but for tests.
func checkLanguage(source tree) (faults []string) {
	for _, file := range source.goFiles {
		if file.test || strings.Contains(file.folder, "enginetest") || strings.Contains(file.folder, "gatewaytest") {
			continue
		}
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			literal, ok := node.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil || !strings.Contains(text, " ") {
				return true
			}
			text = thereIs.ReplaceAllString(text, "")
			for _, phrase := range unidiomatic {
				if found := regexp.MustCompile(phrase.pattern).FindString(text); found != "" {
					faults = append(faults, fmt.Sprintf("%s: %q in %q: say %s", file.name, found, text, phrase.say))
				}
			}
			return true
		})
	}
	return faults
}

func TestMessagesAreInPlainEnglish(t *testing.T) {
	source, err := readTree(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range checkLanguage(source) {
		t.Error(fault)
	}
}

func TestTheReadmeIsInPlainEnglish(t *testing.T) {
	text, err := os.ReadFile(root + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for number, line := range strings.Split(thereIs.ReplaceAllString(string(text), ""), "\n") {
		for _, phrase := range unidiomatic {
			if found := regexp.MustCompile(phrase.pattern).FindString(line); found != "" {
				t.Errorf("README.md:%d: %q: say %s", number+1, found, phrase.say)
			}
		}
	}
}

func TestTheRuleForLanguageSeesABreach(t *testing.T) {
	source, err := readTree(fstest.MapFS{
		"a/a.go":      {Data: []byte("package a\n\nvar x = \"this is no number\" + \"anew\" + `all told`\n")},
		"a/a_test.go": {Data: []byte("package a\n\nvar y = \"this is no number\"\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if faults := checkLanguage(source); len(faults) != 2 {
		t.Errorf("faults %q, want two", faults)
	}
}
