package watch

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A fake gives the events that a test sends, of real files on a fake clock.
type fake struct {
	events chan fsnotify.Event
	errors chan error
	fail   func(folder string) error // of Add; may be nil
	closed bool
}

// newFake is called inside the bubble: its channels have to belong to it.
func newFake() *fake {
	return &fake{events: make(chan fsnotify.Event), errors: make(chan error)}
}

func (f *fake) open() (source, error) { return source{f, f.events, f.errors}, nil }

func (f *fake) Add(folder string) error {
	if f.fail != nil {
		return f.fail(folder)
	}
	_, err := os.Stat(folder)
	return err
}

func (f *fake) Remove(string) error { return nil }

func (f *fake) Close() error {
	f.closed = true
	close(f.events)
	close(f.errors)
	return nil
}

// start watches the folder app by the fake events.
func (f *fake) start(t *tree, o Options) {
	o.Roots = []string{t.path("app")}
	w, err := newWatcher(o, f.open)
	require.NoError(t, err)
	t.w = w
}

// received returns the set that is there by now, or nil.
func (t *tree) received() []string {
	synctest.Wait()
	select {
	case set := <-t.w.Changes():
		for i, path := range set {
			set[i], _ = filepath.Rel(t.root, path)
		}
		return set
	default:
		return nil
	}
}

func TestABurstOfEventsIsOneSet(t *testing.T) {
	fixture := newTree(t, "app/a.py", "app/b.py", "app/c.html")
	synctest.Test(t, func(t *testing.T) {
		events := newFake()
		events.start(fixture, Options{})
		defer fixture.w.Close()
		for _, file := range []string{"app/c.html", "app/a.py", "app/b.py", "app/a.py"} {
			fixture.write(file, "new")
			events.events <- fsnotify.Event{Name: fixture.path(file), Op: fsnotify.Write}
			assert.Empty(t, fixture.received())
			time.Sleep(quiet - time.Millisecond)
		}
		assert.Empty(t, fixture.received())
		time.Sleep(time.Millisecond)
		assert.Equal(t, []string{"app/a.py", "app/b.py", "app/c.html"}, fixture.received())
		time.Sleep(time.Hour)
		assert.Empty(t, fixture.received())
	})
}

func TestEventsThatNeverPauseAreReportedAllTheSame(t *testing.T) {
	fixture := newTree(t, "app/a.py")
	synctest.Test(t, func(t *testing.T) {
		events := newFake()
		events.start(fixture, Options{})
		defer fixture.w.Close()
		fixture.write("app/a.py", "new")
		start := time.Now()
		for fixture.received() == nil {
			require.Less(t, time.Since(start), time.Second)
			events.events <- fsnotify.Event{Name: fixture.path("app/a.py"), Op: fsnotify.Write}
			time.Sleep(10 * time.Millisecond)
		}
	})
}

func TestEventsOfFilesThatDoNotCountDoNotDelayThoseThatDo(t *testing.T) {
	fixture := newTree(t, "app/a.py", "app/db.sqlite3")
	synctest.Test(t, func(t *testing.T) {
		events := newFake()
		events.start(fixture, Options{})
		defer fixture.w.Close()
		fixture.write("app/a.py", "new")
		events.events <- fsnotify.Event{Name: fixture.path("app/a.py"), Op: fsnotify.Write}
		synctest.Wait()
		time.Sleep(quiet - time.Millisecond)
		events.events <- fsnotify.Event{Name: fixture.path("app/db.sqlite3"), Op: fsnotify.Write}
		time.Sleep(time.Millisecond)
		assert.Equal(t, []string{"app/a.py"}, fixture.received())
	})
}

func TestChangesThatNobodyReceivesAreAddedUp(t *testing.T) {
	fixture := newTree(t, "app/a.py", "app/b.py")
	synctest.Test(t, func(t *testing.T) {
		events := newFake()
		events.start(fixture, Options{})
		defer fixture.w.Close()
		for _, file := range []string{"app/b.py", "app/a.py"} {
			fixture.write(file, "new")
			events.events <- fsnotify.Event{Name: fixture.path(file), Op: fsnotify.Write}
			time.Sleep(time.Minute)
		}
		assert.Equal(t, []string{"app/a.py", "app/b.py"}, fixture.received())
	})
}

func TestAFileThatWasWrittenIsReadThoughSizeAndTimeAreTheSame(t *testing.T) {
	fixture := newTree(t, "app/a.py")
	synctest.Test(t, func(t *testing.T) {
		events := newFake()
		events.start(fixture, Options{})
		defer fixture.w.Close()
		info, err := os.Stat(fixture.path("app/a.py"))
		require.NoError(t, err)
		fixture.write("app/a.py", "APP/A.PY")
		require.NoError(t, os.Chtimes(fixture.path("app/a.py"), time.Time{}, info.ModTime()))
		events.events <- fsnotify.Event{Name: fixture.path("app/a.py"), Op: fsnotify.Write}
		time.Sleep(quiet)
		assert.Equal(t, []string{"app/a.py"}, fixture.received())
	})
}

func TestLostEventsMakeItLookAtEverything(t *testing.T) {
	fixture := newTree(t, "app/a.py", "app/sub/b.py")
	synctest.Test(t, func(t *testing.T) {
		events := newFake()
		events.start(fixture, Options{})
		defer fixture.w.Close()
		fixture.write("app/sub/b.py", "newer")
		events.errors <- fsnotify.ErrEventOverflow
		time.Sleep(quiet)
		assert.Equal(t, []string{"app/sub/b.py"}, fixture.received())
	})
}

func TestWhenALimitIsReachedFilesArePolled(t *testing.T) {
	for name, test := range map[string]struct {
		limit error
		open  bool // the limit is met at the opening, not at a folder
	}{
		"of watches": {syscall.ENOSPC, false}, "of open files": {syscall.EMFILE, false}, "of instances": {syscall.EMFILE, true},
	} {
		t.Run(name, func(t *testing.T) {
			fixture := newTree(t, "app/a.py", "app/one/b.py", "app/two/c.py", "lib/mod.py")
			synctest.Test(t, func(t *testing.T) {
				events := newFake()
				var log bytes.Buffer
				added := 0
				events.fail = func(string) error {
					added++
					if added > 2 {
						return &os.PathError{Op: "inotify_add_watch", Err: test.limit}
					}
					return nil
				}
				open := events.open
				if test.open {
					open = func() (source, error) { return source{}, test.limit }
				}
				w, err := newWatcher(Options{Roots: []string{fixture.path("app")}, Log: slog.New(slog.NewTextHandler(&log, nil))}, open)
				require.NoError(t, err)
				fixture.w = w
				defer w.Close()
				w.AddFiles([]string{fixture.path("lib/mod.py")})
				assert.Equal(t, !test.open, events.closed)

				fixture.write("app/a.py", "longer than before")
				fixture.write("app/two/c.py", "longer than before")
				fixture.write("app/three/new.py", "")
				fixture.write("lib/mod.py", "longer than before")
				assert.Empty(t, fixture.received())
				time.Sleep(interval)
				assert.Equal(t, []string{"app/a.py", "app/three/new.py", "app/two/c.py", "lib/mod.py"}, fixture.received())

				info, err := os.Stat(fixture.path("app/one/b.py"))
				require.NoError(t, err)
				fixture.write("app/other", "APP/ONE/B.PY")
				require.NoError(t, os.Chtimes(fixture.path("app/other"), time.Time{}, info.ModTime()))
				fixture.rename("app/other", "app/one/b.py")
				time.Sleep(interval)
				assert.Equal(t, []string{"app/one/b.py"}, fixture.received(), "another file of the same size and time")

				fixture.remove("app/two")
				time.Sleep(interval)
				assert.Equal(t, []string{"app/two/c.py"}, fixture.received())

				assert.Equal(t, 1, strings.Count(log.String(), "\n"), log.String())
				assert.Contains(t, log.String(), "level=WARN")
				assert.Contains(t, log.String(), "fs.inotify.max_user_watches")
			})
		})
	}
}
