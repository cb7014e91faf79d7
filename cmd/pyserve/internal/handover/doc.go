// Package handover is what a process of pyserve gets from the one that started it: the descriptors it inherits,
// told in one environment variable that is gone before any Python code runs, and the socket over which a worker
// and its master talk. It knows nothing of what they do with it.
package handover
