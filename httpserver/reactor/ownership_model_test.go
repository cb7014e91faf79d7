package reactor

import "fmt"

// The model of what is done with one connection: two threads, the monitor, the sweeper, a goroutine of the pool, a client that
// sends requests, and Close. Each of them is a little program whose steps are the atomic ones of the real code, and the
// transitions of the ownership are the real ones. explore tries every interleaving of the steps, and every choice that a
// step has.

// An actor is who may own the connection.
type actor int

const (
	thread1 actor = iota
	thread2
	theMonitor
	theSweeper
	aPoolWorker
	actors
)

var actorNames = [...]string{"thread 1", "thread 2", "the monitor", "the sweeper", "the pool"}

func (a actor) isThread() bool { return a <= thread2 }

// A spot is where an actor is in its program.
type spot uint8

const (
	waiting       spot = iota
	noting             // it has an event, and notes it in the connection's bits
	claiming           // and then claims the connection
	looking            // owner: it takes the bits
	stepping           // owner: it does what the phase says
	handling           // owner: it calls the handler
	finishing          // owner: the answer is in the outbox, and it stores what it has to store
	lettingGo          // owner: it does what to says
	pushing            // it has given the connection to the queue or the pool, which does not know yet
	delivering         // it writes what is in an outbox, whose lock it has
	taking             // and then takes the connection from there
	afterDelivery      // owner: the answer is out
)

func (s spot) owns() bool { return s >= looking && s <= lettingGo || s == afterDelivery }

type modelPhase uint8

const (
	modelHead  modelPhase = iota
	modelReady            // a request is complete
	modelDisk             // the answer needs the disk
	modelClosed
)

type modelActor struct {
	at  spot
	to  place
	dry bool  // its read has found the socket empty
	box uint8 // the outbox that it delivers, from 1
}

type modelBox struct{ full, written, locked bool }

// modelState is all there is; equal ones are one state.
type modelState struct {
	word                  uint32
	bits, killed          bool
	phase                 modelPhase
	unread, toSend        uint8 // requests in the socket, and still to come
	events, queued, inDsk uint8 // events that nobody has taken; the connection's entries in the queue and in the pool
	closing               bool  // Close is still to come
	answered, sent        uint8
	boxes                 [2]modelBox
	actors                [actors]modelActor
}

// modelRules are the transitions, and the order of two steps; a test that breaks one of them has to be noticed.
type modelRules struct {
	claim        func(o *ownership) bool
	release      func(o *ownership) bool
	giveTooEarly bool // the outbox is given the connection before the worker is through with it
}

func realRules() modelRules {
	return modelRules{claim: (*ownership).claim, release: (*ownership).release}
}

// A move is a state that may follow, and what leads there.
type move struct {
	what string
	next modelState
}

type model struct {
	rules modelRules
	moves []move
}

// do adds a move, unless the step panics: that is a fault.
func (m *model) do(s modelState, what string, step func(o *ownership, s *modelState)) {
	var o ownership
	o.word.Store(s.word)
	step(&o, &s)
	s.word = o.word.Load()
	m.moves = append(m.moves, move{what, s})
}

// from returns all that may happen next.
func (m *model) from(s modelState) []move {
	m.moves = m.moves[:0]
	if s.toSend > 0 && s.phase != modelClosed {
		m.do(s, "the client sends", func(_ *ownership, s *modelState) { s.toSend--; s.unread++; s.sent++; s.events++ })
	}
	if s.closing {
		m.do(s, "Close", func(o *ownership, s *modelState) {
			s.closing = false
			if m.rules.claim(o) {
				m.close(o, s)
			} else if s.phase != modelClosed {
				s.killed = true
				s.events++
			}
		})
	}
	for a := range actors {
		m.step(s, a)
	}
	return m.moves
}

func (m *model) close(o *ownership, s *modelState) {
	o.end()
	s.phase = modelClosed
}

// step adds the moves of one actor.
func (m *model) step(s modelState, a actor) {
	say := func(what string) string { return actorNames[a] + " " + what }
	goTo := func(what string, at spot) {
		m.do(s, say(what), func(_ *ownership, s *modelState) { s.actors[a].at = at })
	}
	switch me := s.actors[a]; me.at {
	case waiting:
		m.begin(s, a)
	case noting:
		m.do(s, say("notes an event"), func(_ *ownership, s *modelState) { s.bits = true; s.actors[a].at = claiming })
	case claiming:
		m.do(s, say("claims"), func(o *ownership, s *modelState) { s.actors[a].at = when(m.rules.claim(o), looking, waiting) })
	case looking:
		m.do(s, say("looks"), func(_ *ownership, s *modelState) { s.bits = false; s.actors[a].at, s.actors[a].to = stepping, nobody })
	case stepping:
		m.phaseStep(s, a)
	case handling:
		m.handle(s, a)
	case finishing:
		goTo("stores what it has to", when(m.rules.giveTooEarly, waiting, lettingGo))
	case lettingGo:
		m.letGo(s, a)
	case pushing:
		m.push(s, a)
	case delivering:
		m.do(s, say("writes the answer"), func(_ *ownership, s *modelState) {
			box := &s.boxes[me.box-1]
			if !box.written {
				box.written = true
				s.answered++
			}
			s.actors[a].at = taking
		})
	case taking:
		m.do(s, say("takes what is in the outbox"), func(o *ownership, s *modelState) {
			got := o.take(inOutbox)
			s.boxes[me.box-1].locked = false
			if got {
				s.boxes[me.box-1] = modelBox{}
			}
			s.actors[a].at, s.actors[a].to = when(got, afterDelivery, waiting), nobody
		})
	case afterDelivery:
		goTo("goes on after the delivery", lettingGo)
	}
}

// begin adds what an actor that waits may begin with.
func (m *model) begin(s modelState, a actor) {
	say := func(what string) string { return actorNames[a] + " " + what }
	if s.events > 0 && (a.isThread() || a == theMonitor) {
		m.do(s, say("takes an event"), func(_ *ownership, s *modelState) {
			s.events--
			s.actors[a].at = when(s.phase == modelClosed, waiting, noting) // the table knows it no more
		})
	}
	if s.queued > 0 && a.isThread() {
		m.do(s, say("takes from the queue"), func(o *ownership, s *modelState) {
			s.queued--
			s.actors[a].at = when(o.take(inQueue), looking, waiting)
		})
	}
	if s.inDsk > 0 && a == aPoolWorker {
		m.do(s, say("takes from the pool"), func(o *ownership, s *modelState) {
			s.inDsk--
			s.actors[a].at = when(o.take(inPool), looking, waiting)
		})
	}
	if a == theSweeper && s.phase != modelClosed {
		m.do(s, say("finds it overdue"), func(_ *ownership, s *modelState) { s.actors[a].at = claiming })
	}
	for i := range s.boxes {
		if s.boxes[i].full && !s.boxes[i].locked && (a == actor(i) || a == theMonitor) {
			m.do(s, say("looks into an outbox"), func(_ *ownership, s *modelState) {
				s.boxes[i].locked = true
				s.actors[a].at, s.actors[a].box = delivering, uint8(i)+1
			})
		}
	}
}

// phaseStep is worker.step.
func (m *model) phaseStep(s modelState, a actor) {
	m.do(s, actorNames[a]+" steps", func(o *ownership, s *modelState) {
		me := &s.actors[a]
		if s.killed {
			m.close(o, s)
			me.at = waiting
			return
		}
		me.dry = false
		if s.phase == modelHead && s.unread > 0 {
			s.unread--
			s.phase, me.dry = modelReady, s.unread == 0
		}
		switch {
		case s.phase == modelReady && a.isThread():
			me.at = handling
		case s.phase == modelReady:
			me.at, me.to = lettingGo, inQueue
		case s.phase == modelDisk && a == aPoolWorker:
			s.phase = modelHead
			s.answered++
		case s.phase == modelDisk:
			me.at, me.to = lettingGo, inPool
		default:
			me.at = lettingGo
		}
	})
	if a == theSweeper && s.phase == modelHead && s.unread == 0 && !s.killed {
		m.do(s, "the sweeper closes it", func(o *ownership, s *modelState) { m.close(o, s); s.actors[a].at = waiting })
	}
}

// handle is the handler, which may answer in any way.
func (m *model) handle(s modelState, a actor) {
	say := func(what string) string { return actorNames[a] + " " + what }
	m.do(s, say("answers"), func(_ *ownership, s *modelState) { s.phase = modelHead; s.answered++; s.actors[a].at = stepping })
	m.do(s, say("answers by the disk"), func(_ *ownership, s *modelState) { s.phase = modelDisk; s.actors[a].at = stepping })
	m.do(s, say("aborts"), func(o *ownership, s *modelState) { m.close(o, s); s.actors[a].at = waiting })
	if box := s.boxes[a]; !box.full && !box.locked && s.actors[a].dry {
		m.do(s, say("holds the answer"), func(o *ownership, s *modelState) {
			s.phase = modelHead
			s.boxes[a] = modelBox{full: true}
			s.actors[a].at, s.actors[a].to = finishing, inOutbox
			if m.rules.giveTooEarly {
				o.give(inOutbox)
			}
		})
	}
}

// letGo is worker.letGo.
func (m *model) letGo(s modelState, a actor) {
	what := fmt.Sprintf("%s lets go: to %v", actorNames[a], s.actors[a].to)
	m.do(s, what, func(o *ownership, s *modelState) {
		me := &s.actors[a]
		switch me.to {
		case nobody:
			me.at = when(m.rules.release(o), waiting, looking)
		case inOutbox:
			o.give(inOutbox)
			me.at = waiting
		default:
			o.give(me.to)
			me.at = pushing
		}
	})
}

// push lets the queue or the pool know; the queue may be full, and the request is refused then.
func (m *model) push(s modelState, a actor) {
	m.do(s, actorNames[a]+" pushes", func(o *ownership, s *modelState) {
		if s.actors[a].to == inQueue {
			s.queued++
		} else {
			s.inDsk++
		}
		s.actors[a].at = waiting
	})
	if s.actors[a].to == inQueue {
		m.do(s, actorNames[a]+" finds the queue full", func(o *ownership, s *modelState) {
			if !o.take(inQueue) {
				panic("the connection is gone")
			}
			s.phase = modelHead
			s.answered++
			s.actors[a].at = looking
		})
	}
}

func when[T any](is bool, then, otherwise T) T {
	if is {
		return then
	}
	return otherwise
}
