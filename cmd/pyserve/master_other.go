//go:build !linux

package main

import (
	"errors"
	"net"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/handover"
	"github.com/pyserve/pyserve/httpserver"
)

// defaultWorkers is what --workers is when nobody says: workers need Linux.
const defaultWorkers workers = 0

var errLinux = errors.New("worker processes need Linux: use --workers 0")

func (c *cli) openListeners() (listeners []net.Listener, foreign bool, err error) {
	listeners, err = httpserver.ListenAll(c.Bind)
	return listeners, false, err
}

func noteInit() {}

func serveUnderInit(string) (code int, done bool) { return 0, false }

func (c *cli) keepAlive(<-chan struct{}, func() bool) {}

func (c *cli) tellReady()    {}
func (c *cli) tellStopping() {}

func control(*cli, string) int { return usage(errLinux) }

func serveAsMaster(*cli, *handover.Upgrade) int { return usage(errLinux) }

func serveAsWorker(*cli, *handover.Worker) int { return usage(errLinux) }
