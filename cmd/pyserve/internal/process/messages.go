//go:build linux

package process

import (
	"time"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/handover"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
)

// A worker has few messages to send in its life. One that sends more has them read slowly, so that it waits, and not the master.
const (
	fewMessages  = 16
	messagePause = 20 * time.Millisecond
)

// conversation is what a worker has said. Whoever runs there is not trusted: what is out of place ends the
// worker, and nothing else.
type conversation struct {
	ready, retires, stuck, leaves bool
}

// listen passes on what the worker says, until there is no more.
func (w *Worker) listen() {
	var said conversation
	for count := 0; ; count++ {
		message, text, err := w.control.Receive()
		if err != nil {
			return
		}
		if !w.obey(&said, message, text) {
			w.shared.Log.Error("a worker has sent a message that is out of place: it is killed", "pid", w.PID(), "message", message, "text", text)
			_ = w.Signal(supervise.Kill)
			return
		}
		if count >= fewMessages && !w.hasEnded() {
			time.Sleep(messagePause)
		}
	}
}

// obey does what a message asks for, once. It returns false if the message may not come, or not now.
func (w *Worker) obey(said *conversation, message, text string) bool {
	first := func(was *bool) bool {
		defer func() { *was = true }()
		return !*was
	}
	switch message {
	case handover.Ready:
		if !first(&said.ready) {
			return false
		}
		w.shared.Events.WorkerReady(w.id)
	case handover.Retire:
		if first(&said.retires) {
			w.shared.Events.WorkerRetires(w.id, text, false)
		}
	case handover.Stuck: // each of its threads may be
		if first(&said.stuck) {
			w.shared.Events.WorkerRetires(w.id, text, true)
		}
	case handover.Leave:
		if first(&said.leaves) {
			w.shared.Events.WorkerLeaves(w.id)
		}
	case handover.Left:
		w.left = true
	case handover.Change:
		if !w.shared.Reload {
			return false
		}
		w.shared.Log.Info("a file has changed", "file", text)
		w.shared.Events.Reload()
	default:
		return false
	}
	return true
}
