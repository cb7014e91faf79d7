package supervise_test

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
)

const (
	chaosGraceful = 20 * time.Second
	chaosKill     = 5 * time.Second
	chaosSlots    = 9
)

// A chaos is a sequence of events that bytes stand for. What must hold whatever happens is checked by fakeSystem
// (slots, generations), by onLeaving, and at the end.
type chaos struct {
	*fakeSystem
	bytes  []byte
	gentle bool // no worker dies by itself: then there is a number that must serve at any time
	floor  int  // that number
}

// next returns the next byte, or 0 after the last one.
func (c *chaos) next() int {
	if len(c.bytes) == 0 {
		return 0
	}
	b := c.bytes[0]
	c.bytes = c.bytes[1:]
	return int(b)
}

// pick returns a living worker, or nil.
func (c *chaos) pick() *fakeProcess {
	living := c.living()
	if len(living) == 0 {
		return nil
	}
	return living[c.next()%len(living)]
}

// lower makes one worker less acceptable.
func (c *chaos) lower() {
	c.set(func() { c.floor = max(c.floor-1, 1) })
}

// raise makes what has been reached acceptable no longer to lose.
func (c *chaos) raise() {
	reached := min(len(c.serving()), c.supervisor.Status().Wanted)
	c.set(func() { c.floor = max(c.floor, reached) })
}

var chaosEvents = []func(*chaos){
	func(c *chaos) { time.Sleep(time.Duration(c.next()) * 50 * time.Millisecond) },
	func(c *chaos) { time.Sleep(time.Duration(c.next()) * time.Second) },
	func(c *chaos) { c.supervisor.Reload() },
	func(c *chaos) { c.supervisor.Grow() },
	func(c *chaos) { c.lower(); c.supervisor.Shrink() },
	func(c *chaos) { c.supervisor.ReopenLogs() },
	func(c *chaos) { c.supervisor.Upgrade() },
	func(c *chaos) {
		select {
		case c.upgrade <- errors.New("refused"):
		default:
		}
	},
	func(c *chaos) {
		if p := c.pick(); p != nil {
			c.supervisor.WorkerRetires(p.spec.ID, "max requests", c.next()%2 == 0)
		}
	},
	func(c *chaos) {
		if p := c.pick(); p != nil {
			c.set(func() { p.rss = 2 })
		}
	},
	func(c *chaos) {
		hooks := []func(*fakeProcess) error{nil, fails(1), hangs, func(*fakeProcess) error { return errNoProcess }}
		c.set(func() { c.onStart = hooks[c.next()%len(hooks)] })
	},
	func(c *chaos) {
		c.set(func() { c.onPrepare = func(int) error { return errors.New("no module named app") } })
	},
	func(c *chaos) { c.set(func() { c.onPrepare = nil }) },
	func(c *chaos) {
		c.lose(c.supervisor.Status().Generation)
	},
	func(c *chaos) {
		if p := c.pick(); p != nil {
			c.set(func() { p.deaf = true })
		}
	},
	func(c *chaos) {
		if p := c.pick(); p != nil && !c.gentle {
			p.exit(supervise.Exit{Signal: "SIGSEGV"})
		}
	},
	func(c *chaos) {
		if !c.gentle {
			c.supervisor.Dismiss()
		}
	},
	func(c *chaos) {
		if p := c.pick(); p != nil && !c.gentle {
			p.obeyOthers(time.Duration(c.next()) * time.Second / 4)
		}
	},
	func(c *chaos) {
		if p := c.pick(); p != nil && !c.gentle {
			p.exit(supervise.Exit{Signal: "SIGTERM"})
		}
	},
}

// runChaos plays the events, then mends everything and looks whether the supervisor recovers, and stops it.
func runChaos(t *testing.T, bytes []byte) {
	synctest.Test(t, func(t *testing.T) {
		c := &chaos{bytes: bytes}
		workers := 1 + c.next()%4
		surge := c.next() % 3
		c.gentle = c.next()%2 == 0
		c.fakeSystem = begin(t, supervise.Options{
			Workers: workers, Surge: surge, Slots: chaosSlots, GracefulTimeout: chaosGraceful, KillDelay: chaosKill,
			StartTimeout: 10 * time.Second, MaxMemory: 1, MaxAge: time.Minute, MaxAgeJitter: 1,
		})
		c.after(prepareTime + 2*importTime)
		c.raise()
		c.set(func() {
			c.onLeaving = func(p *fakeProcess) {
				if p.ready && c.gentle {
					assert.GreaterOrEqual(t, len(c.servingLocked()), c.floor, "serving after pid %d was told to leave", p.pid)
				}
			}
		})
		for len(c.bytes) > 0 {
			event := c.next()
			if event == 255 {
				break
			}
			chaosEvents[event%len(chaosEvents)](c)
			c.now()
			c.raise()
			assert.LessOrEqual(t, len(c.living()), chaosSlots)
		}
		if c.next()%2 == 0 {
			c.recovers(t)
		}
		c.set(func() { c.onLeaving = nil })
		started := len(c.processes)
		c.supervisor.Stop()
		c.end(chaosGraceful + chaosKill)
		assert.Len(t, c.processes, started, "none is started after the stop")
		assert.Zero(t, c.exitCode)
	})
}

// recovers checks that a supervisor comes to rest after whatever has happened: W workers of the newest generation,
// and nobody else.
func (c *chaos) recovers(t *testing.T) {
	c.set(func() { c.onStart, c.onPrepare = nil, nil })
	c.supervisor.Reload()
	// Longer than each worker's back-off, start and graceful time-out, one after the other.
	deadline := time.Now().Add(time.Hour)
	for time.Now().Before(deadline) {
		c.after(time.Second)
		status := c.supervisor.Status()
		if status.State == supervise.Ready && len(c.serving()) == status.Wanted && len(c.living()) == status.Wanted {
			for _, p := range c.serving() {
				assert.Equal(t, status.Generation, p.spec.Generation)
			}
			return
		}
	}
	assert.Fail(t, "no recovery", "%+v\n%s", c.supervisor.Status(), c.log.String())
}

func TestWhateverHappensTheSupervisorRecoversAndStops(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 5))
			bytes := make([]byte, 20+random.IntN(100))
			for i := range bytes {
				bytes[i] = byte(random.IntN(256))
			}
			runChaos(t, bytes)
		})
	}
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte{3, 0, 0, 2, 0, 30, 2, 1, 5})                     // a reload during a reload
	f.Add([]byte{1, 1, 1, 15, 0, 2, 0, 30, 15, 1, 1, 60})         // crashes during a reload
	f.Add([]byte{1, 1, 1, 16, 2, 0, 30, 16, 2, 13, 1, 9})         // all dismissed, and called back
	f.Add([]byte{0, 2, 0, 10, 2, 2, 1, 90, 13, 8, 0, 0, 6, 7, 4}) // everything else
	f.Add([]byte{2, 1, 1, 2, 0, 25, 18, 0, 17, 1, 3, 0, 30, 6})   // others end workers in a reload and an upgrade
	f.Fuzz(func(t *testing.T, bytes []byte) {
		if len(bytes) > 300 {
			t.Skip("long")
		}
		runChaos(t, bytes)
	})
}
