package pyhost_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/environ"
	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/pyhost"
)

func TestTheObjectsOfARequestAreGoodPythonObjects(t *testing.T) {
	a := newAsker(t, "reviewed:app")
	assert.Equal(t, "(status, response_headers, exc_info=None) (data, /) () (size=-1, /) (text, /)", a.content(t, "/signatures"))
	assert.Equal(t, "True", a.content(t, "/references"), "weak references")
	assert.Equal(t, strings.TrimSpace(strings.Repeat("TypeError ", 6)), a.content(t, "/types"))
	assert.Equal(t, "first line\nsecond\n", a.content(t, "/decoded"))
	assert.Equal(t, "False", a.content(t, "/keep"))
	assert.Equal(t, "[True, True, True, True, True, True]", a.content(t, "/stale"), "the input is closed after its request")
}

// pieces is a log that keeps what it gets, and waits in each call until it may go on.
type pieces struct {
	mu    sync.Mutex
	taken []string
	enter chan struct{} // nil: no waiting
	leave chan struct{}
}

func (p *pieces) Enabled(context.Context, slog.Level) bool { return true }
func (p *pieces) WithAttrs([]slog.Attr) slog.Handler       { return p }
func (p *pieces) WithGroup(string) slog.Handler            { return p }
func (p *pieces) Handle(_ context.Context, r slog.Record) error {
	if p.enter != nil {
		p.enter <- struct{}{}
		<-p.leave
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken = append(p.taken, r.Message)
	return nil
}

func TestALineOfTheErrorsStreamThatNeverEndsIsHandedOn(t *testing.T) {
	log := &pieces{}
	defer pyhost.RedirectErrors(slog.New(log))()
	newAsker(t, "reviewed:app").content(t, "/dots")
	all := 0
	for _, piece := range log.taken {
		assert.LessOrEqual(t, len(piece), 64<<10+1)
		all += len(piece)
	}
	assert.Equal(t, 300_000, all)
}

func TestThreadsThatWriteToOneErrorsStreamLoseNothing(t *testing.T) {
	log := &pieces{}
	defer pyhost.RedirectErrors(slog.New(log))()
	newAsker(t, "reviewed:app").content(t, "/writers")
	all := strings.Join(log.taken, "")
	assert.Equal(t, [2]int{8000, 8000}, [2]int{strings.Count(all, "ab"), strings.Count(all, "c")})
}

func TestAnErrorsStreamThatDiesStopsNobody(t *testing.T) {
	log := &pieces{enter: make(chan struct{}), leave: make(chan struct{})}
	defer pyhost.RedirectErrors(slog.New(log))()
	a, ended := newAsker(t, "reviewed:app"), make(chan struct{})
	a.content(t, "/keep_errors")
	go func() {
		defer close(ended)
		a.content(t, "/drop_errors")
	}()
	select {
	case <-log.enter:
	case <-time.After(time.Minute):
		t.Fatal("the last line never came")
	}
	assert.Equal(t, "ticked", a.content(t, "/tick"), "while the log does not take the line")
	close(log.leave)
	<-ended
	assert.Equal(t, []string{"the last line"}, log.taken)
}

func TestAnInterruptLeavesNothingBehind(t *testing.T) {
	a, helper := newAsker(t, "reviewed:app"), newAsker(t, "crashes:app")
	if a.content(t, "/find_flag") == "0" {
		t.Skip("CPython 3.13 and later keep nothing for all threads")
	}
	require.Equal(t, "clean", a.content(t, "/flag"))
	for name, spec := range map[string]string{"delivered": "crashes:app", "not delivered": "crashes:ends"} {
		t.Run(name, func(t *testing.T) {
			helper.content(t, "/clear")
			if spec == "crashes:app" {
				r := helper.begin(t, newAsker(t, "crashes:app"), "/spins")
				require.NoError(t, host.Interrupt(context.Background(), r.number))
				<-r.ended
			} else {
				interruptTooLate(t)
			}
			assert.Equal(t, "clean", a.content(t, "/flag"), "every thread looks for an exception all the time")
		})
	}
}

// interruptTooLate interrupts a request whose Python code has run to its end.
func interruptTooLate(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	ends := newAsker(t, "crashes:ends")
	onThread(t, func(thread int) {
		response := &announcing{written: make(chan struct{})}
		go func() {
			<-response.written
			assert.NoError(t, host.Interrupt(context.Background(), host.Running(thread)))
			w.Write([]byte("x"))
		}()
		ends.serve(thread, response, "/?"+fdString(r))
	})
}

func TestTheStacksAreWrittenWhateverTheApplicationHasDoneToFaulthandler(t *testing.T) {
	helper, a := newAsker(t, "crashes:app"), newAsker(t, "crashes:app")
	assert.Equal(t, "taken", newAsker(t, "reviewed:app").content(t, "/takes_sigio"))
	helper.content(t, "/clear")
	r := a.begin(t, helper, "/waits")
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, host.DumpStacks(int(f.Fd())))
	dump, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	require.NoError(t, err)
	assert.Contains(t, string(dump), "in waits")
	helper.content(t, "/release")
	<-r.ended
}

func TestAThreadsStackIsSeenWithTheGILIfThatCanBeHad(t *testing.T) {
	helper, a, stuck := newAsker(t, "crashes:app"), newAsker(t, "crashes:app"), newGILKeeper(t)
	helper.content(t, "/clear")
	threads := make(chan int)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.askOn(t, &sink{}, "/waits", threads)
	}()
	thread := <-threads
	helper.content(t, "/arrival")
	stack, err := host.Stack(context.Background(), thread)
	require.NoError(t, err)
	assert.Regexp(t, `^Thread 0x[0-9a-f]{16} \(most recent call first\):\n(  File .*\n)+`, stack)
	assert.Contains(t, stack, "in waits")
	stuck.begin(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err = host.Stack(ctx, thread)
	assert.ErrorIs(t, err, pyhost.ErrGILBusy)
	stuck.end(t)
	helper.content(t, "/release")
	<-ended
	assert.Contains(t, host.ThreadStack("Thread 0x1 (most recent call first):\n  File \"x\"\n\n...\n", thread), "not among the first 100")
	assert.Empty(t, host.ThreadStack("Thread 0x1 (most recent call first):\n  File \"x\"\n", thread))
}

func TestAChildClosesDescriptorsWithLargeNumbers(t *testing.T) {
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	if limit.Max < 70_001 {
		t.Skip("the limit of descriptors is too low")
	}
	raised := limit
	raised.Cur = limit.Max
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &raised))
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	number, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 70_000)
	require.NoError(t, err)
	defer unix.Close(number)
	host.Opened(number)
	assert.Equal(t, "0", newAsker(t, "seam:descriptors").content(t, "/?"+strconv.Itoa(number)))
	host.Closed(number)
	assert.Equal(t, "1", newAsker(t, "seam:descriptors").content(t, "/?"+strconv.Itoa(number)), "one that is not the server's")
}

func TestRequestsHaveNumbersOfTheirOwnBeyondFourThousandMillions(t *testing.T) {
	helper := newAsker(t, "crashes:app")
	seen := map[uint64]bool{0: true}
	for range threads * 3 {
		pyhost.PassGenerations(1<<32 - 1)
		helper.content(t, "/clear")
		a := newAsker(t, "crashes:app")
		r := a.begin(t, helper, "/spins")
		assert.False(t, seen[r.number], "none, or an earlier one's")
		seen[r.number] = true
		require.NoError(t, host.Interrupt(context.Background(), r.number))
		<-r.ended
	}
}

func TestAWrappedFileIsSentThoughItsDescriptorIsAnothersByThen(t *testing.T) {
	app := loadApp(t, "reviewed:file_swapped")
	onThread(t, func(thread int) {
		result, err := app.Call(thread, &gateway.Exchange{ID: "1"})
		require.NoError(t, err)
		defer result.Body.Close()
		require.NotNil(t, result.File)
		defer result.File.F.Close()
		content, err := io.ReadAll(result.File.F)
		require.NoError(t, err)
		assert.Equal(t, "content", string(content))
	})
}

func TestWhatIsNoFileOfADiskIsRead(t *testing.T) {
	app := loadApp(t, "reviewed:files")
	builder, err := environ.NewBuilder(environ.Config{})
	require.NoError(t, err)
	for _, target := range []string{"/procfs", "/device", "/empty", "/text", "/closed", "/sparse"} {
		onThread(t, func(thread int) {
			x := &gateway.Exchange{ID: "1"}
			require.NoError(t, builder.Build(&x.Environ, &httpserver.Request{
				Method: []byte("GET"), Target: []byte(target), Proto: "HTTP/1.1", Scheme: "http",
			}))
			result, err := app.Call(thread, x)
			require.NoError(t, err)
			defer result.Body.Close()
			assert.Nil(t, result.File, target)
		})
	}
}
