package supervise

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// A Supervisor is the master's state machine. Its exported methods, which post events or read a snapshot, may be
// called from any goroutine, at any time, and never block; what is posted after the end of Run is dropped.
type Supervisor struct {
	options Options
	log     *slog.Logger
	events  mailbox
	status  atomic.Pointer[Status]

	// All below belongs to the goroutine of Run.
	system  System
	now     time.Time // of this turn of the loop
	context context.Context
	cancel  context.CancelFunc
	tasks   int // goroutines that run Prepare or Upgrade

	wanted    int // W
	dismissed bool
	seats     []*seat
	workers   map[int]*worker // the living, by ID
	lastID    int

	generations map[int]*generation // prepared and not forgotten, by number
	lastNumber  int
	failed      int         // the newest that has failed
	current     *generation // the newest that has had a ready worker; nil before the first
	candidate   *generation // the one a reload tries, which has had none yet; nil
	renewal     backoff     // of reloads that replace a lost generation

	everReady   bool // some worker has been ready
	settled     bool // the first start is over
	reloading   bool
	upgrading   bool
	upgradeSlow reminder
	handedOver  bool // a new master serves
	stopping    stopMode
	exitCode    int
	memoryAt    time.Time // when to measure the workers' memory next

	replaced map[string]int // workers that another one had to take the place of, by cause

	notifiedState  State
	notifiedStatus string
}

// New returns a supervisor that Run starts.
func New(options Options) *Supervisor {
	options = options.withDefaults()
	s := &Supervisor{
		options: options, log: options.Log, events: mailbox{filled: make(chan struct{}, 1)},
		wanted: options.Workers, workers: map[int]*worker{}, generations: map[int]*generation{}, replaced: map[string]int{},
	}
	s.status.Store(&Status{State: Starting, Wanted: s.wanted})
	return s
}

// Run starts the workers and looks after them until it is told to stop and the last process is gone. It returns
// the exit code of the master: 0 after Stop, Interrupt, Quit and an upgrade; that of the worker (1 if it has
// none) when the first one fails to become ready. It may be called once.
func (s *Supervisor) Run(system System) (exitCode int) {
	s.system = system
	s.context, s.cancel = context.WithCancel(context.Background())
	defer s.cancel()
	s.now = time.Now()
	s.memoryAt = s.now
	s.tryGeneration()
	for {
		s.now = time.Now()
		for _, event := range s.events.empty() {
			event()
		}
		s.checkTimes()
		s.reconcile()
		s.forgetUnused()
		s.publish()
		if s.finished() {
			return s.exitCode
		}
		s.wait()
	}
}

// reconcile takes the steps from what is to what should be.
func (s *Supervisor) reconcile() {
	if s.stopping != running {
		return
	}
	s.resize()
	s.renewLost()
	s.startCandidate()
	s.fill()
	s.replaceNext()
	s.settle()
}

// checkTimes acts on every time that has come.
func (s *Supervisor) checkTimes() {
	for _, w := range s.workers {
		s.checkDeadline(w)
		s.checkAge(w)
	}
	s.checkMemory()
	s.checkSlow()
}

// wait returns when there is an event or the next time has come. Times that are not in the future have been
// acted on in this turn.
func (s *Supervisor) wait() {
	var next time.Time
	consider := func(t time.Time) {
		if t.After(s.now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, w := range s.workers {
		consider(w.deadline)
		consider(w.oldAt)
		consider(w.slow.at)
	}
	if g := s.candidate; g != nil {
		consider(g.slow.at)
		consider(g.retryAt)
	}
	consider(s.upgradeSlow.at)
	for _, seat := range s.seats {
		consider(seat.backoff.until)
	}
	consider(s.renewal.until)
	consider(s.memoryAt)
	if next.IsZero() {
		<-s.events.filled
		return
	}
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	select {
	case <-s.events.filled:
	case <-timer.C:
	}
}

// task runs work in a goroutine of its own, and done with its result as an event.
func (s *Supervisor) task(work func() error, done func(error)) {
	s.tasks++
	go func() {
		err := work()
		s.events.post(func() {
			s.tasks--
			done(err)
		})
	}()
}

// limited returns a context for a task that may take so long; 0 means forever.
func (s *Supervisor) limited(limit time.Duration) (context.Context, context.CancelFunc) {
	if limit == 0 {
		return context.WithCancel(s.context)
	}
	return context.WithTimeoutCause(s.context, limit, ErrStartTimeout)
}

// failureCode returns the exit code for a start that failed with err: its own if it has one, else 1.
func failureCode(err error) int {
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) && coded.ExitCode() > 0 {
		return coded.ExitCode()
	}
	return 1
}

// A mailbox holds events for the loop. It has no bound, so that the loop itself, and whatever it calls, can post.
type mailbox struct {
	mu     sync.Mutex
	events []func()
	filled chan struct{} // of capacity 1: has a value when there may be events
}

func (m *mailbox) post(event func()) {
	m.mu.Lock()
	m.events = append(m.events, event)
	m.mu.Unlock()
	m.wake()
}

func (m *mailbox) wake() {
	select {
	case m.filled <- struct{}{}:
	default:
	}
}

func (m *mailbox) empty() []func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	events := m.events
	m.events = nil
	return events
}
