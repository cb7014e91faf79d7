package httpserver

import (
	"cmp"
	"time"
)

// Limits bound what clients can hold on to, of all applications of a process. The zero value means the defaults.
type Limits struct {
	// QueueAge is how long a request may wait for a thread before it is answered by 503; 0 is 30 s, less means no limit.
	QueueAge time.Duration
	// MaxConnections is how many connections may be open; 0 is [MostConnections]. For a further one the reactor closes the
	// one that has been idle for longest; if none is, and on net/http, the further one is closed.
	MaxConnections int
	// MaxConnectionsPerAddress is how many of them may come from one client address (of IPv6: one network of 64 bits);
	// see [Options.SharedAddress]. 0 means no limit.
	MaxConnectionsPerAddress int
	// KeepAliveRequests is after how many requests a connection is closed; 0 means no limit.
	KeepAliveRequests int
	// BodyRate is how many bytes of content per second a client has to send, see [LeastRate]; 0 is 100, less means no limit.
	BodyRate int
	// BodyGrace is how long a client may send nothing of its content; 0 is 30 s.
	BodyGrace time.Duration
	// WriteTimeout is how long a client may take nothing of a response; 0 is 60 s. On net/http it has to make room in the
	// kernel's buffer, up to 1 MB, in that time.
	WriteTimeout time.Duration
	// ResponseRate is how many bytes of a response per second a client of the reactor has to take, see [LeastRate] with
	// WriteTimeout as Grace; 0 is 100, less means no limit.
	ResponseRate int
	// ResponseBuffer is how many bytes of a response may wait for its client, in memory and then in a temporary file,
	// before the handler waits too; 0 is 64 MiB.
	ResponseBuffer int64
	// Linger is how long a client that was refused may go on sending, so that it sees the answer; 0 is 30 s. See
	// [Limits.LingerIdle].
	Linger time.Duration
}

// WithDefaults returns l with every zero value replaced by what it stands for.
func (l Limits) WithDefaults() Limits {
	if l.MaxConnections == 0 {
		l.MaxConnections = MostConnections()
	}
	l.QueueAge = cmp.Or(l.QueueAge, 30*time.Second)
	l.BodyRate = cmp.Or(l.BodyRate, 100)
	l.BodyGrace = cmp.Or(l.BodyGrace, 30*time.Second)
	l.WriteTimeout = cmp.Or(l.WriteTimeout, time.Minute)
	l.ResponseRate = cmp.Or(l.ResponseRate, 100)
	l.ResponseBuffer = cmp.Or(l.ResponseBuffer, 64<<20)
	l.Linger = cmp.Or(l.Linger, 30*time.Second)
	return l
}

// Body is how fast a client has to send content.
func (l *Limits) Body() LeastRate { return LeastRate{Rate: l.BodyRate, Grace: l.BodyGrace} }

// Response is how fast a client has to take a response.
func (l *Limits) Response() LeastRate {
	return LeastRate{Rate: l.ResponseRate, Grace: l.WriteTimeout}
}

// LingerIdle is how long a client that was refused may send nothing before its connection is closed: a sixth of Linger.
// Closing immediately would reset the connection and, with many clients, lose the answer (RFC 9112, section 9.6).
func (l *Limits) LingerIdle() time.Duration { return l.Linger / 6 }
