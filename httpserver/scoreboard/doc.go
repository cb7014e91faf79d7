// Package scoreboard is the table of what every worker process, and each of its Python threads, is doing
// right now. It lies in memory that master and workers share, so that it shows what a worker was doing
// after that worker has died, and whether it moves while it is stuck in C with the GIL held.
//
// The master makes a [Board] with more slots than it has workers (during a reload two generations run), and
// gives each worker a slot's number and the descriptor. A worker writes its own slot only. The master and
// every worker read all of them: for crash records, for status, for balancing connections, and for the
// request time-out.
//
// # Layout
//
// Everything is in the byte order of the machine, and every record begins at a multiple of 64 bytes, so that no
// two writers share a cache line:
//
//	header (128 bytes): magic, layout version, numbers of workers and threads, sizes of the records
//	the past (2240 bytes): the sums of what workers have counted that are gone
//	worker 0: its record (448 bytes), then one record (2048 bytes) for each of its threads
//	worker 1: ...
//
// # Counters
//
// Each thing that happens is counted once, by whoever sees it happen: what a request in the application was and how long it
// took, by its thread, in words that nobody else writes; everything else in the worker's [Counters]. The table in table.go
// names them all; status, JSON, the log at the end and metrics are made of it.
//
// # Torn records
//
// A thread's record has one writer, which takes no lock and never waits. It says by the record's sequence
// that it is being written; a reader that finds this, or another sequence after than before, reads again, and
// at last marks what it has as torn (see [Request]). So a thread killed in the middle leaves a record that
// can be read.
//
// # What is in it
//
// The method and the target as the client sent them, query included, as in the access log. A query may hold
// a token: whoever may not read the access log should not read what is logged from here. The memory has
// no name in any file system, and other users cannot open it.
//
// The package decides nothing: who starts or ends processes, balances, or enforces time-outs stands
// elsewhere. On systems other than Linux the table is ordinary memory, for one process.
package scoreboard
