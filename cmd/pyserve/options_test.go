package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

var update = flag.Bool("update", false, "rewrite docs/options.md")

// parsed returns what the command line says, which must be free of faults.
func parsed(t *testing.T, args ...string) *cli {
	t.Helper()
	c, _, _, done := parse(args, io.Discard, io.Discard)
	require.False(t, done)
	return c
}

const optionsDocument = "../../docs/options.md"

func TestTheReferenceIsThatOfTheTable(t *testing.T) {
	want := reference(parsed(t, "app").flags)
	if *update {
		require.NoError(t, os.WriteFile(optionsDocument, []byte(want), 0o644))
	}
	got, err := os.ReadFile(optionsDocument)
	require.NoError(t, err)
	assert.Equal(t, want, string(got), "go test ./cmd/pyserve -run Reference -update writes it")
}

// reference writes the table of options in Markdown.
func reference(flags []*kong.Flag) string {
	var b strings.Builder
	b.WriteString("# Options\n\n" +
		"Each option can be given on the command line or as an environment variable; the command line wins. A time is a number of\n" +
		"seconds, or has a unit: `500ms`, `2m`. A size is a number of bytes, or has a unit: `64K`, `10M`, `2G`. An option without\n" +
		"a value is a switch; its variable is `true` or `false`.\n")
	for _, group := range optionGroups {
		fmt.Fprintf(&b, "\n## %s\n\n| option | variable | default | meaning |\n| --- | --- | --- | --- |\n", group.Title)
		for _, f := range flags {
			if f.Group.Key == group.Key {
				b.WriteString(referenceRow(f))
			}
		}
	}
	return b.String()
}

func referenceRow(f *kong.Flag) string {
	name, standard := "--"+f.Name, f.Default
	switch {
	case f.Name == "engine":
		standard = "" // it is the system's
	case f.Enum != "":
		name += "=" + strings.ReplaceAll(f.Enum, ",", `\|`)
	case f.PlaceHolder != "":
		name += "=" + f.PlaceHolder
	}
	if f.Short != 0 {
		name = fmt.Sprintf("-%c, %s", f.Short, name)
	}
	help := f.Help
	if standard != "" {
		help = strings.Replace(help, " ("+standard+")", "", 1)
		standard = "`" + standard + "`"
	}
	if engine := f.Tag.Get("engine"); engine != "" {
		help += " Only for --engine " + engine + "."
	}
	if f.Tag.Has("needs") {
		help += " Needs workers."
	}
	help = strings.NewReplacer("|", `\|`, "*", `\*`, "_", `\_`).Replace(help)
	return fmt.Sprintf("| `%s` | `%s` | %s | %s |\n", name, f.Envs[0], standard, help)
}

func TestTheTableOfOptionsIsComplete(t *testing.T) {
	tags := map[string][]string{"engine": {"reactor", "nethttp"}, "needs": {"workers"}}
	for _, f := range parsed(t, "app").flags {
		assert.NotEmpty(t, f.Help, f.Name)
		assert.Regexp(t, `\.$`, f.Help, f.Name)
		assert.NotNil(t, f.Group, f.Name)
		assert.Equal(t, []string{"PYSERVE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))}, f.Envs)
		for tag, values := range tags {
			if f.Tag.Has(tag) {
				assert.Contains(t, values, f.Tag.Get(tag), f.Name)
			}
		}
		for _, tag := range []string{"least", "most"} {
			if _, ok := bound(f, tag); f.Tag.Has(tag) {
				assert.True(t, ok, "%s: %s", f.Name, tag)
			}
		}
	}
	flags := parsed(t, "app").flags
	threads := slices.IndexFunc(flags, func(f *kong.Flag) bool { return f.Name == "threads" })
	most, _ := bound(flags[threads], "most")
	assert.EqualValues(t, scoreboard.MaxThreads, most, "of --threads")
}

func TestFaultsAreReportedInTheOrderOfTheTable(t *testing.T) {
	c := parsed(t, "--umask", "9", "--max-memory", "0", "--threads", "0", "--keep-alive", "0", "--queue", "-1", "--max-body", "x",
		"--workers", "0", "--reload", "--preload", "--engine", "nethttp", "--response-rate", "5", "--warmup", "up", "--env", "X", "app")
	want := strings.Join([]string{
		`--umask: "9" is not a file mode creation mask: give octal digits, such as 022 or 077`,
		`--max-body: "x" is not a size: give a number of bytes, such as 4096, 64K, 10M or 2G, or off`,
		"--threads must be 1 or more, not 0",
		"--queue must be 1 or more, not -1",
		"--keep-alive must be more than 0",
		"--response-rate is for --engine reactor: leave it out, or change --engine",
		"--preload needs worker processes: --workers 1 or more",
		"--max-memory must be more than 0",
		"--reload needs worker processes: --workers 1 or more",
		`--env takes NAME=VALUE, not "X"`,
		"--warmup up: a path begins with /",
		"--reload and --preload exclude each other: with --reload the workers watch what they have imported",
	}, "\n")
	for range 10 {
		again := *c
		again.Workers = new(workers)
		assert.EqualError(t, again.prepare(), want)
	}
}

func TestAnOptionOfTheOtherEngineMayHaveItsDefault(t *testing.T) {
	assert.NoError(t, parsed(t, "--engine", "nethttp", "app").prepare())
	assert.NoError(t, parsed(t, "--engine", "nethttp", "--response-rate", "100", "app").prepare())
}

func TestPreparingChangesNothingOutside(t *testing.T) {
	before, err := os.Getwd()
	require.NoError(t, err)
	c := parsed(t, "--chdir", "/", "--env", "PYSERVE_TEST_PREPARE=1", "--umask", "777", "app")
	require.NoError(t, c.prepare())
	assert.Equal(t, "/", c.home)
	after, err := os.Getwd()
	require.NoError(t, err)
	assert.Equal(t, before, after)
	assert.Empty(t, os.Getenv("PYSERVE_TEST_PREPARE"))
}

func TestTheHelpNamesEveryOption(t *testing.T) {
	var help bytes.Buffer
	_, _, code, done := parse([]string{"--help"}, &help, &help)
	assert.True(t, done)
	assert.Equal(t, exitOK, code)
	for _, f := range parsed(t, "app").flags {
		assert.Contains(t, help.String(), "--"+f.Name)
	}
}

func TestOptionsOfTheLibraryAreNamedByTheirFlags(t *testing.T) {
	assert.Equal(t, "--keepalive-requests", flagOf("KeepAliveRequests"))
	assert.Equal(t, "--spool-disk", flagOf("SpoolDisk"))
	assert.Equal(t, "Row", flagOf("Row"))
	var out bytes.Buffer
	slog.New(&lineHandler{out: &out}).Warn("too many", "option", "MaxConnections")
	assert.Regexp(t, `^\S+ WARN  too many option=--max-connections\n$`, out.String())
	for _, name := range []string{"MaxConnections", "MaxConnectionsPerAddress", "KeepAliveRequests", "MaxBody", "SpoolDir", "SpoolDisk", "SpoolMemory"} {
		assert.True(t, strings.HasPrefix(flagOf(name), "--"), name)
	}
}
