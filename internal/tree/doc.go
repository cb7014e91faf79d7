// Package tree holds tests of the project as a tree of files: which package may import which, how long a file may be, what
// documents say about the code, and the language of messages. It needs neither cgo nor Python.
package tree
