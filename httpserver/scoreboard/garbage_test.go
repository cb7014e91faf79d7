package scoreboard

import (
	"encoding/json"
	"testing"
)

// A worker can write anything over the memory that it shares with the master, and at any time. What the master reads there
// may be nonsense, but neither ends it nor has more text than a record holds.
func FuzzABoardThatAWorkerHasWrittenOver(f *testing.F) {
	f.Add([]byte{0xff}, 1)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 0)
	f.Add([]byte{0x80, 0, 0, 0, 0, 0, 0, 0x80, 2}, 3)
	f.Add([]byte("\x1b[31m\n2026-01-01T00:00:00.000Z INFO  forged"), 7)
	f.Fuzz(func(t *testing.T, garbage []byte, at int) {
		b, err := New(2, 3)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		over := b.memory.bytes // the header too: nobody reads it again
		if len(garbage) > 0 {
			for i := max(at, 0) % len(over); i < len(over); i++ {
				over[i] = garbage[i%len(garbage)]
			}
		}
		for slot := range b.Slots() {
			w := b.Worker(slot)
			_, _, _ = w.State().String(), w.PID(), w.Stats()
			for _, r := range w.InRequests() {
				if len(r.Method) > methodRoom || len(r.Target) > targetRoom {
					t.Errorf("%d and %d bytes", len(r.Method), len(r.Target))
				}
				for _, c := range []byte(r.String()) {
					if c < ' ' || c > '~' {
						t.Errorf("%q", r.String())
						break
					}
				}
			}
			if _, err := json.Marshal(w.InRequests()); err != nil {
				t.Error(err)
			}
		}
		_, _ = b.Counts(nil), b.Stats()
		for slot := range b.Slots() {
			b.Worker(slot).Reset(1)
			if n := len(b.Worker(slot).InRequests()); n != 0 {
				t.Errorf("%d requests are left", n)
			}
		}
	})
}
