package reactor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// fault says what is wrong with a state.
func (s *modelState) fault() string {
	owners := 0
	for _, a := range s.actors {
		if a.at.owns() {
			owners++
		}
	}
	o := place(s.word &^ mark)
	switch {
	case owners > 1:
		return "two actors use the connection"
	case owners == 1 && o != aPoller:
		return fmt.Sprintf("an actor uses the connection, whose owner is %v", o)
	case owners == 0 && o == aPoller:
		return "the connection is owned, and nobody is at work on it"
	case o == over && s.phase != modelClosed, o != over && s.phase == modelClosed:
		return "the ownership and the phase differ about the end"
	case s.phase != modelClosed && s.quiet() && (s.unread > 0 || s.bits || s.killed || s.answered != s.sent || o != nobody):
		return fmt.Sprintf("everybody waits, and something is left to do: %+v", *s)
	}
	return ""
}

func (s *modelState) quiet() bool {
	for _, a := range s.actors {
		if a.at != waiting {
			return false
		}
	}
	return s.events == 0 && s.queued == 0 && s.inDsk == 0 && !s.boxes[0].full && !s.boxes[1].full
}

// explore visits every state that can be reached from the beginning. It returns their number, and the way to the first
// fault that it finds.
func explore(rules modelRules, requests uint8) (states int, fault string, way []string) {
	type step struct {
		before int
		what   string
	}
	m := &model{rules: rules}
	all := []modelState{{toSend: requests, closing: true}}
	steps := []step{{-1, ""}}
	seen := map[modelState]bool{all[0]: true}
	trace := func(i int) (way []string) {
		for ; i > 0; i = steps[i].before {
			way = append(way, steps[i].what)
		}
		slices.Reverse(way)
		return way
	}
	i := 0
	defer func() {
		if p := recover(); p != nil {
			states, fault, way = len(all), fmt.Sprint(p), trace(i)
		}
	}()
	for ; i < len(all); i++ {
		for _, next := range m.from(all[i]) {
			if seen[next.next] {
				continue
			}
			seen[next.next] = true
			all, steps = append(all, next.next), append(steps, step{i, next.what})
			if fault := next.next.fault(); fault != "" {
				return len(all), fault, trace(len(all) - 1)
			}
		}
	}
	return len(all), "", nil
}

func TestNoInterleavingGivesAConnectionTwoOwnersOrForgetsIt(t *testing.T) {
	states, fault, way := explore(realRules(), 2)
	if fault != "" {
		t.Fatalf("%s, after:\n\t%s", fault, strings.Join(way, "\n\t"))
	}
	if states < 10000 {
		t.Errorf("there are only %d states: actors do not do what they should", states)
	}
	t.Logf("%d states", states)
}

func TestTheModelOfOwnershipFindsFaults(t *testing.T) {
	for name, test := range map[string]struct {
		breakRule func(r *modelRules)
		fault     string
	}{
		"the outbox has the connection before the worker is through with it": {
			func(r *modelRules) { r.giveTooEarly = true }, "an actor uses the connection, whose owner is an outbox"},
		"a mark is overlooked": {
			func(r *modelRules) {
				r.release = func(o *ownership) bool { o.word.Store(uint32(nobody)); return true }
			}, "everybody waits, and something is left to do"},
		"a claim that fails leaves no mark": {
			func(r *modelRules) {
				r.claim = func(o *ownership) bool {
					return o.word.CompareAndSwap(uint32(nobody), uint32(aPoller))
				}
			}, "everybody waits, and something is left to do"},
		"a claim takes the connection from whoever has it": {
			func(r *modelRules) {
				r.claim = func(o *ownership) bool {
					return o.at() != over && o.word.Swap(uint32(aPoller)) == uint32(nobody)
				}
			}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			rules := realRules()
			test.breakRule(&rules)
			_, fault, way := explore(rules, 2)
			if fault == "" || !strings.Contains(fault, test.fault) {
				t.Errorf("found %q", fault)
			}
			t.Logf("%s, after:\n\t%s", fault, strings.Join(way, "\n\t"))
		})
	}
}
