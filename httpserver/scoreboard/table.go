package scoreboard

import (
	"slices"
	"sync/atomic"
)

// Stat is one counter at one moment.
type Stat struct {
	// Name is in lower case with underscores, such as "header_timeouts"; it does not change between versions.
	Name string
	// Family and Value of Label are set if Name is one of several that count the same by some class: "responses_2xx" is of
	// the family "responses", with the label "class" and its value "2xx". Otherwise Family is Name.
	Family, Label, LabelValue string
	// Help is what is counted, in a few words, without a full stop.
	Help string
	// Gauge says that Value is how many there are now, which may fall; else it has only ever grown.
	Gauge bool
	Value int64
}

// row is a line of the table of counters.
type row struct {
	stat  Stat
	value func(w *Worker) int64
}

// table is every counter there is, in the order in which they are shown.
var table = slices.Concat(
	[]row{
		gauge("connections", "connections that are open now", func(c *Counters) int64 { return c.Connections.Load() }),
		gauge("connections_idle", "of these, those that wait for a request", func(c *Counters) int64 { return c.ConnectionsIdle.Load() }),
		gauge("connections_reading", "of these, those whose request is coming in", func(c *Counters) int64 { return c.ConnectionsReading.Load() }),
		gauge("connections_writing", "of these, those whose client has to take a response", func(c *Counters) int64 { return c.ConnectionsWriting.Load() }),
		{stat: Stat{Name: "threads_busy", Help: "threads that are in a request now", Gauge: true}, value: (*Worker).busy},
		counter("accepted", "connections accepted", func(c *Counters) int64 { return int64(c.Accepted.Load()) }),
		{stat: Stat{Name: "requests", Help: "requests that have reached the application"}, value: (*Worker).Requests},
	},
	responseRows(), methodRows(),
	[]row{
		ofThreads("bytes_received", "bytes of content of these requests", func(c *threadCounters) *uint64 { return &c.received }),
		ofThreads("bytes_sent", "bytes of content of their responses", func(c *threadCounters) *uint64 { return &c.sent }),
		counter("early", "requests answered before the application, such as health checks", func(c *Counters) int64 { return c.Early.Load() }),
		counter("own_4xx", "requests answered by the server itself with a status from 400 to 499", func(c *Counters) int64 { return c.Own4xx.Load() }),
		counter("own_5xx", "requests answered by the server itself with a status from 500 on", func(c *Counters) int64 { return c.Own5xx.Load() }),
		counter("refused", "of these, those with 503", func(c *Counters) int64 { return c.Refused.Load() }),
		counter("timed_out", "requests that ran into the request time-out", func(c *Counters) int64 { return c.TimedOut.Load() }),
		counter("failed", "requests that the application ended by an exception, or without an answer", func(c *Counters) int64 { return c.Failed.Load() }),
		counter("malformed", "requests refused because they are not HTTP", func(c *Counters) int64 { return c.Malformed.Load() }),
		counter("too_large", "requests refused because their content was too large", func(c *Counters) int64 { return c.TooLarge.Load() }),
		counter("header_timeouts", "heads that were not complete in time", func(c *Counters) int64 { return c.HeaderTimeouts.Load() }),
		counter("body_timeouts", "request contents that came too slowly", func(c *Counters) int64 { return c.BodyTimeouts.Load() }),
		counter("idle_timeouts", "connections closed because no request came in time", func(c *Counters) int64 { return c.IdleTimeouts.Load() }),
		counter("write_timeouts", "responses whose client did not read in time", func(c *Counters) int64 { return c.WriteTimeouts.Load() }),
		counter("queue_full", "requests refused because the queue for the threads was full", func(c *Counters) int64 { return c.QueueFull.Load() }),
		counter("queue_aged", "requests refused because they had waited too long for a thread", func(c *Counters) int64 { return c.QueueAged.Load() }),
		counter("spool_disk_refusals", "requests refused because all temporary files together had reached their limit", func(c *Counters) int64 { return c.SpoolDiskRefusals.Load() }),
		counter("spool_failures", "requests refused because their temporary file failed", func(c *Counters) int64 { return c.SpoolFailures.Load() }),
		counter("spool_memory_refusals", "requests refused because slow clients had all the memory that they may have", func(c *Counters) int64 { return c.SpoolMemoryRefusals.Load() }),
		counter("spool_disk_waits", "times that a response waited for its client for want of a temporary file", func(c *Counters) int64 { return c.SpoolDiskWaits.Load() }),
		counter("keepalive_ends", "connections ended because they had made as many requests as are allowed", func(c *Counters) int64 { return c.KeepAliveEnds.Load() }),
		counter("too_many_connections", "connections closed on arrival because there were too many", func(c *Counters) int64 { return c.TooManyConnections.Load() }),
		counter("too_many_of_address", "connections closed on arrival because their address had too many", func(c *Counters) int64 { return c.TooManyOfAddress.Load() }),
		counter("idle_closed", "idle connections closed in favor of new ones", func(c *Counters) int64 { return c.IdleClosed.Load() }),
		counter("accept_failures", "failed attempts to accept connections", func(c *Counters) int64 { return c.AcceptFailures.Load() }),
		gauge("disk_waiting", "connections that wait for the disk now", func(c *Counters) int64 { return c.DiskWaiting.Load() }),
		counter("disk_timeouts", "connections ended because the disk did not answer", func(c *Counters) int64 { return c.DiskTimeouts.Load() }),
		counter("access_log_lost", "lines of the access log that were lost, as it was not written fast enough", func(c *Counters) int64 { return c.AccessLogLost.Load() }),
		counter("gil_samples", "times that somebody looked whether a thread held the GIL", func(c *Counters) int64 { return c.GILSamples.Load() }),
		counter("gil_held", "of these, those when one did", func(c *Counters) int64 { return c.GILHeld.Load() }),
	},
)

func gauge(name, help string, value func(c *Counters) int64) row {
	r := counter(name, help, value)
	r.stat.Gauge = true
	return r
}

func counter(name, help string, value func(c *Counters) int64) row {
	return row{Stat{Name: name, Help: help}, func(w *Worker) int64 { return value(w.Counters()) }}
}

// ofThreads is a counter that each thread has.
func ofThreads(name, help string, value func(c *threadCounters) *uint64) row {
	return row{Stat{Name: name, Help: help}, func(w *Worker) (sum int64) {
		for i := range w.threads {
			sum += int64(atomic.LoadUint64(value(&w.threads[i].record.counters)))
		}
		return sum
	}}
}

func responseRows() (rows []row) {
	for i, class := range [...]string{"2xx", "3xx", "4xx", "5xx", "aborted"} {
		r := ofThreads("responses_"+class, "responses of the application, by the class of their status", func(c *threadCounters) *uint64 { return &c.responses[i] })
		r.stat.Family, r.stat.Label, r.stat.LabelValue = "responses", "class", class
		rows = append(rows, r)
	}
	return rows
}

func methodRows() (rows []row) {
	for i, name := range methodNames {
		r := ofThreads("methods_"+name, "requests that have been in the application, by their method", func(c *threadCounters) *uint64 { return &c.methods[i] })
		r.stat.Family, r.stat.Label, r.stat.LabelValue = "methods", "method", name
		rows = append(rows, r)
	}
	return rows
}

// busy is how many threads are in a request.
func (w *Worker) busy() (n int64) {
	for i := range w.threads {
		if w.threads[i].record.sequence.Load()%phases != idle {
			n++
		}
	}
	return n
}

// Requests returns how many requests have reached the application.
func (w *Worker) Requests() (n int64) {
	for i := range w.threads {
		n += int64(w.threads[i].record.sequence.Load() / phases)
	}
	return n
}
