package reactor

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// simulation runs the real scheduler and controller with threads, a GIL and clients that are made up, on a
// clock of its own: the same seed gives the same run. The GIL stands for the one processor as well.
type simulation struct {
	t      *testing.T
	free   bool // all threads poll, whatever the controller finds
	now    time.Duration
	events eventHeap
	random *rand.Rand

	sched   *scheduler
	threads []*simThread
	queue   []*simRequest // sent, and taken by no thread
	blocked []*simThread  // in epoll_wait; the kernel wakes the one that came last
	gil     simGIL

	// misread makes of a look's true outcome, whether a thread computes, what the monitor sees.
	misread func(computes bool) bool
	// late is how much later than asked for the monitor gets to look.
	late func() time.Duration

	pace    pace
	rests   bool // the monitor does
	planned int  // counts looks, so that what was planned before is void
	looks   int

	answers []simAnswer
	targets []simTarget
}

// What things cost, as measured on one machine of two cores, or slower.
const (
	simSwitchInterval = 5 * time.Millisecond  // sys.getswitchinterval
	simOutside        = 4 * time.Microsecond  // what a request costs without the GIL
	simEpollWake      = 5 * time.Microsecond  // until a blocked poller runs
	simUnpark         = 50 * time.Microsecond // until a parked thread runs
	simClient         = 20 * time.Microsecond // from an answer to the next request
)

// simRequest computes and waits in turns: steps[0] computes, steps[1] waits, and so on.
type simRequest struct {
	kind   string
	steps  []time.Duration
	sent   time.Duration
	client func() *simRequest // what the client asks for next
}

type simAnswer struct {
	kind     string
	at, took time.Duration
}

// simTarget is what there was at a look.
type simTarget struct {
	at             time.Duration
	target, active int
}

type simThread struct {
	index   int
	request *simRequest
	step    int

	left    time.Duration // of the step that computes
	started time.Duration // when the GIL was last got
	run     int           // counts holds and waits, so that what was planned before is void
}

func newSimulation(t *testing.T, threads int) *simulation {
	s := &simulation{t: t, random: rand.New(rand.NewPCG(1, 2)), sched: newScheduler(threads)}
	for i := range threads {
		thread := &simThread{index: i}
		s.threads = append(s.threads, thread)
		if s.sched.join(i) {
			s.after(0, func() { s.poll(thread) })
		}
	}
	s.after(0, s.look)
	return s
}

// ---- the clock ----

type simEvent struct {
	at  time.Duration
	seq int
	do  func()
}

type eventHeap struct {
	events []simEvent
	seq    int
}

func (h *eventHeap) Len() int { return len(h.events) }
func (h *eventHeap) Less(i, j int) bool {
	a, b := h.events[i], h.events[j]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}
func (h *eventHeap) Swap(i, j int) { h.events[i], h.events[j] = h.events[j], h.events[i] }
func (h *eventHeap) Push(x any)    { h.events = append(h.events, x.(simEvent)) }
func (h *eventHeap) Pop() any {
	last := h.events[len(h.events)-1]
	h.events = h.events[:len(h.events)-1]
	return last
}

func (s *simulation) after(d time.Duration, do func()) {
	s.events.seq++
	heap.Push(&s.events, simEvent{s.now + d, s.events.seq, do})
}

// about returns a duration from half of d to one and a half.
func (s *simulation) about(d time.Duration) time.Duration {
	return d/2 + time.Duration(s.random.Int64N(int64(d)+1))
}

// runUntil lets the time pass.
func (s *simulation) runUntil(end time.Duration) {
	for len(s.events.events) > 0 && s.events.events[0].at <= end {
		e := heap.Pop(&s.events).(simEvent)
		s.now = e.at
		e.do()
	}
	s.now = end
}

// ---- the monitor ----

func (s *simulation) look() {
	checkScheduler(s.t, s.sched)
	s.looks++
	seen := s.sched.snapshot(nil)
	computes := s.gil.holder != nil
	if s.misread != nil {
		computes = s.misread(computes)
	}
	if s.free {
		s.sched.control.target = len(s.threads)
	}
	wake := s.sched.observe(s.now, seen, func([]int) bool { return computes })
	s.unpark(wake)
	polling, inside, target := s.sched.active()
	s.targets = append(s.targets, simTarget{s.now, target, polling + inside})
	how, interval := s.pace.next(sight{at: s.now, entries: seen.entries, polling: seen.polling, parked: seen.parked,
		inside: len(seen.inside), queued: len(s.queue) > 0, computes: computes,
		woke: wake >= 0 && seen.lasting})
	if s.rests = how == rest; s.rests && s.sched.changed(seen.entries) {
		s.rouse()
		return
	}
	if interval < forever {
		s.plan(interval)
	}
}

// plan has the monitor look in a while, and not when it was going to.
func (s *simulation) plan(interval time.Duration) {
	s.planned++
	planned := s.planned
	delay := interval + s.about(lookTick/5)
	if s.late != nil {
		delay += s.late()
	}
	s.after(delay, func() {
		if s.planned == planned {
			s.look()
		}
	})
}

// rouse is what the monitor's is.
func (s *simulation) rouse() {
	if s.rests {
		s.rests = false
		s.pace.roused()
		s.plan(lookTick)
	}
}

// ---- the threads ----

func (s *simulation) unpark(thread int) {
	if thread >= 0 {
		s.after(s.about(simUnpark), func() { s.poll(s.threads[thread]) })
	}
}

// notify wakes one of those who are blocked in epoll_wait.
func (s *simulation) notify() {
	if n := len(s.blocked); n > 0 {
		thread := s.blocked[n-1]
		s.blocked = s.blocked[:n-1]
		s.after(s.about(simEpollWake), func() { s.poll(thread) })
	}
}

func (s *simulation) poll(thread *simThread) {
	if len(s.queue) == 0 {
		s.blocked = append(s.blocked, thread)
		return
	}
	thread.request, thread.step = s.queue[0], 0
	s.queue = s.queue[1:]
	s.after(simOutside, func() { s.enter(thread) })
}

func (s *simulation) enter(thread *simThread) {
	s.unpark(s.sched.enter(thread.index))
	if len(s.queue) > 0 {
		s.notify()
	}
	s.rouse()
	s.next(thread)
}

// next begins the step that the thread has come to.
func (s *simulation) next(thread *simThread) {
	r := thread.request
	switch {
	case thread.step == len(r.steps):
		s.leave(thread)
	case thread.step%2 == 0:
		thread.left = r.steps[thread.step]
		s.gil.acquire(s, thread)
	default:
		s.after(r.steps[thread.step], func() { thread.step++; s.next(thread) })
	}
}

func (s *simulation) leave(thread *simThread) {
	r := thread.request
	s.answers = append(s.answers, simAnswer{r.kind, s.now, s.now - r.sent})
	s.send(r.client, s.about(simClient))
	if s.sched.exit(thread.index) {
		s.poll(thread)
	}
}

// send has the client ask for its next thing in a while.
func (s *simulation) send(client func() *simRequest, delay time.Duration) {
	s.after(delay, func() {
		r := client()
		r.sent, r.client = s.now, client
		s.queue = append(s.queue, r)
		s.notify()
	})
}

// ---- the GIL, as in CPython's take_gil and drop_gil ----

type simGIL struct {
	holder   *simThread
	waiters  []*simThread
	switches int
}

func (g *simGIL) acquire(s *simulation, thread *simThread) {
	if g.holder == nil {
		g.hold(s, thread)
		return
	}
	g.waiters = append(g.waiters, thread)
	g.wait(s, thread)
}

func (g *simGIL) hold(s *simulation, thread *simThread) {
	g.holder = thread
	g.switches++
	thread.started = s.now
	thread.run++
	run := thread.run
	s.after(thread.left, func() {
		if thread.run == run {
			g.release(s)
			thread.step++
			s.next(thread)
		}
	})
}

// wait asks for the GIL when nobody else has got it for the switch interval.
func (g *simGIL) wait(s *simulation, thread *simThread) {
	thread.run++
	run, switches := thread.run, g.switches
	s.after(simSwitchInterval, func() {
		switch {
		case thread.run != run:
		case g.holder != nil && g.switches == switches:
			g.force(s)
		default:
			g.wait(s, thread)
		}
	})
}

// force takes the GIL from who computes for the thread that waits longest.
func (g *simGIL) force(s *simulation) {
	holder := g.holder
	holder.left -= s.now - holder.started
	g.hold(s, g.shift())
	g.waiters = append(g.waiters, holder)
	g.wait(s, holder)
}

// release wakes a waiter, which finds the GIL taken again if it comes late.
func (g *simGIL) release(s *simulation) {
	g.holder = nil
	if len(g.waiters) == 0 {
		return
	}
	s.after(s.about(simEpollWake), func() {
		switch {
		case len(g.waiters) == 0:
		case g.holder == nil:
			g.hold(s, g.shift())
		default:
			late := g.shift()
			g.waiters = append(g.waiters, late)
			g.wait(s, late)
		}
	})
}

func (g *simGIL) shift() *simThread {
	first := g.waiters[0]
	g.waiters = g.waiters[1:]
	return first
}

// ---- what came of it ----

// rate returns the answers per second from one time to another.
func (s *simulation) rate(from, to time.Duration) float64 {
	n := 0
	for _, a := range s.answers {
		if a.at >= from && a.at < to {
			n++
		}
	}
	return float64(n) / (to - from).Seconds()
}

// last returns when the last request of a kind was answered.
func (s *simulation) last(kind string) (at time.Duration) {
	for _, a := range s.answers {
		if a.kind == kind {
			at = a.at
		}
	}
	return at
}

// percentile returns what share of the answers of a kind took no longer than.
func (s *simulation) percentile(kind string, share float64, from time.Duration) time.Duration {
	var took []time.Duration
	for _, a := range s.answers {
		if a.kind == kind && a.at >= from {
			took = append(took, a.took)
		}
	}
	if len(took) == 0 {
		s.t.Fatalf("no answer of the kind %q", kind)
	}
	slices.Sort(took)
	return took[int(share*float64(len(took)-1))]
}

// crowded returns in what share of the looks more threads should have been active than limit, and for how
// long at most in one piece.
func (s *simulation) crowded(limit int, from time.Duration) (share float64, longest time.Duration) {
	all, over := 0, 0
	begin := time.Duration(-1)
	for _, look := range s.targets {
		if look.at < from {
			continue
		}
		all++
		if look.target <= limit {
			begin = -1
			continue
		}
		over++
		if begin < 0 {
			begin = look.at
		}
		longest = max(longest, look.at-begin)
	}
	return float64(over) / float64(all), longest
}
