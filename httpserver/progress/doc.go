// Package progress is the request time-out. A [Handler] stands between an engine and the handler that calls
// the application. It keeps the scoreboard, and lets a watchdog ([Handler.Watch]) take the response away from
// a request that has not moved for too long: the client gets 504, or sees the connection break off if the
// answer had begun, and whatever the application still sends fails.
//
// A request moves when it enters the application, and whenever the application has read or sent something. So
// the time-out bounds neither streams nor downloads. While the server waits for the client, for content or for
// room to send, time does not count: the engine has time-outs of its own for that.
//
// The package takes the request away and says so. What becomes of the thread is others': Python is seen
// through three functions in [Options], and no process is ended here.
//
// # Locks
//
// A ResponseWriter is for one goroutine at a time. Each thread has a lock for it, which the thread itself holds
// but for the time that it spends in the inner handler; there, it takes the lock for each call. The watchdog
// only tries to take it: if it cannot, the thread is just not in the application.
package progress
