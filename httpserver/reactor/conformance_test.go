//go:build linux

package reactor_test

import (
	"testing"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/internal/enginetest"
	"github.com/pyserve/pyserve/httpserver/reactor"
)

func TestConformance(t *testing.T) {
	enginetest.Run(t, enginetest.Engine{
		Name:       "reactor",
		New:        newEngine,
		Exceptions: map[string]string{},
	})
}

func newEngine(h httpserver.Handler, o enginetest.Options) (enginetest.Running, error) {
	r, err := reactor.New(o.Threads, reactor.Options{Log: o.Log, Queue: o.Queue, Limits: o.Limits, Row: o.Row})
	if err != nil {
		return enginetest.Running{}, err
	}
	return enginetest.Running{Engine: r.NewServer(h, o.Options), Threads: r}, nil
}
