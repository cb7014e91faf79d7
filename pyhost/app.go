package pyhost

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"unsafe"

	"github.com/pyserve/pyserve/gateway"
)

// App is a WSGI application in Python. It implements gateway.App.
type App struct {
	host     *Host
	callable *C.PyObject // owned, for the life of the process
	name     string
}

// Name returns what [Host.Load] was asked for.
func (a *App) Name() string { return a.name }

// Call implements gateway.App: it calls application(environ, start_response) on Python thread number
// thread, which must be the calling one, and not attached.
func (a *App) Call(thread int, x *gateway.Exchange) (gateway.Result, error) {
	a.host.signals.request()
	b := &a.host.threads[thread].body
	b.thread = &a.host.threads[thread]
	handle := b.thread.slot.open(thread, x)
	block := x.Environ.Bytes()
	status := C.ps_call(a.callable, C.uint64_t(handle),
		(*C.char)(unsafe.Pointer(unsafe.SliceData(block))), C.size_t(len(block)),
		(*C.char)(unsafe.Pointer(unsafe.StringData(x.ID))), C.size_t(len(x.ID)), &b.out)
	b.fresh = true
	var err error
	if status != C.PS_OK {
		err = b.exception()
		err = errors.Join(err, b.end())
	}
	b.thread.slot.mu.Lock()
	if b.out.ended != 0 && b.thread.slot.seal() {
		_ = b.Close() // it panics
	}
	return gateway.Result{Body: b, Len: int(b.out.length), File: b.file()}, err
}

// body is what the application returned. There is one for each thread.
type body struct {
	thread *thread
	out    C.ps_body
	fresh  bool // out holds a chunk that Next has not handed out
}

// Next implements gateway.Body.
func (b *body) Next() ([]byte, error) {
	if !b.fresh || b.out.chunk == nil {
		if b.out.ended != 0 {
			return nil, io.EOF
		}
		if err := b.ask(); err != nil {
			return nil, err
		}
	}
	b.fresh = false
	return unsafe.Slice((*byte)(unsafe.Pointer(b.out.chunk)), int(b.out.size)), nil
}

// ask has the next chunk put into b.out. Taking an exception runs the application's code too, so that the
// slot is locked only after that.
func (b *body) ask() error {
	b.thread.slot.mu.Unlock()
	defer b.thread.slot.mu.Lock()
	switch C.ps_next(&b.out) {
	case C.PS_END:
		return io.EOF
	case C.PS_EXCEPTION:
		return b.exception()
	}
	return nil
}

// Close implements gateway.Body: it ends the request for all that the application kept of it. A panic that a
// callback of this request ran into goes on here.
func (b *body) Close() (err error) {
	if b.out.ended == 0 {
		b.thread.slot.mu.Unlock()
		err = b.end()
	}
	b.thread.slot.mu.Lock()
	if panicked := b.thread.slot.close(); panicked != nil {
		panic(*panicked)
	}
	return err
}

// end has close() called. The slot is not locked.
func (b *body) end() error {
	b.out.ended = 1
	if C.ps_end() != C.PS_OK {
		return b.exception()
	}
	return nil
}

// exception takes the exception that a ps_* function has left, and detaches.
func (b *body) exception() error {
	defer C.ps_detach()
	return b.thread.host.takeException()
}

// file opens the wrapped regular file again, so that it has a file offset of its own: the application may
// send one file object to several clients. nil if there is none, or if it cannot be opened, as outside Linux:
// the wrapper is then iterated over.
func (b *body) file() *gateway.File {
	if b.out.fd < 0 {
		return nil
	}
	defer syscall.Close(int(b.out.fd))
	f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", int(b.out.fd)))
	if err != nil {
		return nil
	}
	return &gateway.File{F: f, Offset: int64(b.out.offset), Size: int64(b.out.file_size)}
}
