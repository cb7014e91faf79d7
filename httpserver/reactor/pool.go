//go:build linux

package reactor

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pyserve/pyserve/httpserver"
)

const (
	// poolSize is how many connections may wait for the disk in a system call at the same time.
	poolSize = 8
	// diskPatience is how long a connection waits for the disk before its client is let go.
	diskPatience = time.Minute
)

// pool is the goroutines that wait for disks: they create, write, read and close temporary files, and read the files
// that the application sends. Who polls gives them the connections for which that has to be done, so that a disk that is
// slow, or hangs, holds up those connections only. They do for a connection all that the reactor's own pollers may do.
type pool struct {
	r        *Reactor
	size     int           // tests run without goroutines
	patience time.Duration // diskPatience

	mu      sync.Mutex
	work    sync.Cond // on mu: jobs has something, or stopped is set
	jobs    ring[job]
	idle    int      // goroutines that wait for work
	busy    []*atJob // one for each goroutine that there is
	stopped bool
	slow    httpserver.Throttle
}

// job is a connection that is given to the pool, or something to be closed.
type job struct {
	c     *conn
	since int64 // in Reactor.now
	close func() error
}

// atJob is the connection that a goroutine is at work on, if any.
type atJob struct {
	c     *conn
	since int64
}

func (p *pool) init(r *Reactor) {
	p.r, p.size, p.patience = r, poolSize, diskPatience
	p.work.L = &p.mu
}

// wait takes in a connection that was given to the pool.
func (p *pool) wait(c *conn) {
	p.r.counters.DiskWaiting.Add(1)
	p.add(job{c: c, since: p.r.now()})
}

// discard closes a spool. What is on the disk is closed by the pool: that frees its blocks, which may take long.
func (p *pool) discard(s *httpserver.Spool) {
	if s.OnDisk() {
		p.closeLater(s.Close)
	} else {
		_ = s.Close() // a temporary file that nobody needs
	}
}

func (p *pool) closeLater(close func() error) {
	if !p.add(job{close: close}) {
		_ = close()
	}
}

// add queues a job. It returns false when the pool has stopped: the reactor then closes all connections.
func (p *pool) add(j job) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return false
	}
	p.jobs.push(j)
	switch {
	case p.idle > 0:
		p.idle--
		p.work.Signal()
	case len(p.busy) < p.size:
		at := new(atJob)
		p.busy = append(p.busy, at)
		p.r.background(func() { p.run(at) })
	}
	return true
}

// run is one of the goroutines.
func (p *pool) run(at *atJob) {
	poller := p.newPoller()
	for {
		j, ok := p.next(at)
		if !ok {
			return
		}
		poller.doJob(j)
	}
}

func (p *pool) newPoller() *poller {
	poller := p.r.newPoller(-1)
	poller.disk = true
	return poller
}

// next waits for a job, and notes that the goroutine of at is at it.
func (p *pool) next(at *atJob) (j job, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*at = atJob{}
	for p.jobs.len() == 0 && !p.stopped {
		p.idle++
		p.work.Wait()
	}
	if p.stopped {
		return j, false
	}
	j = p.jobs.pop()
	*at = atJob{c: j.c, since: p.r.now()}
	return j, true
}

// doJob does one job.
func (p *poller) doJob(j job) {
	if j.c == nil {
		if err := j.close(); err != nil {
			p.r.o.Log.Warn("a temporary file could not be closed", "error", err)
		}
		return
	}
	if !j.c.takeFromPool() { // it was closed
		return
	}
	p.clock.set(p.r)
	if j.c.overdue(p.clock.now) {
		p.lastLook(j.c, p.clock.now-j.since > longStall) // of the disk: others were waited for
	} else {
		p.run(j.c)
	}
	p.letGo(j.c, j.c.served)
}

// takeFromPool makes the caller the owner of a connection that waits for the disk.
func (c *conn) takeFromPool() bool {
	if !c.own.take(inPool) {
		return false
	}
	c.r.counters.DiskWaiting.Add(-1)
	return true
}

// stop ends the goroutines, each after the job that it is at. What is to be closed is closed.
func (p *pool) stop() {
	p.mu.Lock()
	p.stopped = true
	jobs := p.jobs
	p.jobs = ring[job]{}
	p.work.Broadcast()
	p.mu.Unlock()
	for jobs.len() > 0 {
		if j := jobs.pop(); j.close != nil {
			_ = j.close()
		}
	}
}

// impatient ends what has waited for the disk for too long: by an answer if no goroutine has come to it, else
// by cutting the connection off under the goroutine that hangs. p is the sweeper.
func (p *pool) impatient(poller *poller) {
	before := poller.clock.now - int64(p.patience)
	waiting, hanging := p.late(before)
	for _, c := range waiting {
		if c.takeFromPool() {
			poller.diskTooSlow(c)
			poller.advance(c)
		}
	}
	for _, c := range hanging {
		c.cut(false)
	}
	if n := len(waiting) + len(hanging); n > 0 {
		poller.r.counters.DiskTimeouts.Add(int64(n))
		p.slow.Error(poller.r.o.Log, "the disk does not answer: connections that have waited for it for too long are ended",
			"folder", poller.r.http.SpoolDir, "connections", n, "waited", p.patience)
	}
}

// late returns what has waited since before: in the list, and at the goroutines, each of these once.
func (p *pool) late(before int64) (waiting, hanging []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.busy {
		if at.c != nil && at.since < before {
			hanging = append(hanging, at.c)
			at.c = nil
		}
	}
	p.jobs.items = slices.DeleteFunc(p.jobs.items, func(j job) bool {
		old := j.c != nil && j.since < before
		if old {
			waiting = append(waiting, j.c)
		}
		return old
	})
	return waiting, hanging
}

var errDiskTooSlow = fmt.Errorf("%w: the disk does not answer", httpserver.ErrSpool)

// diskTooSlow ends what a connection wanted of the disk.
func (p *poller) diskTooSlow(c *conn) {
	if c.phase == phaseBody {
		p.noRoom(c, errDiskTooSlow)
		return
	}
	p.flushed(c, true)
	c.reset()
}
