//go:build linux

package reactor

// A phase is what a connection is about to do when something happens on it. One step of a phase (see poller.run) leads to
// another phase, or leaves the connection where it is until more has happened:
//
//	from    to      when
//	head    body    a head has come, and its content is spooled
//	head    flush   the client does not take all of an answer, or of a refusal
//	head    linger  a refusal is out; or the last answer is, and the client has sent more
//	head    closed  the client is through; the last answer is out; time is up
//	body    ready   the content is complete
//	body    flush   the client does not take all of a refusal
//	body    linger  a refusal is out
//	body    closed  the client broke off
//	ready   head    the request goes to the handler
//	ready   flush   the client does not take all of a refusal
//	ready   linger  a refusal is out: the request waited too long
//	ready   closed  the client is gone
//	flush   head    the answer is out
//	flush   linger  the last one is, and the client has sent more
//	flush   closed  the last one is, or it cannot be completed
//	linger  closed  the client is through, or time is up
//
// A request that was received as a whole is answered in phase head, without another one. phase_test.go reads this table.
type phase uint8

const (
	phaseHead   phase = iota // read a request's head; idle when nothing of it has come
	phaseBody                // take in content
	phaseReady               // the request is complete: it waits for a thread
	phaseFlush               // send what the client has not taken yet
	phaseLinger              // the answer is out: read on until the client is through
	phaseClosed
)

func (p phase) String() string {
	return [...]string{"head", "body", "ready", "flush", "linger", "closed"}[p]
}

// phaseChanged is nil but in tests, where it sees every transition.
var phaseChanged func(from, to phase)

// become is the only way from one phase to another.
func (c *conn) become(to phase) {
	if phaseChanged != nil && c.phase != to {
		phaseChanged(c.phase, to)
	}
	c.phase = to
}
