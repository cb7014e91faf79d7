package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"

	"github.com/pyserve/pyserve"
)

// check prints what would be served, how and by what, and tries the import. It returns the exit code.
func check(c *cli) int {
	fmt.Println(versions())
	c.printSettings()
	err := pyserve.Main(c.options(), func(rt *pyserve.Runtime) error {
		facts, err := rt.Report()
		if err != nil {
			return err
		}
		printFacts(facts)
		_, err = rt.Load(context.Background(), c.application(nil))
		return err
	})
	code := report(c.app, err)
	if code == exitOK {
		fmt.Printf("\n%s can be served\n", withoutArguments(c.app))
	}
	return code
}

func printFacts(facts string) {
	fmt.Println("\nPython:")
	for line := range strings.SplitSeq(facts, "\n") {
		name, value, _ := strings.Cut(line, "\t")
		if name == "sys.path" {
			value = strings.ReplaceAll(value, string(os.PathListSeparator), "\n  "+strings.Repeat(" ", 20))
		}
		fmt.Printf("  %-19s %s\n", name, value)
	}
}

var capital = regexp.MustCompile(`\B[A-Z]`)

// printSettings prints the effective value of every option.
func (c *cli) printSettings() {
	fmt.Println("\nConfiguration:")
	values := reflect.ValueOf(c.settings)
	for i := range values.NumField() {
		name := flagName(values.Type().Field(i).Name)
		field := values.Field(i)
		if field.Kind() == reflect.Pointer && field.IsNil() { // not given, and without a default
			field = reflect.ValueOf("")
		}
		value := fmt.Sprint(reflect.Indirect(field).Interface())
		if list, ok := field.Interface().([]string); ok {
			if name == "env" {
				list = maskedAll(list)
			}
			value = strings.Join(list, ", ")
		}
		fmt.Printf("  --%-19s %s\n", name, value)
	}
}

// masked is NAME=VALUE without the value, which may be a secret.
func masked(pair string) string {
	name, _, found := strings.Cut(pair, "=")
	if !found {
		return name
	}
	return name + "=…"
}

func maskedAll(pairs []string) []string {
	names := make([]string, len(pairs))
	for i, pair := range pairs {
		names[i] = masked(pair)
	}
	return names
}

// withoutArguments is module:factory(…) without what the factory is given, which may be secrets.
func withoutArguments(app string) string {
	if i := strings.Index(app, "("); i >= 0 && app[i:] != "()" {
		return app[:i] + "(…)"
	}
	return app
}
