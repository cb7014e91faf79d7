package enginetest

import "github.com/pyserve/pyserve/httpserver"

var counters = []behaviour{
	{name: "connections are counted by what they do", test: connectionStates},
	{name: "answers of the server's own are counted by their status", test: ownAnswers},
}

func connectionStates(s *suite) {
	content := string(pattern(16 << 20))
	g := newGate(text(content))
	srv := s.start(g, Options{})
	states := func(idle, reading, writing int64) {
		s.Helper()
		srv.counted("connections", 1)
		srv.counted("connections_idle", idle)
		srv.counted("connections_reading", reading)
		srv.counted("connections_writing", writing)
	}
	c := srv.dial()
	srv.counted("accepted", 1)
	states(1, 0, 0)
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1")
	states(0, 1, 0)
	c.send("2")
	states(0, 0, 1)
	c.expect(200, content)
	states(1, 0, 0)
	c.Close()
	srv.counted("connections", 0)
	srv.counted("connections_idle", 0)
}

func ownAnswers(s *suite) {
	srv := s.start(text("ok"), Options{Options: httpserver.Options{MaxBody: 10}})
	c := srv.dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n")
	c.refused(413)
	srv.counted("own_4xx", 1)
	srv.counted("own_5xx", 0)
	srv.counted("too_large", 1)
}
