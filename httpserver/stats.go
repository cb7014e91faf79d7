package httpserver

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
)

// Stats counts what an engine refused or ended on its own, and what it has open. Every limit has a counter of
// its own. The fields count for as long as the engine lives, and may be read at any time. net/http does not report
// HeaderTimeouts, IdleTimeouts and AcceptFailures, nor the heads in Malformed.
type Stats struct {
	// Connections is how many are open now; Requests is how many have reached the handler.
	Connections, Requests atomic.Int64
	// Malformed counts heads and contents that are no HTTP; TooLarge contents beyond --max-body.
	Malformed, TooLarge atomic.Int64
	// What took too long: a head, a content, an idle connection, a client that did not read.
	HeaderTimeouts, BodyTimeouts, IdleTimeouts, WriteTimeouts atomic.Int64
	// Requests refused by 503: there was no room in the queue, or they waited too long in it.
	QueueFull, QueueAged atomic.Int64
	// Requests refused by 503 because their content had no room: by --spool-disk, or because a file failed;
	// and how often a response waited for its client instead, for either reason.
	SpoolDiskRefusals, SpoolFailures, SpoolDiskWaits atomic.Int64
	// Requests refused by 503 because --spool-memory was used up.
	SpoolMemoryRefusals atomic.Int64
	// Connections that had made as many requests as --keepalive-requests allows.
	KeepAliveEnds atomic.Int64
	// Connections that were closed at once, by --max-connections and --max-connections-per-address, and
	// attempts to accept that failed.
	TooManyConnections, TooManyOfAddress, AcceptFailures atomic.Int64
	// DiskWaiting is how many connections wait for the disk now; DiskTimeouts counts those that were ended because it
	// did not answer.
	DiskWaiting, DiskTimeouts atomic.Int64
	// IdleClosed counts idle connections that were closed in favour of new ones.
	IdleClosed atomic.Int64
	// AccessLogLost counts lines that the access log had no room for.
	AccessLogLost atomic.Int64
}

// Stat is one of the counters at one moment.
type Stat struct {
	// Name is in lower case with underscores, such as "header_timeouts"; it does not change between versions.
	Name string
	// Help is what is counted, in a few words, without a full stop.
	Help string
	// Gauge says that Value is how many there are now, which may fall; else it has only ever grown.
	Gauge bool
	Value int64
}

// statTable names each field of Stats once, in the order in which they are shown.
var statTable = []struct {
	name, help string
	gauge      bool
	value      func(s *Stats) *atomic.Int64
}{
	{"connections", "connections that are open now", true, func(s *Stats) *atomic.Int64 { return &s.Connections }},
	{"requests", "requests that have reached the application", false, func(s *Stats) *atomic.Int64 { return &s.Requests }},
	{"malformed", "requests refused because they are no HTTP", false, func(s *Stats) *atomic.Int64 { return &s.Malformed }},
	{"too_large", "requests refused by --max-body", false, func(s *Stats) *atomic.Int64 { return &s.TooLarge }},
	{"header_timeouts", "heads that were not complete within --header-timeout", false, func(s *Stats) *atomic.Int64 { return &s.HeaderTimeouts }},
	{"body_timeouts", "request contents that came more slowly than --body-rate", false, func(s *Stats) *atomic.Int64 { return &s.BodyTimeouts }},
	{"idle_timeouts", "connections closed because no request came in time", false, func(s *Stats) *atomic.Int64 { return &s.IdleTimeouts }},
	{"write_timeouts", "responses that were not taken within --write-timeout", false, func(s *Stats) *atomic.Int64 { return &s.WriteTimeouts }},
	{"queue_full", "requests refused because --queue others waited", false, func(s *Stats) *atomic.Int64 { return &s.QueueFull }},
	{"queue_aged", "requests refused because they had waited for --queue-age", false, func(s *Stats) *atomic.Int64 { return &s.QueueAged }},
	{"spool_disk_refusals", "requests refused by --spool-disk", false, func(s *Stats) *atomic.Int64 { return &s.SpoolDiskRefusals }},
	{"spool_failures", "requests refused because their temporary file failed", false, func(s *Stats) *atomic.Int64 { return &s.SpoolFailures }},
	{"spool_disk_waits", "times that a response waited for its client for want of a temporary file", false, func(s *Stats) *atomic.Int64 { return &s.SpoolDiskWaits }},
	{"spool_memory_refusals", "requests refused by --spool-memory", false, func(s *Stats) *atomic.Int64 { return &s.SpoolMemoryRefusals }},
	{"keepalive_ends", "connections ended by --keepalive-requests", false, func(s *Stats) *atomic.Int64 { return &s.KeepAliveEnds }},
	{"too_many_connections", "connections closed at once by --max-connections", false, func(s *Stats) *atomic.Int64 { return &s.TooManyConnections }},
	{"too_many_of_address", "connections closed at once by --max-connections-per-address", false, func(s *Stats) *atomic.Int64 { return &s.TooManyOfAddress }},
	{"idle_closed", "idle connections closed in favour of new ones", false, func(s *Stats) *atomic.Int64 { return &s.IdleClosed }},
	{"access_log_lost", "lines of the access log that were lost, as it was not written fast enough", false, func(s *Stats) *atomic.Int64 { return &s.AccessLogLost }},
	{"disk_waiting", "connections that wait for the disk now", true, func(s *Stats) *atomic.Int64 { return &s.DiskWaiting }},
	{"disk_timeouts", "connections ended because the disk did not answer", false, func(s *Stats) *atomic.Int64 { return &s.DiskTimeouts }},
	{"accept_failures", "failed attempts to accept connections", false, func(s *Stats) *atomic.Int64 { return &s.AcceptFailures }},
}

// Snapshot returns all counters, always in the same order. They are read one after the other, so they need not
// agree with each other to the last one.
func (s *Stats) Snapshot() []Stat {
	all := make([]Stat, len(statTable))
	for i, row := range statTable {
		all[i] = Stat{Name: row.name, Help: row.help, Gauge: row.gauge, Value: row.value(s).Load()}
	}
	return all
}

// Log writes the counters that are not zero in one record; nothing if all are.
func (s *Stats) Log(log *slog.Logger) {
	var attrs []slog.Attr
	for _, stat := range s.Snapshot() {
		if stat.Value != 0 {
			attrs = append(attrs, slog.Int64(stat.Name, stat.Value))
		}
	}
	if len(attrs) > 0 {
		log.LogAttrs(context.Background(), slog.LevelInfo, "what was served and refused", attrs...)
	}
}

// NoRoom counts a request whose content could not be spooled because of err.
func (s *Stats) NoRoom(err error) {
	count := &s.SpoolFailures
	if errors.Is(err, ErrSpoolDisk) {
		count = &s.SpoolDiskRefusals
	}
	count.Add(1)
}
