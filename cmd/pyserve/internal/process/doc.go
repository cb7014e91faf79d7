// Package process starts the processes of a master, reports what became of them, and signals them: what package
// supervise asks of the operating system. It decides nothing.
package process
