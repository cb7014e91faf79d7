//go:build cgo

package zygote_test

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/pyhost"
	"github.com/pyserve/pyserve/pyhost/zygote"
)

// begin starts a zygote for an application of testdata/apps/preloaded.py, with so many Python threads in its workers.
func begin(t *testing.T, app string, threads int) *zygote.Zygote {
	t.Helper()
	z, _ := beginWith(t, app, threads)
	return z
}

// beginWith returns what the zygote and its workers write, too.
func beginWith(t *testing.T, app string, threads int) (*zygote.Zygote, *os.File) {
	t.Helper()
	configuration, err := pythonConfig().Preload(app)
	require.NoError(t, err)
	output, its, err := os.Pipe()
	require.NoError(t, err)
	defer its.Close()
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), "PYSERVE_TEST_APP="+app, "PYSERVE_TEST_THREADS="+strconv.Itoa(threads))
	cmd.Stdout, cmd.Stderr = its, os.Stderr
	z, err := zygote.Start(cmd, configuration)
	require.NoError(t, err)
	t.Cleanup(func() {
		z.Close()
		output.Close()
	})
	return z, output
}

// worker is one as its master knows it.
type worker struct {
	*zygote.Child
	control net.Conn
}

// spawn returns when the worker is ready. It ends with the test.
func spawn(t *testing.T, z *zygote.Zygote) worker {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	mine := os.NewFile(uintptr(fds[0]), "control")
	control, err := net.FileConn(mine)
	require.NoError(t, err)
	mine.Close()
	child, err := z.Spawn("PYSERVE_WORKER={0}", fds[1])
	syscall.Close(fds[1])
	require.NoError(t, err)
	w := worker{child, control}
	t.Cleanup(func() {
		control.Close()
		child.Wait()
	})
	t.Log("worker", child.PID(), w.receive(t))
	return w
}

func (w worker) receive(t *testing.T) string {
	t.Helper()
	buffer := make([]byte, 64<<10)
	n, err := w.control.Read(buffer)
	require.NoError(t, err)
	return string(buffer[:n])
}

func (w worker) get(t *testing.T, path string) string {
	t.Helper()
	_, err := w.control.Write([]byte(path))
	require.NoError(t, err)
	return w.receive(t)
}

func TestAWorkerHasTheApplicationThatTheZygoteImported(t *testing.T) {
	w := spawn(t, begin(t, "preloaded:make()", 1))
	var state map[string]any
	require.NoError(t, json.Unmarshal([]byte(w.get(t, "/state")), &state))
	assert.Equal(t, map[string]any{
		"made by the parent only": true, "frozen": true, "collects": true,
		"hooks": []any{"before", "after in child"}, "variables": []any{},
		"main thread": true, "main thread's native id": true, "threads": 1.0, "sys.argv": []any{"pyserve", "an argument"},
	}, state)
}

func TestAWorkerHasNoDescriptorOfTheZygotesOrOfAnotherWorker(t *testing.T) {
	z := begin(t, "preloaded:app", 1)
	spawn(t, z)
	assert.JSONEq(t, `{"socket": 1, "pidfd": 0}`, spawn(t, z).get(t, "/descriptors"), "its control socket")
}

func TestTheApplicationsSignalHandlersWorkInAWorker(t *testing.T) {
	w := spawn(t, begin(t, "preloaded:app", 1))
	assert.Equal(t, "1", w.get(t, "/alarm"))
}

func TestAWorkerCanFork(t *testing.T) {
	w := spawn(t, begin(t, "preloaded:app", 1))
	assert.Equal(t, "7", w.get(t, "/fork"))
	assert.Equal(t, "7", w.get(t, "/fork"))
}

func TestWorkersOfOneZygoteDoNotShareRandomNumbers(t *testing.T) {
	z := begin(t, "preloaded:app", 3)
	assert.NotEqual(t, spawn(t, z).get(t, "/random"), spawn(t, z).get(t, "/random"))
}

func TestTheEndOfAWorkerIsReportedWithItsStatus(t *testing.T) {
	z := begin(t, "preloaded:app", 1)
	killed, other := spawn(t, z), spawn(t, z)
	require.NoError(t, syscall.Kill(killed.PID(), syscall.SIGKILL))
	status, err := killed.Wait()
	require.NoError(t, err)
	assert.Equal(t, syscall.SIGKILL, status.Signal())

	other.control.Close()
	status, err = other.Wait()
	require.NoError(t, err)
	assert.True(t, status.Exited() && status.ExitStatus() == 0, "status %x", status)
}

func TestAWorkerThatEndedIsReplacedWithoutAnotherImport(t *testing.T) {
	z := begin(t, "preloaded:app", 1)
	first := spawn(t, z)
	require.NoError(t, syscall.Kill(first.PID(), syscall.SIGKILL))
	first.Wait()
	second := spawn(t, z)
	assert.Equal(t, strconv.Itoa(second.PID()), second.get(t, "/pid"))
}

func TestWorkersOutliveTheirZygote(t *testing.T) {
	z := begin(t, "preloaded:app", 1)
	w := spawn(t, z)
	z.Close()
	assert.Equal(t, strconv.Itoa(w.PID()), w.get(t, "/pid"))
	_, err := w.Wait()
	assert.ErrorIs(t, err, zygote.ErrEnded)
	_, err = z.Spawn("PYSERVE_WORKER=1")
	assert.ErrorIs(t, err, zygote.ErrEnded)
}

func TestARetiredZygoteEndsWithItsLastWorker(t *testing.T) {
	z := begin(t, "preloaded:app", 1)
	w := spawn(t, z)
	z.Retire()
	w.control.Close()
	status, err := w.Wait()
	require.NoError(t, err)
	assert.Zero(t, status)
	<-z.Ended()
}

func TestSignalsToTheWholeGroupDoNotEndAZygote(t *testing.T) {
	z := begin(t, "preloaded:app", 1)
	threads, err := z.Ready()
	require.NoError(t, err)
	assert.Empty(t, threads)
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTERM} {
		require.NoError(t, syscall.Kill(z.PID(), s))
	}
	w := spawn(t, z)
	assert.Equal(t, strconv.Itoa(w.PID()), w.get(t, "/pid"))
}

func TestAProcessThatTheImportLeavesDoesNotKeepTheZygotesEndASecret(t *testing.T) {
	z := begin(t, "preloaded:leaves_a_process()", 1)
	w := spawn(t, z)
	z.Close()
	assert.Equal(t, strconv.Itoa(w.PID()), w.get(t, "/pid"))
}

func TestThreadsThatTheImportLeavesAreNamed(t *testing.T) {
	threads, err := begin(t, "preloaded:leaves_a_thread()", 1).Ready()
	require.NoError(t, err)
	require.Len(t, threads, 1)
	assert.Regexp(t, `^leftover in .*threading\.py:\d+$`, threads[0])
}

func TestThreadsOfCCodeAreTold(t *testing.T) {
	threads, err := begin(t, "preloaded:leaves_native_threads()", 1).Ready()
	require.NoError(t, err)
	require.Len(t, threads, 1)
	assert.Contains(t, threads[0], zygote.Native+"2 named pool")
}

func TestAFailedImportIsReported(t *testing.T) {
	for name, test := range map[string]struct {
		app, message string
		traceback    string
	}{
		"an exception":                   {"raises_at_import:app", "ZeroDivisionError: division by zero", "raises_at_import.py"},
		"an exit":                        {"preloaded:exits()", "SystemExit: 3", "preloaded.py"},
		"a module that is not there":     {"nowhere:app", `there is no module named 'nowhere'`, ""},
		"an attribute that is not there": {"preloaded:wsgi", "preloaded has no attribute 'wsgi'", ""},
	} {
		t.Run(name, func(t *testing.T) {
			z := begin(t, test.app, 1)
			_, err := z.Ready()
			var failure *zygote.ImportError
			require.ErrorAs(t, err, &failure)
			assert.ErrorContains(t, err, test.message)
			assert.Contains(t, failure.Traceback, test.traceback)
			assert.Equal(t, test.traceback == "", failure.Traceback == "")
			_, err = z.Spawn("PYSERVE_WORKER=1")
			assert.ErrorIs(t, err, zygote.ErrEnded)
		})
	}
}

func TestACrashAtTheImportIsReported(t *testing.T) {
	_, err := begin(t, "preloaded:crashes()", 1).Ready()
	assert.ErrorIs(t, err, zygote.ErrEnded)
	assert.ErrorContains(t, err, "segmentation fault")
}

func TestCloseEndsAZygoteThatHangsAtTheImport(t *testing.T) {
	z, output := beginWith(t, "preloaded:hangs()", 1)
	line := make([]byte, len("importing\n"))
	_, err := output.Read(line)
	require.NoError(t, err)
	z.Close()
	_, err = z.Ready()
	assert.ErrorIs(t, err, zygote.ErrEnded)
}

func TestAnInterpreterThatDoesNotStartIsReported(t *testing.T) {
	t.Setenv("PYTHONHOME", "/nowhere")
	_, err := begin(t, "preloaded:app", 1).Ready()
	var failure *zygote.ImportError
	require.ErrorAs(t, err, &failure)
	assert.ErrorContains(t, err, "the zygote does not start")
}

func TestAFlaskApplicationIsServedByWorkersOfAZygote(t *testing.T) {
	if os.Getenv("PYSERVE_VENV") == "" {
		if testing.Short() {
			t.Skip("PYSERVE_VENV is not set: Flask is not here")
		}
		t.Fatal("PYSERVE_VENV is not set: run the tests with `make test`, or skip this one with -short")
	}
	z := begin(t, "flaskapp:app", 4)
	for range 2 {
		assert.Contains(t, spawn(t, z).get(t, "/hello"), "Hello from Flask")
	}
}

func TestAConfigurationWithNULIsRefused(t *testing.T) {
	_, err := pyhost.Config{}.Preload("module\x00:app")
	assert.ErrorContains(t, err, "NUL")
}
