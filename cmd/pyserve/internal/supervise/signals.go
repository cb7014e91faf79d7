//go:build unix

package supervise

import (
	"os"
	"syscall"
)

// Signals are those that Handle knows, for signal.Notify.
var Signals = []os.Signal{
	syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTTIN, syscall.SIGTTOU,
	syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH,
}

// Handle posts the event that a signal to the master stands for, if a terminal has not sent it. The meanings are those of nginx and gunicorn.
func (s *Supervisor) Handle(signal os.Signal) {
	switch signal {
	case syscall.SIGHUP:
		s.Reload()
	case syscall.SIGTERM:
		s.Stop()
	case syscall.SIGINT:
		s.Interrupt()
	case syscall.SIGQUIT:
		s.Quit()
	case syscall.SIGTTIN:
		s.Grow()
	case syscall.SIGTTOU:
		s.Shrink()
	case syscall.SIGUSR1:
		s.ReopenLogs()
	case syscall.SIGUSR2:
		s.Upgrade()
	case syscall.SIGWINCH:
		s.Dismiss()
	}
}
