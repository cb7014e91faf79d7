// Package supervise is the master's state machine: it decides which workers are started, replaced and ended,
// and when. One goroutine, [Supervisor.Run], owns all state; what happens comes to it as events, and it acts
// through the small [System] interface. It makes no system calls, reads no flags and knows neither sockets nor
// Python, so that every story of a reload or a crash is tested with fake processes on a fake clock.
//
// The words: a *seat* is one of the W places in which a worker has to serve; it holds its worker, while that one
// is being replaced its successor too, and the back-off of its crashes. A *slot* is the number a living process
// has to itself (its row of the scoreboard). A *generation* is the code that a worker has imported: each reload
// makes a new one.
//
// After every event the supervisor compares what is with what should be ([Supervisor.reconcile]) and takes the
// steps that bring them together: fill empty seats, try a new generation, replace workers that are outdated or
// to be recycled. There are no step-by-step scripts that an event in the middle could derail.
package supervise
