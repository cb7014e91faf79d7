package gateway

import "os"

// App is a WSGI application ("PEP 3333, The Application/Framework Side").
type App interface {
	// Call calls application(environ, start_response) for x on Python thread number thread. During the
	// call, and during every call of the Body it returns, the application may use x. Until the Body is closed it may
	// use x.Input, on other threads too.
	//
	// An exception raised by the application comes back as an error. If the error has a method
	// Traceback() string, the log shows what it returns. If it has a method Timeout() bool that returns true,
	// the application did not fail by itself: it was interrupted, as the request had run into its time-out.
	Call(thread int, x *Exchange) (Result, error)
}

// Result is what the application returned.
type Result struct {
	// Body has to be closed once. It may be nil only if Call failed.
	Body Body
	// Len is len(body) where the object has a length, -1 otherwise.
	Len int
	// File is set when the object is a wsgi.file_wrapper around a regular file. The gateway then does
	// not iterate over Body. It owns File.F from here on.
	File *File
}

// Body is the iterable that the application returned. Its methods are called on the thread that called
// the application, one at a time.
type Body interface {
	// Next returns the next bytestring, valid until the next call of a method of Body; io.EOF after the
	// last one. Any other error is an exception, or an item that is not a bytestring.
	Next() ([]byte, error)
	// Close calls the iterable's close method if it has one, and lets go of the iterable.
	Close() error
}

// File is the part of a regular file that a file wrapper stands for.
type File struct {
	// F has a file offset of its own, shared with nobody.
	F *os.File
	// Offset is the application's position in the file, Size the file's size, both in bytes.
	Offset, Size int64
}
