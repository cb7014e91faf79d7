//go:build linux

package process

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/handover"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
)

// heard counts what a worker has said.
type heard struct{ ready, retires, leaves, reloads int }

func (h *heard) WorkerReady(int)                  { h.ready++ }
func (h *heard) WorkerRetires(int, string, bool)  { h.retires++ }
func (h *heard) WorkerLeaves(int)                 { h.leaves++ }
func (h *heard) WorkerExited(int, supervise.Exit) {}
func (h *heard) Reload()                          { h.reloads++ }

func talking(reload bool) (*Worker, *heard) {
	h := &heard{}
	return &Worker{shared: Shared{Events: h, Reload: reload, Log: slog.New(slog.DiscardHandler)}, handle: Handle{FD: -1}}, h
}

func TestAWorkerIsHeardOncePerMatter(t *testing.T) {
	w, h := talking(false)
	said := &conversation{}
	for _, message := range []string{handover.Ready, handover.Retire, handover.Stuck, handover.Retire, handover.Stuck, handover.Leave, handover.Leave} {
		assert.True(t, w.obey(said, message, "why"), message)
	}
	assert.Equal(t, heard{ready: 1, retires: 2, leaves: 1}, *h)
	for _, message := range []string{handover.Ready, handover.Drain, "", "nonsense"} {
		assert.False(t, w.obey(said, message, ""), message)
	}
}

func TestAChangeCountsOnlyWithReload(t *testing.T) {
	w, h := talking(false)
	assert.False(t, w.obey(&conversation{}, handover.Change, "a.py"))
	assert.Zero(t, h.reloads)
	w, h = talking(true)
	assert.True(t, w.obey(&conversation{}, handover.Change, "a.py"))
	assert.Equal(t, 1, h.reloads)
}

func FuzzWorkerMessages(f *testing.F) {
	for _, seed := range []string{"ready", "retire", "stuck", "change", "leave", "drain", "", "\xff\x00"} {
		f.Add(seed, seed, false)
		f.Add("ready", seed, true)
	}
	f.Fuzz(func(t *testing.T, first, second string, reload bool) {
		w, h := talking(reload)
		said := &conversation{}
		for range 3 {
			w.obey(said, first, second)
			w.obey(said, second, first)
		}
		if h.ready > 1 || h.retires > 2 || h.leaves > 1 || h.reloads > 0 && !reload {
			t.Errorf("%+v", *h)
		}
	})
}
