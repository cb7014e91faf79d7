// Package enginetest is the conformance suite for HTTP engines: what a client may rely on, over real
// sockets, whichever engine answers. An engine's package calls [Run] from a test, with what the engine
// cannot do and why. The suite does not look inside an engine and uses no HTTP client but a raw one.
package enginetest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/httpserver"
)

// Engine is what is tested.
type Engine struct {
	Name string
	// New returns an engine that answers with h, and its threads.
	New func(h httpserver.Handler, o Options) (Running, error)
	// Uncounted are the names of counters that the engine does not keep.
	Uncounted []string
	// Exceptions are the behaviours that the engine does not have, each with the reason. A key is the name
	// of a behaviour, or that and a subtest's, joined by a slash.
	Exceptions map[string]string
}

// Running is an engine and its threads.
type Running struct {
	Engine  httpserver.Engine
	Threads httpserver.Threads
}

// Options are what the suite asks of an engine, which counts in Row: what all have in common, and then limits that stand in the
// list of exceptions of an engine that has not got them. Zero is the engine's own default.
type Options struct {
	httpserver.Options
	Limits httpserver.Limits
	// Threads is 2 by default, Queue 100.
	Threads, Queue int
}

// A behaviour is something that a client can rely on.
type behaviour struct {
	name string
	test func(s *suite)
	// alone says that the test counts what belongs to the whole process.
	alone bool
}

// behaviours is the suite, in the order of a request's way.
var behaviours = [][]behaviour{
	responses, framings, pipelines, bodies, corpora, disconnects, slowReaders, files, aborts,
	timeouts, overloads, shutdowns, drains, streams, panics, extensions, resources, counters,
}

// suite is one test of an engine on one kind of socket.
type suite struct {
	*testing.T
	engine  Engine
	network string
}

// Run tests e on TCP and on unix sockets.
func Run(t *testing.T, e Engine) {
	checkExceptions(t, e)
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			for _, group := range behaviours {
				for _, b := range group {
					t.Run(b.name, func(t *testing.T) {
						s := &suite{t, e, network}
						s.skipException(b.name)
						if !b.alone {
							t.Parallel()
						}
						b.test(s)
					})
				}
			}
		})
	}
}

// skipException skips what the engine is known not to do.
func (s *suite) skipException(name string) {
	if why, ok := s.engine.Exceptions[name]; ok {
		s.Skip(s.engine.Name + ": " + why)
	}
}

// run is testing.T.Run for a part of a behaviour.
func (s *suite) run(behaviour, part string, test func(s *suite)) {
	s.Run(part, func(t *testing.T) {
		sub := &suite{t, s.engine, s.network}
		sub.skipException(behaviour + "/" + part)
		test(sub)
	})
}

// checkExceptions finds exceptions from behaviours that there are no more.
func checkExceptions(t *testing.T, e Engine) {
	names := map[string]bool{}
	for _, group := range behaviours {
		for _, b := range group {
			assert.False(t, names[b.name], "two behaviours are named %q", b.name)
			names[b.name] = true
		}
	}
	for key, why := range e.Exceptions {
		name, _, _ := strings.Cut(key, "/")
		assert.True(t, names[name], "an exception from no behaviour: %q", key)
		assert.NotEmpty(t, why, key)
	}
}
