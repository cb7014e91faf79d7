package reactor

import "time"

// pace says how the monitor waits for its next look, so that it looks often only where that can change something.
type pace struct {
	interval time.Duration // the last one
	moved    time.Duration // when a thread has last gone into the application, as far as was seen
	entries  uint64
}

// sight is what matters of a look for when the next one is due.
type sight struct {
	at      time.Duration // by a clock that only goes forward
	entries uint64        // how often a thread has gone into the application, ever

	polling, parked, inside int  // threads
	queued                  bool // there is work that nobody has taken
	held                    bool // a thread inside holds answers back
	computes                bool // one of those inside has the GIL
	woke                    bool // a thread has just been woken, as a request inside lasts: more may be needed
}

// full reports whether all threads are inside, so that none could be woken.
func (s *sight) full() bool { return s.polling == 0 && s.parked == 0 && s.inside > 0 }

// A pacing is a way to wait.
type pacing uint8

const (
	watch  pacing = iota // sleep for the interval
	rest                 // so too, but whoever goes into the application wakes the monitor
	doze                 // so too, but whoever goes into the application while holding answers back wakes it
	attend               // wait for events in place of the threads
)

// The intervals between looks.
const (
	// tick is how often the monitor looks where a thread may have to be woken.
	lookTick = 500 * time.Microsecond
	// movingTicks is how much more rarely it looks while requests come and go: each look costs a timer and two
	// switches of threads.
	movingTicks = 4
	// heldTicks is the same while answers are held back: how late they may be.
	heldTicks = 2
	// longest bounds the interval while threads wait, and somebody polls, or no thread is left that could be woken. Each look
	// also wakes Go's own monitor thread.
	longest = 50 * time.Millisecond
	// stuckTime is how long all active threads have to be inside before the monitor polls in their place, and fullTime
	// the same where no thread is left that could be woken: then it waits for events. A thread that comes back soon does
	// it better, as it can answer what it reads.
	stuckTime = 4 * lookTick
	fullTime  = 60 * time.Millisecond
)

// forever is a time that does not come to its end.
const forever = time.Duration(1<<63 - 1)

// next takes a look into account. The interval is forever or at least a tick.
func (p *pace) next(s sight) (how pacing, interval time.Duration) {
	moved := s.entries != p.entries
	if moved {
		p.entries, p.moved = s.entries, s.at
	}
	p.interval = max(p.interval, lookTick)
	full := s.full()
	switch {
	case s.held && moved:
		p.interval = heldTicks * lookTick
	case s.held, s.woke:
		p.interval = lookTick
	case moved && (!full || s.computes): // the target may have to fall
		p.interval = min(2*p.interval, movingTicks*lookTick)
	case s.inside == 0 && !s.queued:
		p.interval = lookTick
		return rest, forever
	case s.polling > 0 && !s.computes:
		p.interval = min(2*p.interval, longest)
		return rest, p.interval
	case full && s.at-p.moved >= fullTime:
		p.interval = lookTick
		return attend, longest
	case full:
		p.interval = min(2*p.interval, longest)
		return doze, p.interval
	case s.polling > 0:
		p.interval = min(2*p.interval, movingTicks*lookTick)
	default:
		p.interval = lookTick
	}
	return watch, p.interval
}

// stuck reports whether somebody has to poll in place of the threads.
func (p *pace) stuck(s *sight) bool {
	still := s.at - p.moved
	return s.polling == 0 && s.inside > 0 && s.entries == p.entries && (still >= fullTime || !s.full() && still >= stuckTime)
}

// roused says that a wake-up has ended the interval.
func (p *pace) roused() { p.interval = lookTick }
