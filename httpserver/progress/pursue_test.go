package progress

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/httpserver"
)

// python is an application that Options can interrupt, on each of two threads.
type python struct {
	events
	interrupts [2]chan struct{}
	run        func(p *python, thread int)
	busy       bool // the GIL cannot be had
}

func newPython(run func(p *python, thread int)) *python {
	return &python{run: run}
}

// start comes first in the bubble, to which the channels have to belong.
func (p *python) start() {
	p.interrupts = [2]chan struct{}{make(chan struct{}, 9), make(chan struct{}, 9)}
}

// Serve implements httpserver.Handler.
func (p *python) Serve(thread int, _ httpserver.ResponseWriter, _ *httpserver.Request) {
	p.run(p, thread)
}

// release interrupts the thread, and returns when it has done what it does then.
func (p *python) release(thread int) {
	p.interrupts[thread] <- struct{}{}
	time.Sleep(time.Millisecond)
}

func (p *python) options() Options {
	return Options{
		Timeout: timeout,
		Dump: func(thread int) string {
			p.note("dump %d", thread)
			return "stack"
		},
		Running: func(thread int) uint64 { return 100 + uint64(thread) },
		Interrupt: func(ctx context.Context, running uint64) error {
			if p.busy {
				<-ctx.Done()
				p.note("busy")
				return fmt.Errorf("the GIL could not be had: %w", context.Cause(ctx))
			}
			p.note("interrupt %d", running)
			p.interrupts[running-100] <- struct{}{}
			return nil
		},
		Stuck: func(s Stuck) { p.note("%s", s) },
	}
}

// leaveBy leaves the application by the interrupt with that number.
func leaveBy(number int) func(p *python, thread int) {
	return func(p *python, thread int) {
		for range number {
			<-p.interrupts[thread]
		}
	}
}

// unwindSoon is a stream that meets the end of its response, and closes.
func unwindSoon(p *python, _ int) {
	for len(p.all()) == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(unwinding / 2)
}

func sleepOn(*python, int) { time.Sleep(time.Hour) }

const stuckThread1 = "thread 1 has not come back within 10s after the time-out of its request: it is stuck in C, or goes on in spite of the exception"

func TestTheThreadOfARequestIsInterrupted(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(p *python, thread int)
		want []string
	}{
		{"after its stack was taken", leaveBy(1), []string{"dump 1", "interrupt 101"}},
		{"once more if the application catches the exception", leaveBy(2), []string{"dump 1", "interrupt 101", "interrupt 101"}},
		{"but not if it comes back by itself", unwindSoon, []string{"dump 1"}},
		{"and is stuck if it does not come back", sleepOn, []string{"dump 1", "interrupt 101", "interrupt 101", stuckThread1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPython(c.run)
			watched(t, p.options(), p, func(w *world) {
				p.start()
				_, back := serve(w.h, 1, request("GET", "/"))
				after(latest + longestGrace + 2*time.Second)
				assert.Equal(t, c.want, p.all())
				<-back
			})
		})
	}
}

func TestAGILThatCannotBeHadIsToldApart(t *testing.T) {
	p := newPython(sleepOn)
	p.busy = true
	o := p.options()
	o.Grace = 3 * time.Second
	watched(t, o, p, func(w *world) {
		p.start()
		_, back := serve(w.h, 1, request("GET", "/"))
		<-back
		assert.Equal(t, []string{"dump 1", "busy", "the request on thread 1 ran into the time-out, and the GIL could not be had for 3s: " +
			"a thread keeps it in C, and the process must be killed"}, p.all())
	})
}

func TestALateGILIsNoTroubleOnceTheRequestIsOver(t *testing.T) {
	p := newPython(func(*python, int) { time.Sleep(latest + time.Second) })
	p.busy = true
	watched(t, p.options(), p, func(w *world) {
		p.start()
		_, back := serve(w.h, 0, request("GET", "/"))
		<-back
		after(time.Minute)
		assert.Equal(t, []string{"dump 0", "busy"}, p.all())
	})
}

func TestStuckThreadsAreToldOfOnce(t *testing.T) {
	p := newPython(sleepOn)
	o := p.options()
	var told events
	o.Stuck = func(s Stuck) { told.note("GIL %t", s.GIL) }
	watched(t, o, p, func(w *world) {
		p.start()
		_, back := serve(w.h, 0, request("GET", "/"))
		_, otherBack := serve(w.h, 1, request("GET", "/"))
		<-back
		<-otherBack
		assert.Equal(t, []string{"GIL false"}, told.all())
	})
}

func TestTheNextRequestIsNotInterruptedInPlaceOfTheLast(t *testing.T) {
	p := newPython(leaveBy(1))
	o := p.options()
	running := o.Running
	o.Running = func(thread int) uint64 { // the request ends just now, and another one begins
		p.release(thread)
		return running(thread)
	}
	watched(t, o, p, func(w *world) {
		p.start()
		_, back := serve(w.h, 0, request("GET", "/"))
		<-back
		_, nextBack := serve(w.h, 0, request("GET", "/next"))
		after(longestGrace)
		assert.Equal(t, []string{"dump 0"}, p.all())
		assert.Len(t, w.row.InRequests(), 1)
		p.release(0)
		<-nextBack
	})
}

func TestAStackThatMayBeTheNextRequestsIsNotLogged(t *testing.T) {
	p := newPython(leaveBy(1))
	o := p.options()
	o.Dump = func(thread int) string {
		p.release(thread)
		return "another stack"
	}
	watched(t, o, p, func(w *world) {
		p.start()
		_, back := serve(w.h, 0, request("GET", "/"))
		<-back
		after(longestGrace)
		assert.Len(t, w.log.lines(), 1)
		assert.NotContains(t, w.log.lines()[0], "another stack")
		assert.Empty(t, p.all(), "and nothing is interrupted")
	})
}

func TestTheWatchEndsWithWhatItBegan(t *testing.T) {
	p := newPython(sleepOn)
	p.busy = true
	watched(t, p.options(), p, func(w *world) {
		p.start()
		_, back := serve(w.h, 0, request("GET", "/"))
		after(latest)
		w.stop()
		assert.Equal(t, []string{"dump 0", "busy"}, p.all(), "nothing is told of a worker that ends")
		<-back
		assert.Len(t, p.all(), 2)
	})
}
