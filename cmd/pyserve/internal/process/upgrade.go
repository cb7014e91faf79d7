//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/handover"
)

// Upgrade starts command as another master on the listeners in hand, whose Ready is set here, and waits until it says that it serves. If it
// fails, ends, or ctx ends first, it is gone when Upgrade returns an error. started is called with its pid.
func Upgrade(ctx context.Context, command Command, hand handover.Upgrade, started func(pid int)) error {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("pipe2: %w", err)
	}
	defer unix.Close(pipe[0])
	hand.Ready = handover.Descriptor(pipe[1])
	successor, err := command.Start(hand.Template())
	unix.Close(pipe[1])
	if err != nil {
		return err
	}
	defer successor.close()
	started(successor.PID)
	ended := make(chan error, 1)
	go func() {
		status, err := successor.reap()
		if exit := exitOf(status); err == nil && exit.Signal != "" {
			err = errors.New("it died of " + exit.Signal)
		} else if err == nil {
			err = fmt.Errorf("it ended with code %d", exit.Code)
		}
		ended <- err
	}()
	ready := make(chan bool, 1)
	reading := func() {
		var one [1]byte
		for {
			n, err := unix.Read(pipe[0], one[:])
			if err != unix.EINTR {
				ready <- n == 1
				return
			}
		}
	}
	go reading()
	select {
	case ok := <-ready:
		if ok {
			return nil
		}
		return fmt.Errorf("the new binary did not come to serve: %w", stop(successor, ended))
	case <-ctx.Done():
		err := stop(successor, ended)
		<-ready // its end of the pipe is closed
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
}

// stopDelay is how long a new master that has failed may take to end its workers.
const stopDelay = 10 * time.Second

func stop(successor Handle, ended <-chan error) error {
	_ = successor.signal(syscall.SIGTERM)
	select {
	case err := <-ended:
		return err
	case <-time.After(stopDelay):
		_ = successor.signal(syscall.SIGKILL)
		return <-ended
	}
}

// SayReady tells the old master that this one serves, by the pipe that it has handed down.
func SayReady(fd int) error {
	defer unix.Close(fd)
	_, err := unix.Write(fd, []byte{1})
	return err
}
