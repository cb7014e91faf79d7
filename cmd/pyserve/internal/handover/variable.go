package handover

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Variable is the environment variable that tells a process its part. A user never sets it.
const Variable = "PYSERVE_HANDOVER"

// Descriptor is a file descriptor that is handed down. In a template it is the place where its number in the new process is
// to stand.
type Descriptor int

// Verbatim is text in which a place in a template means nothing.
type Verbatim string

// Listener is a socket to accept from.
type Listener struct {
	FD Descriptor
}

// Worker is what a worker inherits.
type Worker struct {
	// Slot is the worker's row of the scoreboard.
	Slot int
	// Control is the worker's end of the socket to the master; see Open.
	Control Descriptor
	// Board is the scoreboard's memory.
	Board Descriptor
	// Crash is the file for Python's stacks when the process dies of a signal.
	Crash Descriptor
	// Listeners are the sockets to accept from, in the order of the master's.
	Listeners []Listener
	// Dir is the folder that the master was started in: what is relative on the command line is relative to it.
	Dir Verbatim
	// Folders are those of the worker's generation, in a form of the caller's.
	Folders Verbatim
	// Group says that the worker is to lead a process group of its own.
	Group bool
	// Quiet says that another worker of its generation reports an import that takes long.
	Quiet bool
}

// Upgrade is what the new binary's master inherits from the one it replaces.
type Upgrade struct {
	// Ready is a pipe: one byte says that the new master serves, its end without one that it failed.
	Ready Descriptor
	// Listeners are the sockets to accept from, in the order of the old master's.
	Listeners []Listener
	// Foreign says that they are the service manager's: unix sockets stay in their folders.
	Foreign bool
}

// value is what stands in Variable, as JSON: one of both.
type value struct {
	Worker  *Worker  `json:",omitempty"`
	Upgrade *Upgrade `json:",omitempty"`
}

// Template returns the value of Variable for a worker, with {0} in place of its number of fds[0] and so on, and
// the descriptors to hand down.
func (w Worker) Template() (template string, fds []int) {
	var p places
	w.Control, w.Board, w.Crash = p.of(w.Control), p.of(w.Board), p.of(w.Crash)
	w.Listeners = p.ofListeners(w.Listeners)
	return value{Worker: &w}.template(), p
}

// Template is the same for a new master.
func (u Upgrade) Template() (template string, fds []int) {
	var p places
	u.Ready = p.of(u.Ready)
	u.Listeners = p.ofListeners(u.Listeners)
	return value{Upgrade: &u}.template(), p
}

func (v value) template() string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // it has numbers and text only
	}
	return string(text)
}

// places are the descriptors of a template, each in its place.
type places []int

func (p *places) of(fd Descriptor) Descriptor {
	*p = append(*p, int(fd))
	return Descriptor(len(*p) - 1)
}

func (p *places) ofListeners(listeners []Listener) []Listener {
	placed := make([]Listener, len(listeners))
	for i, l := range listeners {
		l.FD = p.of(l.FD)
		placed[i] = l
	}
	return placed
}

// MarshalText implements encoding.TextMarshaler: d is a place.
func (d Descriptor) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "{%d}", int(d)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Descriptor) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 31)
	*d = Descriptor(n)
	return err
}

// MarshalJSON implements json.Marshaler.
func (v Verbatim) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(string(v))
	return bytes.ReplaceAll(text, []byte("{"), []byte(`\u007b`)), err
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
	text, there := os.LookupEnv(Variable)
	if !there {
		return nil, nil, nil
	}
	if err := os.Unsetenv(Variable); err != nil {
		return nil, nil, err
	}
	var v value
	err := json.Unmarshal([]byte(text), &v)
	if err != nil || (v.Worker == nil) == (v.Upgrade == nil) {
		return nil, nil, fmt.Errorf("%s=%q is not what pyserve sets: remove it from the environment", Variable, text)
	}
	return v.Worker, v.Upgrade, nil
}
