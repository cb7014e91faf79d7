package tree

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

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
		{"the way back is not", "environ/a.go", imports("environ", module+"/gateway"), checkImports, "environ/a.go imports gateway, which stands below environ"},
		{"nor in a test", "environ/a_test.go", imports("environ_test", module+"/gateway"), checkImports, "environ/a_test.go imports gateway"},
		{"nor the root package", "pyhost/a.go", imports("pyhost", module), checkImports, "pyhost/a.go imports ."},
		{"a test may use its layer's package for tests", "gateway/a_test.go", imports("gateway_test", module+"/gateway/gatewaytest"), checkImports, ""},
		{"the code may not", "gateway/a.go", imports("gateway", module+"/gateway/gatewaytest"), checkImports, "stands below gateway"},
		{"a folder below has a row of its own", "pyhost/internal/x/a.go", imports("x", module+"/pyhost"), checkImports, "no row"},
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
