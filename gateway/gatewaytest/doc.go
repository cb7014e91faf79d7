// Package gatewaytest holds the behaviours of PEP 3333 as one list, and what is needed to run it against
// any gateway.App: an in-memory [Recorder] of the response, [Request] builders, and a [Log] that can be
// read back.
//
// It does not hold the applications: each list entry names one, and whoever calls [Run] brings it. The
// gateway's own tests bring Go closures, pyhost's tests bring testdata/apps/behaviours.py.
package gatewaytest
