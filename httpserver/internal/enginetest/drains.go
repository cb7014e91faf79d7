package enginetest

import (
	"context"
	"net"

	"github.com/stretchr/testify/assert"
)

var drains = []behaviour{
	{name: "Drain lets an idle connection make one more request", test: drainIdle},
	{name: "Drain lets running requests finish, and says that it closes", test: drainRunning},
	{name: "Drain gives up when its time is over, and Shutdown follows", test: drainGivesUp},
}

// drain begins a Drain, waits until it accepts no more, and returns what is closed when it ends.
func (srv *server) drain(s *suite) (drained chan bool, giveUp func()) {
	ctx, cancel := context.WithCancel(s.Context())
	drained = make(chan bool)
	go func() {
		defer close(drained)
		srv.Engine.Drain(ctx)
	}()
	s.eventually(func() bool {
		c, err := net.Dial(srv.network, srv.addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	}, "it still listens")
	return drained, cancel
}

func drainIdle(s *suite) {
	srv := s.start(text("ok"), Options{})
	c := srv.dial()
	c.open()
	drained, _ := srv.drain(s)
	select {
	case <-drained:
		assert.Fail(s, "it closed an idle connection, whose client may be sending a request")
	default:
	}
	c.send(getRequest("/"))
	assert.True(s, c.expect(200, "ok").Close)
	c.closed()
	wait(s, drained)
}

func drainRunning(s *suite) {
	g := newGate(text("ok"))
	srv := s.start(g, Options{})
	c := srv.get("/wait")
	wait(s, g.entered)
	drained, _ := srv.drain(s)
	g.open()
	assert.True(s, c.expect(200, "ok").Close)
	c.closed()
	wait(s, drained)
}

func drainGivesUp(s *suite) {
	srv := s.start(text("ok"), Options{})
	c := srv.dial()
	c.open()
	drained, giveUp := srv.drain(s)
	giveUp()
	wait(s, drained)
	srv.shutdown()
	c.closed()
}
