package httpserver

import (
	"cmp"
	"time"
)

// Limits bound what clients can hold on to. The zero value means the defaults.
type Limits struct {
	// QueueAge is how long a request may wait for a thread before it is answered by 503; 0 is 30 s, less is no limit.
	QueueAge time.Duration
	// MaxConnections is how many connections may be open; further ones are closed. 0 is [MostConnections].
	MaxConnections int
	// MaxConnectionsPerAddress is how many of them may come from one client address (of IPv6: one network of 64 bits);
	// see [Options.SharedAddress]. 0 is no limit.
	MaxConnectionsPerAddress int
	// KeepAliveRequests is after how many requests a connection is closed; 0 is no limit.
	KeepAliveRequests int
	// BodyRate is how many bytes of content a client has to send a second, see [LeastRate]; 0 is 100, less is no limit.
	// Grace is BodyGrace, 30 s when that is 0.
	BodyRate  int
	BodyGrace time.Duration
	// WriteTimeout is how long a client may leave a piece of a response untaken; 0 is 60 s.
	WriteTimeout time.Duration
	// ResponseBuffer is how many bytes of a response may wait for its client before the handler waits too; 0 is 64 MiB.
	ResponseBuffer int64
	// Linger is how long a client that was refused may go on sending, so that it sees the answer; 0 is 30 s.
	Linger time.Duration
}

func (l Limits) withDefaults() Limits {
	l.QueueAge = cmp.Or(l.QueueAge, 30*time.Second)
	l.BodyRate = cmp.Or(l.BodyRate, 100)
	l.BodyGrace = cmp.Or(l.BodyGrace, 30*time.Second)
	l.WriteTimeout = cmp.Or(l.WriteTimeout, time.Minute)
	l.ResponseBuffer = cmp.Or(l.ResponseBuffer, 64<<20)
	l.Linger = cmp.Or(l.Linger, 30*time.Second)
	return l
}

// bodyRate is how fast a client has to send content.
func (l *Limits) bodyRate() LeastRate { return LeastRate{Rate: l.BodyRate, Grace: l.BodyGrace} }
