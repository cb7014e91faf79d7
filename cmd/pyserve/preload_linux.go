package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/handover"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/process"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/systemd"
	"github.com/pyserve/pyserve/pyhost/importing"
	"github.com/pyserve/pyserve/pyhost/zygote"
)

// Prepare implements supervise.System: with --preload it has a zygote import the application.
func (m *master) Prepare(ctx context.Context, generation int) error {
	folders, err := m.chooseFolders(generation)
	if err != nil || !m.c.Preload {
		return err
	}
	configuration, err := m.c.in(folders).options().Preload(folders.App)
	if err != nil {
		return err
	}
	z, err := zygote.Start(m.zygoteCommand(folders.Home), configuration)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(context.Cause(ctx), supervise.ErrStartTimeout) {
			say("%s: the import goes on for longer than --start-timeout %s, and is ended. It is in:", m.c.app, m.c.StartTimeout)
			fmt.Fprint(stderr, z.Stacks())
		}
		z.Close()
	})
	defer stop()
	watch := importing.Watch{Name: m.c.app, PID: z.PID(), Stack: z.Stacks, Log: m.log}
	watched := watch.Begin()
	threads, err := z.Ready()
	watched()
	var failed *zygote.ImportError
	switch {
	case errors.As(err, &failed) && failed.Traceback != "":
		say("%s could not be imported:\n%s", m.c.app, failed.Traceback)
		return err
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	}
	for _, thread := range threads {
		if native, ok := strings.CutPrefix(thread, zygote.Native); ok {
			m.log.Warn("C code has started threads while the application was imported: workers that are forked have none of them, "+
				"and hang where that code counts on them. Leave --preload out, or have the library start its threads later "+
				"(OMP_NUM_THREADS=1, OPENBLAS_NUM_THREADS=1)", "threads", native)
			continue
		}
		m.log.Warn("a thread that the application has started while it was imported is in no worker (--preload)", "thread", thread)
	}
	m.mu.Lock()
	m.zygotes[generation] = z
	m.mu.Unlock()
	go func() {
		<-z.Ended()
		m.mu.Lock()
		lost := m.zygotes[generation] == z
		m.mu.Unlock()
		if lost {
			m.supervisor.GenerationLost(generation, z.Err())
		}
	}()
	return nil
}

// zygoteCommand starts this program once more, where and as whom the application is to run.
func (m *master) zygoteCommand(home string) *exec.Cmd {
	if home == m.c.home { // the user may not be allowed to come there again
		home = ""
	}
	cmd := &exec.Cmd{Path: m.command.Path, Dir: home, Args: m.command.Args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	cmd.Env = append(systemd.ForWorker(os.Environ()), m.variables...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: m.command.Credential}
	return cmd
}

// Forget implements supervise.System.
func (m *master) Forget(generation int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.folders, generation)
	if z := m.zygotes[generation]; z != nil {
		delete(m.zygotes, generation)
		z.Retire()
	}
}

// born is how a worker of a generation comes to be.
func (m *master) born(generation int) process.Born {
	m.mu.Lock()
	defer m.mu.Unlock()
	z := m.zygotes[generation]
	if z == nil {
		return process.Exec(m.command)
	}
	return func(in handover.Worker) (process.Started, error) {
		template, fds := in.Template()
		child, err := z.Spawn(handover.Variable+"="+template, fds...)
		if err != nil {
			return process.Started{}, err
		}
		return process.Started{
			Handle: process.Handle{PID: child.PID(), FD: child.Handle()},
			Status: func() (syscall.WaitStatus, error) { return waitForChild(child) },
		}, nil
	}
}

// waitForChild returns a worker's status. If its zygote is gone only the end of the worker can be noticed.
func waitForChild(child *zygote.Child) (syscall.WaitStatus, error) {
	status, err := child.Wait()
	if !errors.Is(err, zygote.ErrEnded) || child.Handle() < 0 {
		return status, err
	}
	for {
		_, polled := unix.Poll([]unix.PollFd{{Fd: int32(child.Handle()), Events: unix.POLLIN}}, -1)
		if polled != unix.EINTR {
			return status, fmt.Errorf("%w before this worker: nobody knows how the worker ended", err)
		}
	}
}
