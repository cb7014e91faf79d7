package reactor

// controller decides how many threads should be active, that is polling or inside the application. It is
// fed with looks at the threads, half a millisecond apart while there is work.
//
// One active thread is best as long as the application computes: two would only fight for the GIL. A
// thread that waits (a database, a sleep) leaves the GIL to others, so one more can be active for each
// that waits. The rule is the Go scheduler's for blocking system calls, applied to the GIL.
type controller struct {
	threads int // how many there are
	target  int // how many should be active; from 1 to threads

	history  uint64 // one bit a look, newest lowest: was a thread computing?
	looks    int    // how many of the bits are looks since target last changed
	unpolled int    // looks since a thread polled
}

// The constants of the rule, in looks of half a millisecond.
const (
	window    = 40 // what is looked back on
	computing = 36 // so many of these with a computing thread: too many are active
	starving  = 50 // nobody polled for 25 ms
)

// look is one look at the threads.
type look struct {
	polling  int  // threads that wait for connections
	parked   int  // threads that wait to be woken
	inside   int  // threads inside the application
	runnable bool // one of the threads inside computes, or could
	gilHeld  bool // somebody holds the GIL; false when that cannot be known
}

// observe takes one look into account and reports whether a parked thread should be woken now.
func (c *controller) observe(l look) (wake bool) {
	computes := l.inside > 0 && (l.runnable || l.gilHeld)
	c.remember(computes)
	if l.polling > 0 || l.inside == 0 {
		c.unpolled = 0
		return false
	}
	c.unpolled++
	switch {
	case l.parked == 0:
		return false
	case !computes:
		c.raise()
	case c.unpolled < starving:
		return false
	}
	c.unpolled = 0
	return true
}

func (c *controller) remember(computes bool) {
	c.history <<= 1
	if computes {
		c.history |= 1
	}
	c.looks++
	if c.target == 1 || c.looks < window {
		return
	}
	busy := 0
	for bits := c.history & (1<<window - 1); bits != 0; bits &= bits - 1 {
		busy++
	}
	if busy >= computing {
		c.target = max(c.target-max(c.target/4, 1), 1)
		c.looks = 0
	}
}

// raise is for a look in which all active threads wait.
func (c *controller) raise() {
	c.target = min(c.target+1+c.target/4, c.threads)
	c.looks = 0
}
