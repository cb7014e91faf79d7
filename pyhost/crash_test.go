package pyhost_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// crashVariable names, in a copy of this test binary, what the copy is to do. Its crash file is descriptor 3.
const crashVariable = "PYHOST_TEST_CRASH"

func crashFile() *os.File {
	if os.Getenv(crashVariable) == "" {
		return nil
	}
	return os.NewFile(3, "crash file")
}

// TestInACopyOfThisProcess is what the copy runs: paths of testdata/apps/crashes.py, or things that go wrong in Go.
func TestInACopyOfThisProcess(t *testing.T) {
	steps := os.Getenv(crashVariable)
	if steps == "" {
		t.Skip("only in a copy of this process")
	}
	a := newAsker(t, "crashes:app")
	for step := range strings.FieldsSeq(steps) {
		switch step {
		case "go_recovers":
			onThread(t, func(int) { assert.Contains(t, nilDereference().Error(), "nil pointer") })
			assert.Contains(t, nilDereference().Error(), "nil pointer")
		case "go_panics":
			go panic("a panic in Go")
			select {}
		case "go_faults":
			go func() { _ = *never }()
			select {}
		case "waits":
			go a.content(t, "/waits")
			a.content(t, "/arrival")
		default:
			os.Stdout.WriteString("<" + a.content(t, "/"+step) + ">")
		}
	}
}

var never *int

func nilDereference() (err error) {
	defer func() { err = recover().(error) }()
	_ = *never
	return nil
}

// inCopy runs the steps in a copy of this process, and returns how it ended, its output and the crash file.
func inCopy(t *testing.T, steps string) (status syscall.WaitStatus, output, dump string) {
	t.Helper()
	file, err := os.Create(t.TempDir() + "/crash")
	require.NoError(t, err)
	defer file.Close()
	executable, err := os.Executable()
	require.NoError(t, err)
	command := exec.Command(executable, "-test.run=^TestInACopyOfThisProcess$")
	command.Env = append(os.Environ(), crashVariable+"="+steps, "GOTRACEBACK=single")
	command.ExtraFiles = []*os.File{file}
	combined, err := command.CombinedOutput()
	if command.ProcessState == nil {
		require.NoError(t, err)
	}
	content, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	return command.ProcessState.Sys().(syscall.WaitStatus), string(combined), string(content)
}

func TestACrashInCShowsThePythonStacksAndTheTrueSignal(t *testing.T) {
	for steps, test := range map[string]struct {
		signal syscall.Signal
		frame  string
	}{
		"waits segfault":                      {syscall.SIGSEGV, "in segfault"},
		"waits bus_error":                     {syscall.SIGBUS, "in bus_error"},
		"waits division":                      {syscall.SIGFPE, "in division"},
		"waits illegal":                       {syscall.SIGILL, "in illegal"},
		"waits abort":                         {syscall.SIGABRT, "in abort"},
		"waits sent":                          {syscall.SIGSEGV, "in sent"},
		"waits in_thread":                     {syscall.SIGSEGV, "in segfault"},
		"waits both_threads":                  {syscall.SIGSEGV, "in segfault"},
		"waits go_recovers segfault":          {syscall.SIGSEGV, "in segfault"},
		"waits enables_faulthandler segfault": {syscall.SIGSEGV, "in segfault"},
		"waits enables_faulthandler go_recovers segfault": {syscall.SIGSEGV, "in segfault"},
	} {
		t.Run(steps, func(t *testing.T) {
			status, output, dump := inCopy(t, steps)
			assert.True(t, status.Signaled(), "status %#x: %s", status, output)
			assert.Equal(t, test.signal, status.Signal())
			assert.Contains(t, dump, "Fatal Python error")
			assert.Contains(t, dump, test.frame)
			assert.Contains(t, dump, "in waits", "the other thread")
			assert.NotContains(t, output, "goroutine ")
		})
	}
}

func TestAPanicInGoIsGosStill(t *testing.T) {
	for steps, want := range map[string]string{
		"go_panics": "panic: a panic in Go", "enables_faulthandler go_faults": "panic: runtime error: invalid memory address",
	} {
		t.Run(steps, func(t *testing.T) {
			status, output, dump := inCopy(t, steps)
			assert.Equal(t, 2, status.ExitStatus(), output)
			assert.Contains(t, output, want)
			assert.Contains(t, output, "goroutine ")
			assert.Empty(t, dump)
		})
	}
}

func TestTheCrashOfAForkedChildIsNotItsParents(t *testing.T) {
	status, output, dump := inCopy(t, "in_child go_recovers")
	assert.Zero(t, status.ExitStatus(), output)
	assert.Contains(t, output, "<11>", "how the child ended")
	assert.Contains(t, output, "in segfault", "the child's stack, on standard error")
	assert.Empty(t, dump)
}

// stacks is what DumpStacks writes.
func stacks(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	done := make(chan error, 1)
	go func() {
		done <- host.DumpStacks(int(w.Fd()))
		w.Close()
	}()
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, <-done)
	return string(content)
}

func TestTheStacksAreDumpedWhileAThreadKeepsTheGILInC(t *testing.T) {
	a, stuck := newAsker(t, "crashes:app"), newGILKeeper(t)
	a.content(t, "/clear")
	waiting := make(chan string)
	go func() { waiting <- a.content(t, "/waits") }()
	a.content(t, "/arrival")
	stuck.begin(t)
	dump := stacks(t)
	assert.Contains(t, dump, "in keeps_gil")
	assert.Contains(t, dump, "in waits")
	assert.Contains(t, host.ThreadStack(dump, stuck.thread), "in keeps_gil")
	assert.NotContains(t, host.ThreadStack(dump, stuck.thread), "in waits")
	stuck.end(t)
	a.content(t, "/release")
	assert.Equal(t, "released", <-waiting)
	assert.Empty(t, host.ThreadStack(dump[:bytes.IndexByte([]byte(dump), '0')], stuck.thread))
}

func TestDumpingTheStacksOfThreadsThatComeAndGoDoesNoHarm(t *testing.T) {
	a := newAsker(t, "crashes:app")
	a.content(t, "/clear")
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer null.Close()
	ended := make(chan string)
	go func() { ended <- a.content(t, "/churns") }()
	a.content(t, "/arrival")
	for range 100 {
		if err := host.DumpStacks(int(null.Fd())); err != nil {
			assert.ErrorIs(t, err, syscall.EFAULT, "a part was written")
		}
	}
	a.content(t, "/release")
	assert.Equal(t, "None", <-ended)
}

func TestADumpToADescriptorThatIsNoneIsAnError(t *testing.T) {
	assert.ErrorContains(t, host.DumpStacks(-1), "the Python stacks could not be written")
}

// A gilKeeper has a thread that holds the GIL in C.
type gilKeeper struct {
	*asker
	thread int
	pipe   *os.File
	read   *os.File
	ended  chan struct{}
}

func newGILKeeper(t *testing.T) *gilKeeper {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { r.Close(); w.Close() })
	return &gilKeeper{asker: newAsker(t, "crashes:app"), pipe: w, read: r, ended: make(chan struct{})}
}

func (k *gilKeeper) begin(t *testing.T) {
	target := "/keeps_gil?" + fdString(k.read)
	started := make(chan int)
	go func() {
		defer close(k.ended)
		k.askOn(t, &sink{}, target, started)
	}()
	k.thread = <-started
	require.Eventually(t, func() bool { return strings.Contains(stacks(t), "in keeps_gil") }, 10*time.Second, time.Millisecond)
}

func (k *gilKeeper) end(t *testing.T) {
	_, err := k.pipe.Write([]byte("x"))
	require.NoError(t, err)
	<-k.ended
}
