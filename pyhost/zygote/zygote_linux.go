package zygote

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Zygote is a running zygote. Its methods can be called on any goroutine.
type Zygote struct {
	cmd   *exec.Cmd
	conn  *net.UnixConn
	ready chan struct{} // closed when the import is over, one way or the other
	ended chan struct{} // closed when the process has ended and all messages are taken

	stacking sync.Mutex // held while the stacks are written to
	stacks   *os.File   // a memfd, the zygote's too

	threads []string // set before ready is closed
	failure error    // set before ready is closed, if the import failed

	spawning sync.Mutex     // held by the Spawn that waits for its answer
	answers  chan answer    // of the Spawn that waits
	mu       sync.Mutex     // guards what follows
	asked    bool           // a Spawn waits for its answer
	children map[int]*Child // that have not ended
	retired  bool
	fault    error // what the zygote said that it may not say
}

type answer struct {
	child *Child
	err   error
}

// spawnPatience is how long a zygote may take to fork. Who waits for it is the master, which has other things to do.
const spawnPatience = 30 * time.Second

// ErrEnded is returned for a zygote that has ended.
var ErrEnded = errors.New("the zygote has ended")

// ImportError is the failure of the application's import.
type ImportError struct {
	// Type is the exception's qualified name, and Msg its text.
	Type, Msg string
	// Traceback is as Python prints it; "" when Msg says it all.
	Traceback string
}

// Error returns Msg, or the last line of the traceback: "Type: message".
func (e *ImportError) Error() string {
	if e.Traceback == "" {
		return e.Msg
	}
	return e.Type + ": " + e.Msg
}

// Start makes a zygote of cmd, which must be the calling program and is otherwise the caller's to set up: environment,
// working folder, credentials, and files for the output. (Those must be *os.File.) The workers inherit all that, and
// take the arguments for theirs. configuration comes from pyhost.Config.Preload. Start does not wait for the import.
func Start(cmd *exec.Cmd, configuration []byte) (*Zygote, error) {
	master, its, err := socketpair()
	if err != nil {
		return nil, err
	}
	defer its.Close()
	fd, err := unix.MemfdCreate("pyserve-stacks", unix.MFD_CLOEXEC)
	if err != nil {
		_ = master.Close()
		return nil, os.NewSyscallError("memfd_create", err)
	}
	stacks := os.NewFile(uintptr(fd), "stacks")
	const standard = 3 // descriptors before those of ExtraFiles
	cmd.Env = append(cmd.Environ(), fmt.Sprintf("PYSERVE_ZYGOTE=%d", standard+len(cmd.ExtraFiles)))
	cmd.ExtraFiles = append(cmd.ExtraFiles, its, stacks)
	if _, err := master.Write(configuration); err != nil {
		_ = master.Close()
		stacks.Close()
		return nil, fmt.Errorf("the zygote's configuration: %w", err)
	}
	if err := cmd.Start(); err != nil {
		_ = master.Close()
		stacks.Close()
		return nil, fmt.Errorf("the zygote does not start: %w", err)
	}
	z := &Zygote{
		cmd: cmd, conn: master, stacks: stacks, ready: make(chan struct{}), ended: make(chan struct{}),
		answers: make(chan answer, 1), children: make(map[int]*Child),
	}
	go z.run()
	return z, nil
}

// socketpair returns the two ends of the channel.
func socketpair() (master *net.UnixConn, its *os.File, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	file, its := os.NewFile(uintptr(fds[0]), "zygote"), os.NewFile(uintptr(fds[1]), "zygote")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		its.Close()
		return nil, nil, err
	}
	return conn.(*net.UnixConn), its, nil
}

// PID returns the zygote's process id.
func (z *Zygote) PID() int { return z.cmd.Process.Pid }

// Native begins what Ready says of the threads that Python does not know.
const Native = "C:"

// Ready waits for the import. It returns what is to be said of each thread that the application started meanwhile: no
// worker has it. Those that C code has started are in one line, after Native. The error is an [*ImportError], or says how the process ended.
func (z *Zygote) Ready() (threads []string, err error) {
	<-z.ready
	return z.threads, z.failure
}

// Err says why there is no zygote any more: ErrEnded, or an error that wraps it.
func (z *Zygote) Err() error {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.reason()
}

// reason is called with z.mu held.
func (z *Zygote) reason() error {
	if z.fault != nil {
		return fmt.Errorf("%w: %w", ErrEnded, z.fault)
	}
	return ErrEnded
}

// Ended returns a channel that is closed when the zygote's process has ended.
func (z *Zygote) Ended() <-chan struct{} { return z.ended }

// Spawn forks a worker, and waits for the import if need be. The worker goes on where Go starts, at main, with
// variable, "NAME=VALUE", in its environment. It has copies of the descriptors fds, closed on exec; their numbers take
// the places of {0}, {1} and so on in variable. ErrEnded when there is no zygote any more.
func (z *Zygote) Spawn(variable string, fds ...int) (*Child, error) {
	z.spawning.Lock()
	defer z.spawning.Unlock()
	<-z.ready // or there is no zygote, which is noticed below
	z.ask(true)
	defer z.ask(false)
	_ = z.conn.SetWriteDeadline(time.Now().Add(spawnPatience))
	if _, _, err := z.conn.WriteMsgUnix([]byte(variable), syscall.UnixRights(fds...), nil); err != nil {
		return nil, fmt.Errorf("%w (%w)", z.Err(), err)
	}
	select {
	case a := <-z.answers:
		return a.child, a.err
	case <-z.ended:
	case <-time.After(spawnPatience):
		z.giveUp(fmt.Errorf("it has not answered for %s", spawnPatience))
	}
	return nil, z.Err()
}

func (z *Zygote) ask(asked bool) {
	z.mu.Lock()
	z.asked = asked
	z.mu.Unlock()
}

// Retire has the zygote end as soon as it has no workers. Until then it reports how they end. There must be no Spawn
// at the same time, or later.
func (z *Zygote) Retire() {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.retired = true
	z.endIfIdle()
}

// endIfIdle is called with z.mu held.
func (z *Zygote) endIfIdle() {
	if z.retired && len(z.children) == 0 {
		z.kill()
	}
}

// Stacks returns the Python stacks of the zygote's threads, in faulthandler's form, while it imports the application; ""
// when it does not, and what there is when it takes too long to write them.
func (z *Zygote) Stacks() string {
	const patience, pause = time.Second, 20 * time.Millisecond
	z.stacking.Lock()
	defer z.stacking.Unlock()
	_ = z.stacks.Truncate(0)
	_, _ = z.stacks.Seek(0, io.SeekStart) // the zygote writes where this file is
	if z.imported() || z.cmd.Process.Signal(syscall.SIGUSR1) != nil {
		return ""
	}
	var text, before []byte
	for end := time.Now().Add(patience); time.Now().Before(end) && (len(text) == 0 || len(text) != len(before)); {
		select {
		case <-z.ended:
			return string(text)
		case <-time.After(pause):
			before = text
			text, _ = io.ReadAll(io.NewSectionReader(z.stacks, 0, maxStacks))
		}
	}
	return string(text)
}

// maxStacks is how much of the stacks is read, in bytes.
const maxStacks = 256 << 10

// Close ends the zygote immediately, even while it imports, and returns when its process is gone. Its workers live on,
// but nobody hears how they end.
func (z *Zygote) Close() {
	z.kill()
	<-z.ended
}

// kill needs no grace: the zygote has nothing to finish.
func (z *Zygote) kill() { _ = z.cmd.Process.Kill() }

// run takes the zygote's messages until there are no more. A process that the application has forked while it was
// imported may keep the zygote's end of the channel open: the end of file is when the zygote itself has ended.
func (z *Zygote) run() {
	defer close(z.ended)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = z.cmd.Wait()
		_ = z.conn.CloseRead() // what has come is read all the same
	}()
	const packet = 64<<10 + 1 // zygote.py's PACKET and the kind
	for buffer := make([]byte, packet); ; {
		n, err := z.conn.Read(buffer)
		if n == 0 || err != nil {
			break
		}
		if err := z.handleMessage(buffer[0], string(buffer[1:n])); err != nil {
			z.giveUp(err)
			break
		}
	}
	z.kill() // it lives on if it has closed its end, or sent a message that is empty, which looks the same
	<-gone
	_ = z.conn.Close()
	z.stacking.Lock()
	z.stacks.Close()
	z.stacking.Unlock()
	if !z.imported() {
		z.failure = fmt.Errorf("%w before the application was imported: %s", z.Err(), z.cmd.ProcessState)
		close(z.ready)
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, child := range z.children {
		child.exited(0, z.reason())
	}
}

func (z *Zygote) imported() bool {
	select {
	case <-z.ready:
		return true
	default:
		return false
	}
}
