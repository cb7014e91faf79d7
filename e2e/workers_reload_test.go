package e2e_test

import (
	"io"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// eachBirth runs a test for workers that import the application themselves, and for forked ones.
func eachBirth(t *testing.T, test func(t *testing.T, flags ...string)) {
	t.Helper()
	t.Run("started anew", func(t *testing.T) {
		t.Parallel()
		test(t)
	})
	t.Run("forked from a zygote", func(t *testing.T) {
		t.Parallel()
		test(t, "--preload")
	})
}

func TestWorkersAreReloadedWithoutAFailedRequest(t *testing.T) {
	t.Parallel()
	eachBirth(t, func(t *testing.T, flags ...string) {
		p := newProject(t)
		s := startService(t, projectApp, p.flags(t, append(flags, "--workers", "2")...)...)
		l := startLoad(t, s.server)
		stop := neverFewerThan(t, s, 2)
		for _, version := range []string{"2", "3", "4"} {
			before := s.status(t)
			p.write(t, version)
			s.signal(t, syscall.SIGHUP)
			l.waitForVersion(t, version)
			now := s.waitForReplaced(t, before.pids()...)
			assert.Equal(t, before.Generation+1, now.Generation)
			waitUntilGone(t, before.pids()...)
			for _, a := range l.next(t, 20) {
				require.Equal(t, version, a.version, "old workers are gone, but one has answered")
			}
		}
		stop()
		l.stop(t)
	})
}

// neverFewerThan watches the number of ready workers until the returned function is called.
func neverFewerThan(t *testing.T, s *service, workers int) (stop func()) {
	t.Helper()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
				now, err := s.askStatus()
				if err != nil || now.Serving < workers {
					t.Errorf("%d workers are ready: %+v (%v)", now.Serving, now, err)
					return
				}
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

func TestWorkersOfTheOldCodeGoOnWhenTheNewDoesNotStart(t *testing.T) {
	t.Parallel()
	eachBirth(t, func(t *testing.T, flags ...string) {
		p := newProject(t)
		s := startService(t, projectApp, p.flags(t, append(flags, "--workers", "2")...)...)
		l := startLoad(t, s.server)
		before := s.status(t)

		p.writeSource(t, "def app(:\n")
		code, stdout, stderr := s.control(t, "reload")
		assert.Equal(t, 1, code)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, "the old one goes on")
		s.stderr.waitForText(t, "SyntaxError")
		s.stderr.waitForText(t, "reload failed: generation 1 keeps serving")
		assert.Equal(t, 1, strings.Count(s.stderr.String(), "\n    SyntaxError"), "once, not once a worker")
		for _, a := range l.next(t, 20) {
			require.Equal(t, "1", a.version)
		}
		assert.Equal(t, before.pids(), s.waitUntilServing(t).pids(), "nothing has happened to the old workers")

		p.write(t, "2")
		code, stdout, stderr = s.control(t, "reload")
		assert.Equal(t, 0, code, stderr)
		assert.Contains(t, stdout, "2 workers ready")
		s.waitForReplaced(t, before.pids()...)
		for _, a := range l.next(t, 20) {
			require.Equal(t, "2", a.version)
		}
		l.stop(t)
	})
}

func TestWorkersFinishTheirRequestsBeforeAReloadEndsThem(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	s := startService(t, projectApp, p.flags(t)...)
	old := s.status(t).pids()
	kept := s.keep(t) // idle, after a request
	require.Equal(t, old[0], kept.pid(t))
	upload := s.keep(t) // half-way
	require.Equal(t, old[0], upload.pid(t))
	_, err := io.WriteString(upload, head("POST", "/answer?n=7", "Content-Length: 10")+"01234")
	require.NoError(t, err)
	w := startWaiting(t, s.server)
	p.write(t, "2")
	s.reload(t)

	_, err = io.WriteString(upload, "56789")
	require.NoError(t, err)
	assert.Contains(t, upload.read(t).Body, "1 "+itoa(old[0])+" 7 10 ")
	require.Equal(t, old[0], kept.pid(t), "what is idle may be about to be used: it gets one more")
	assert.Empty(t, readToEnd(t, kept), "then it is closed")
	assert.NotEqual(t, old[0], ask[int](t, s, "/pid"))
	require.True(t, alive(old[0]), "a request is still running")
	w.finish(t)
	waitUntilGone(t, old...)
}

func TestWorkersServeOnlyWhenTheyHaveAnsweredTheWarmUp(t *testing.T) {
	t.Parallel()
	eachBirth(t, func(t *testing.T, flags ...string) {
		p := newProject(t)
		fifo := filepath.Join(t.TempDir(), "fifo")
		require.NoError(t, syscall.Mkfifo(fifo, 0o600))
		s := launchService(t, need(t, "PYSERVE_BIN"), projectApp,
			p.flags(t, append(flags, "--warmup", "/warm?fifo="+fifo)...)...)
		release := reached(t, fifo)
		assert.Equal(t, 0, s.status(t).Serving)
		assert.NotContains(t, s.stderr.String(), "ready on")
		release()
		s.waitUntilServing(t)

		p.writeSource(t, `from apps.workers import make; app = make("2", "500 Broken")`)
		reloaded := make(chan int)
		go func() {
			code, _, _ := s.control(t, "reload")
			reloaded <- code
		}()
		reached(t, fifo)()
		assert.Equal(t, 1, <-reloaded)
		s.stderr.waitForText(t, "--warmup /warm?fifo="+fifo+": the answer is 500")
		s.stderr.waitForText(t, "generation 1 keeps serving")
		assert.Contains(t, s.client(t).get(t, "/answer?n=1").Body, "1 ")
	})
}

// reached waits until somebody reads from a named pipe; release lets them go on.
func reached(t *testing.T, fifo string) (release func()) {
	t.Helper()
	fd := -1
	require.Eventually(t, func() (open bool) {
		var err error
		fd, err = syscall.Open(fifo, syscall.O_WRONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
		return err == nil
	}, patience, time.Millisecond, "nobody reads from the pipe")
	return func() { require.NoError(t, syscall.Close(fd)) }
}

func TestWorkersThatFailTheirFirstWarmUpEndTheServer(t *testing.T) {
	t.Parallel()
	eachBirth(t, func(t *testing.T, flags ...string) {
		s := launch(t, `apps.workers:make("1", "503 Not yet")`, append(flags, "--warmup", "/warm", "--workers", "2")...)
		assert.Equal(t, 1, s.exitCode(t))
		assert.Contains(t, s.stderr.String(), "--warmup /warm: the answer is 503")
		assert.NotContains(t, s.stderr.String(), "ready on")
	})
}

func TestWorkersThatCannotImportEndTheServerWithOneTraceback(t *testing.T) {
	t.Parallel()
	eachBirth(t, func(t *testing.T, flags ...string) {
		s := launch(t, "apps.raises_at_import:app", append(flags, "--workers", "4")...)
		assert.Equal(t, 1, s.exitCode(t))
		assert.Equal(t, 1, strings.Count(s.stderr.String(), "Traceback"))
		assert.Contains(t, s.stderr.String(), "ZeroDivisionError")
		assert.NotContains(t, s.stderr.String(), "ready on")
	})
}
