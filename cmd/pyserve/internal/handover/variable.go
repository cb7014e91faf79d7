package handover

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// Variable is the environment variable that tells a process its part. A user never sets it.
const Variable = "PYSERVE_HANDOVER"

// Worker is what a worker inherits. The numbers are descriptors.
type Worker struct {
	// Slot is the worker's row of the scoreboard.
	Slot int
	// Control is the worker's end of the socket to the master; see Open.
	Control int
	// Board is the scoreboard's memory.
	Board int
	// Crash is the file for Python's stacks when the process dies of a signal.
	Crash int
	// Listeners are the sockets to accept from, in the order of the master's.
	Listeners []int
	// Dir is the folder that the master was started in: what is relative on the command line is relative to it.
	Dir string
	// Folders are those of the worker's generation, in a form of the caller's.
	Folders string
	// Group says that the worker is to lead a process group of its own.
	Group bool
	// Quiet says that another worker of its generation tells of an import that takes long.
	Quiet bool
}

// Upgrade is what the new binary's master inherits from the one it replaces.
type Upgrade struct {
	// Ready is a pipe: one byte says that the new master serves, its end without one that it failed.
	Ready int
	// Listeners are the sockets to accept from, in the order of the old master's.
	Listeners []int
	// Foreign says that they are the service manager's: unix sockets stay in their folders.
	Foreign bool
}

// Template returns the value of Variable for a worker, with {0} in place of its number of fds[0] and so on, and
// the descriptors to hand down.
func (w Worker) Template() (value string, fds []int) {
	value = fmt.Sprintf("worker slot=%d control={0} board={1} crash={2} listeners=%s dir=%s folders=%s group=%t quiet=%t", w.Slot, places(3, len(w.Listeners)), url.QueryEscape(w.Dir), url.QueryEscape(w.Folders), w.Group, w.Quiet)
	return value, append([]int{w.Control, w.Board, w.Crash}, w.Listeners...)
}

// Template is the same for a new master.
func (u Upgrade) Template() (value string, fds []int) {
	value = fmt.Sprintf("upgrade ready={0} listeners=%s foreign=%t", places(1, len(u.Listeners)), u.Foreign)
	return value, append([]int{u.Ready}, u.Listeners...)
}

func places(first, n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf("{%d}", first+i)
	}
	return strings.Join(words, ",")
}

// Fill puts numbers from first on into the places of a template.
func Fill(template string, first, n int) string {
	for i := range n {
		template = strings.ReplaceAll(template, fmt.Sprintf("{%d}", i), strconv.Itoa(first+i))
	}
	return template
}

// Take reads Variable and removes it from the environment. Both results are nil for a process that nobody of
// pyserve has started.
func Take() (*Worker, *Upgrade, error) {
	value, there := os.LookupEnv(Variable)
	if !there {
		return nil, nil, nil
	}
	if err := os.Unsetenv(Variable); err != nil {
		return nil, nil, err
	}
	return parse(value)
}

func parse(value string) (*Worker, *Upgrade, error) {
	part, rest, _ := strings.Cut(value, " ")
	fields := map[string]string{}
	for _, word := range strings.Fields(rest) {
		name, text, _ := strings.Cut(word, "=")
		fields[name] = text
	}
	var broken error
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			broken = fmt.Errorf("%s=%q is not what pyserve sets: remove it from the environment", Variable, value)
		}
		return n
	}
	var listeners []int
	for text := range strings.SplitSeq(fields["listeners"], ",") {
		listeners = append(listeners, number(text))
	}
	switch part {
	case "worker":
		w := &Worker{Slot: number(fields["slot"]), Control: number(fields["control"]), Board: number(fields["board"]),
			Crash: number(fields["crash"]), Listeners: listeners, Group: fields["group"] == "true", Quiet: fields["quiet"] == "true"}
		w.Dir, broken = unescape(fields["dir"], broken)
		w.Folders, broken = unescape(fields["folders"], broken)
		return w, nil, broken
	case "upgrade":
		return nil, &Upgrade{Ready: number(fields["ready"]), Listeners: listeners, Foreign: fields["foreign"] == "true"}, broken
	}
	number("")
	return nil, nil, broken
}

func unescape(text string, before error) (string, error) {
	text, err := url.QueryUnescape(text)
	return text, errors.Join(before, err)
}
