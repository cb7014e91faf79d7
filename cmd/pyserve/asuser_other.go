//go:build !linux

package main

// do runs work. There is no master here that would be another user than its workers.
func (id *identity) do(work func() error) error { return work() }
