package scoreboard

import "sync/atomic"

// Counters are what a worker counts, beside what each of its threads does. Each may be changed by any thread of the worker,
// and read by any process. The zero value works: who has no Board may count in one.
type Counters struct {
	// How many connections are open, and how many of them wait for a request, send one, or have to take a response, as Show
	// keeps it; the others are with the application, or on their way there.
	Connections, ConnectionsIdle, ConnectionsReading, ConnectionsWriting atomic.Int64
	// DiskWaiting is how many connections wait for the disk.
	DiskWaiting atomic.Int64
	_           [3]uint64

	// What the other workers balance connections by; what all of them read has a cache line of its own.

	// Accepted is how many connections have been accepted, and Answers how often the worker has looked for some
	// because another one called it.
	Accepted, Answers atomic.Uint64
	// Polling is how many threads wait for something to do, or are about to.
	Polling atomic.Int32
	// Hindered is 1 while a request takes long that keeps others from being answered, else 0.
	Hindered atomic.Uint32
	// Address is where the worker is called, in the way of whoever serves; 0 while it does not accept connections.
	Address atomic.Uint32
	_       [9]uint32

	// Requests that Options.Early has answered; answers of the server's own, which the application has not seen, by the class of
	// their status; and those with 503.
	Early, Own4xx, Own5xx, Refused atomic.Int64
	// TimedOut is how many requests ran into the request time-out.
	TimedOut atomic.Int64
	// Failed is how many requests the application ended by an exception, or without an answer.
	Failed atomic.Int64
	// Malformed counts heads and contents that are not HTTP; TooLarge contents beyond the limit.
	Malformed, TooLarge atomic.Int64
	// What took too long: a head, a content, an idle connection, a client that did not read.
	HeaderTimeouts, BodyTimeouts, IdleTimeouts, WriteTimeouts atomic.Int64
	// Requests refused with 503: there was no room in the queue, or they waited too long in it.
	QueueFull, QueueAged atomic.Int64
	// Requests refused with 503 because their content had no room: by the budget of the disk, because a file failed, or by
	// the budget of memory; and how often a response waited for its client instead of going to a file.
	SpoolDiskRefusals, SpoolFailures, SpoolMemoryRefusals, SpoolDiskWaits atomic.Int64
	// KeepAliveEnds are connections that had made as many requests as they may.
	KeepAliveEnds atomic.Int64
	// Connections that were closed on arrival, as there were too many, of all or of one address; idle ones that were closed
	// in favor of new ones; and attempts to accept that failed.
	TooManyConnections, TooManyOfAddress, IdleClosed, AcceptFailures atomic.Int64
	// DiskTimeouts are connections that were ended because the disk did not answer.
	DiskTimeouts atomic.Int64
	// AccessLogLost are lines that the access log had no room for.
	AccessLogLost atomic.Int64
	// GILSamples is how often somebody has looked whether a thread held the GIL, and GILHeld how often one did.
	GILSamples, GILHeld atomic.Int64
	_                   [5]uint64
}

// ConnState is what a connection is doing.
type ConnState uint8

// The states of connections.
const (
	ConnGone    ConnState = iota // it is not counted, yet or any more
	ConnIdle                     // it waits for a request
	ConnReading                  // a request is coming in
	ConnBusy                     // its request waits for the application, or is there
	ConnWriting                  // its client has to take a response
)

// gauge returns how many connections are in that state; nil for one that nobody counts.
func (c *Counters) gauge(state ConnState) *atomic.Int64 {
	switch state {
	case ConnIdle:
		return &c.ConnectionsIdle
	case ConnReading:
		return &c.ConnectionsReading
	case ConnWriting:
		return &c.ConnectionsWriting
	}
	return nil
}

// Show counts a connection, which was in the state *shown, in another one, and keeps that there. Whoever has the connection
// calls it.
func (c *Counters) Show(shown *ConnState, now ConnState) {
	if *shown == now {
		return
	}
	if gauge := c.gauge(*shown); gauge != nil {
		gauge.Add(-1)
	}
	if gauge := c.gauge(now); gauge != nil {
		gauge.Add(1)
	}
	*shown = now
}

// Own counts an answer of the server's own with that status.
func (c *Counters) Own(status int) {
	switch {
	case status >= 500:
		c.Own5xx.Add(1)
	case status >= 400:
		c.Own4xx.Add(1)
	}
	if status == 503 {
		c.Refused.Add(1)
	}
}

// Answered describes a request that the application has had, when it is over.
type Answered struct {
	// Status is that of the response; 0 if there was none.
	Status int
	// Aborted says that the response was cut short.
	Aborted bool
	Method  []byte
	// Received and Sent are the bytes of content, without heads.
	Received, Sent int64
	// Duration is for how long it was in the application, and Queued for how long it waited before that, in nanoseconds.
	Duration, Queued int64
}

// The indexes of threadCounters.responses, of which the first ones are classes of status, and of methods.
const (
	responsesAborted = 4
	methodsOther     = 7
)

var methodNames = [...]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"}

// threadCounters are the part of a thread's record that counts; only the thread itself writes it.
type threadCounters struct {
	responses        [responsesAborted + 1]uint64
	methods          [methodsOther + 1]uint64
	received, sent   uint64
	duration, queued histogram
	_                [7]uint64
}

// Count counts the request that the thread has just been in. It belongs to the thread, as Begin does.
func (t *Thread) Count(a *Answered) {
	c := &t.record.counters
	class := a.Status/100 - 2
	if a.Aborted || class < 0 || class >= responsesAborted {
		class = responsesAborted
	}
	addWord(&c.responses[class], 1)
	addWord(&c.methods[methodClass(a.Method)], 1)
	addWord(&c.received, uint64(a.Received))
	addWord(&c.sent, uint64(a.Sent))
	c.duration.record(a.Duration)
	c.queued.record(a.Queued)
}

func methodClass(method []byte) int {
	for i, name := range methodNames[:methodsOther] {
		if string(method) == name {
			return i
		}
	}
	return methodsOther
}
