package scoreboard

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// roleVariable makes the test binary a worker: it is run again by the tests, with the board as descriptor 3.
const roleVariable = "SCOREBOARD_TEST_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		if err := playWorker(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// playWorker is in one request, halfway into another, out of a third, and in and out of many, until it is
// killed.
func playWorker() error {
	b, err := Open(3)
	if err != nil {
		return err
	}
	if _, err := unix.FcntlInt(3, unix.F_GETFD, 0); err != unix.EBADF {
		return fmt.Errorf("Open left descriptor 3 open: %w", err)
	}
	w := b.Worker(1)
	w.SetPID(os.Getpid())
	w.SetState(Ready)
	begin(w.Thread(0), Now(), "GET", "/crash?x=1")
	beginHalf(w.Thread(1), "POST", "/halfway")
	begin(w.Thread(2), Now(), "GET", "/done")
	w.Thread(2).End()
	busy := make(chan struct{})
	go writePatterns(w.Thread(3), func(number uint64) bool {
		if number == 1000 {
			close(busy)
		}
		return true
	})
	<-busy
	fmt.Println("busy")
	_, err = io.Copy(io.Discard, os.Stdin) // until the test ends, if it does not kill
	return err
}

// startWorker returns when playWorker is in its requests.
func startWorker(t *testing.T, b *Board) *exec.Cmd {
	fd, err := unix.FcntlInt(uintptr(b.FD()), unix.F_DUPFD_CLOEXEC, 0)
	require.NoError(t, err)
	file := os.NewFile(uintptr(fd), "scoreboard")
	defer file.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"=1")
	cmd.ExtraFiles = []*os.File{file}
	cmd.Stderr = os.Stderr
	_, err = cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "busy\n", line)
	return cmd
}

func TestTheMasterReadsWhatAKilledWorkerWasDoing(t *testing.T) {
	b := newBoardFor(t, 3, 4)
	w := b.Worker(1)
	for range 5 {
		w.Reset(0)
		before := Now()
		cmd := startWorker(t, b)
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())

		assert.Equal(t, cmd.Process.Pid, w.PID())
		assert.Equal(t, Ready, w.State())
		requests := w.InRequests()
		require.GreaterOrEqual(t, len(requests), 2)
		crash := requests[0]
		assert.Equal(t, "/crash?x=1", crash.Target)
		assert.False(t, crash.Torn)
		slack := time.Millisecond.Nanoseconds() // by which the processes' clocks may differ
		assert.GreaterOrEqual(t, crash.Entered, before-slack)
		assert.LessOrEqual(t, crash.Entered, crash.Seen+slack)

		assert.Equal(t, 1, requests[1].Thread)
		assert.Equal(t, "POST", requests[1].Method)
		assert.True(t, requests[1].Torn, "killed while it began")
		for _, r := range requests[2:] {
			require.Equal(t, 3, r.Thread, "thread 2 had ended its request")
			if !r.Torn {
				assert.Empty(t, patternFault(r))
			}
		}
		assert.Empty(t, b.Worker(0).InRequests(), "the other slots are untouched")
		assert.Empty(t, b.Worker(2).InRequests(), "the other slots are untouched")
	}
}

func TestTheDescriptorIsCloseOnExec(t *testing.T) {
	flags, err := unix.FcntlInt(uintptr(newBoardFor(t, 1, 1).FD()), unix.F_GETFD, 0)
	require.NoError(t, err)
	assert.NotZero(t, flags&unix.FD_CLOEXEC)
}

func TestNobodyCanTakeTheMemoryAway(t *testing.T) {
	b := newBoardFor(t, 1, 1)
	assert.ErrorIs(t, unix.Ftruncate(b.FD(), 0), unix.EPERM)
}

func TestOpenSharesTheBoardAndTakesTheDescriptor(t *testing.T) {
	master := newBoardFor(t, 2, 3)
	fd, err := unix.Dup(master.FD())
	require.NoError(t, err)
	worker, err := Open(fd)
	require.NoError(t, err)
	defer worker.Close()
	assert.Equal(t, -1, worker.FD())
	assert.Equal(t, 2, worker.Slots())
	assert.Equal(t, 3, worker.Worker(0).Threads())
	begin(worker.Worker(1).Thread(2), 5, "GET", "/shared")
	requests := master.Worker(1).InRequests()
	require.Len(t, requests, 1)
	assert.Equal(t, "/shared", requests[0].Target)
}

func TestOpenRefusesWhatIsNoBoardOfThisBuild(t *testing.T) {
	good := privateBoard(t, 2, 2).memory.bytes
	changed := func(word int, value byte) []byte {
		b := append([]byte(nil), good...)
		for i := range 8 {
			b[word*8+i] = value
		}
		return b
	}
	for _, c := range []struct {
		name  string
		bytes []byte
		says  string
	}{
		{"an empty file", nil, "no scoreboard"},
		{"a short file", good[:headerSize-1], "it has 127 bytes"},
		{"another magic", changed(0, 'x'), "no scoreboard: it begins with 0x7878787878787878"},
		{"another version", changed(1, 0), "another build of pyserve"},
		{"another size of header", changed(4, 1), "another build of pyserve"},
		{"another size of worker", changed(5, 1), "another build of pyserve"},
		{"another size of thread", changed(6, 1), "another build of pyserve"},
		{"no workers", changed(2, 0), "damaged"},
		{"impossibly many workers", changed(2, 0xff), "damaged"},
		{"no threads", changed(3, 0), "damaged"},
		{"impossibly many threads", changed(3, 0xff), "damaged"},
		{"cut off", good[:len(good)-1], "damaged"},
		{"too long", append(append([]byte(nil), good...), 0), "damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fd, err := unix.MemfdCreate("test", unix.MFD_CLOEXEC)
			require.NoError(t, err)
			defer unix.Close(fd)
			_, err = unix.Write(fd, c.bytes)
			require.NoError(t, err)
			_, err = Open(fd)
			assert.ErrorContains(t, err, fmt.Sprintf("descriptor %d", fd))
			assert.ErrorContains(t, err, c.says)
			_, err = unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			assert.NoError(t, err, "the descriptor is still the caller's")
		})
	}
}

func TestOpenRefusesADescriptorThatIsNoMemory(t *testing.T) {
	var pipe [2]int
	require.NoError(t, unix.Pipe2(pipe[:], unix.O_CLOEXEC))
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	_, err := Open(pipe[0])
	assert.ErrorContains(t, err, "no scoreboard")
	_, err = Open(-1)
	assert.ErrorIs(t, err, unix.EBADF)
}

func TestNowIsTheSystemsMonotonicClock(t *testing.T) {
	slack := time.Millisecond.Nanoseconds()
	before := monotonic()
	now := Now()
	after := monotonic()
	assert.GreaterOrEqual(t, now, before-slack)
	assert.LessOrEqual(t, now, after+slack)
}
