package reactor

import (
	"math/bits"
	"time"
)

// controller decides how many threads should be active, that is polling or inside the application. It is
// fed with looks at the threads, as far apart as pace says.
//
// One active thread is best as long as the application computes: two would only fight for the GIL. A
// thread that waits (a database, a sleep) leaves the GIL to others, so one more can be active for each
// that waits. The rule is the Go scheduler's for blocking system calls, applied to the GIL.
type controller struct {
	threads int // how many there are
	target  int // how many should be active; from 1 to threads

	history uint64 // one bit a look, newest lowest: was there a thread too many?
	looks   int    // since the target was raised, or was last found right
	waiting int    // looks in a row in which all active threads waited

	unpolled bool          // at the last look nobody polled
	since    time.Duration // from when on, or when a thread was last woken for it
}

// The constants of the rule, in looks.
const (
	targetWindow   = 20 // what is looked back on before the target falls
	targetCrowded  = 18 // so many of these have to show a thread too many
	targetInterval = 4  // and how many later it falls again, if they still do
	waitingLooks   = 4  // looks in a row that make up for short requests
)

// starvingTime is how long nobody may poll before one more thread is woken in any case, so that one long
// computation does not stop the rest; starvedTime is how long after that until the next.
const (
	starvingTime = 25 * time.Millisecond
	starvedTime  = time.Millisecond
)

// look is one look at the threads.
type look struct {
	at       time.Duration // by a clock that only goes forward
	polling  int           // threads that wait for connections
	parked   int           // threads that wait to be woken
	inside   int           // threads inside the application
	computes bool          // one of the threads inside has the GIL, or runs, or could
	lasting  bool          // one of the threads inside was so at the look before, with the same request
	moved    bool          // a thread went in or came out while this was found out
}

// observe takes one look into account and reports whether a parked thread should be woken now.
func (c *controller) observe(l look) (wake bool) {
	// Two that poll are one too many as well: where requests are short, most looks find nobody inside.
	c.remember(l.computes || l.polling > 1)
	if l.polling > 0 || l.inside == 0 {
		c.unpolled, c.waiting = false, 0
		return false
	}
	if !c.unpolled {
		c.unpolled, c.since = true, l.at
	}
	if c.waiting++; l.computes || l.moved {
		c.waiting = 0
	}
	if l.parked == 0 {
		return false
	}
	return c.allWait(l) || c.starve(l)
}

// allWait raises the target if all active threads wait. A thread that computes can look so for a moment: in
// a page fault, or without one of Go's processors. So either the wait has begun before the last look, or
// the looks insist on it. What has begun before will go on, so the target may rise fast then: requests that came together
// are waiting.
func (c *controller) allWait(l look) bool {
	if c.waiting == 0 || !l.lasting && c.waiting < waitingLooks {
		return false
	}
	c.unpolled = false
	grown := c.target + 1 + c.target/4
	if l.lasting {
		grown = 2 * c.target
	}
	c.target = min(grown, c.threads)
	c.looks = 0
	return true
}

// starve reports whether nobody has polled for long. One thread more is not enough then: it gets the GIL only
// after a switch interval, for one request. Those that wait for it together get it one after the other.
func (c *controller) starve(l look) bool {
	if l.at-c.since < starvingTime {
		return false
	}
	c.since = l.at - starvingTime + starvedTime
	return true
}

// remember lowers the target when there has mostly been a thread too many: by a quarter, and while that goes on
// soon by half, so that a change from waiting to computing is followed within a tenth of a second.
func (c *controller) remember(tooMany bool) {
	c.history <<= 1
	if tooMany {
		c.history |= 1
	}
	c.looks++
	if c.target == 1 || c.looks < targetWindow || (c.looks-targetWindow)%targetInterval != 0 {
		return
	}
	if bits.OnesCount64(c.history&(1<<targetWindow-1)) < targetCrowded {
		c.looks = targetWindow - targetInterval
		return
	}
	if c.looks == targetWindow {
		c.target -= max(c.target/4, 1)
	} else {
		c.target -= c.target / 2
	}
}
