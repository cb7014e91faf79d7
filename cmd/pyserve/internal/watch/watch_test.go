package watch

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A tree is a folder with files, and the watcher of it.
type tree struct {
	*testing.T
	root string
	w    *Watcher
}

// newTree makes files below an empty folder, by their paths from there, each with its own path in it.
func newTree(t *testing.T, files ...string) *tree {
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	fixture := &tree{T: t, root: root}
	for _, file := range files {
		fixture.write(file, file)
	}
	return fixture
}

// watch watches the folder app of the tree, and files of AddFiles.
func (t *tree) watch(o Options, files ...string) *tree {
	t.Helper()
	if o.Roots == nil {
		o.Roots = []string{t.path("app")}
	}
	w, err := New(o)
	require.NoError(t, err)
	t.Cleanup(func() { w.Close() })
	t.w = w
	for i, file := range files {
		files[i] = t.path(file)
	}
	w.AddFiles(files)
	return t
}

func (t *tree) path(file string) string { return filepath.Join(t.root, filepath.FromSlash(file)) }

func (t *tree) write(file, content string) {
	t.Helper()
	t.mkdir(filepath.Dir(file))
	require.NoError(t, os.WriteFile(t.path(file), []byte(content), 0o644))
}

func (t *tree) mkdir(dir string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(t.path(dir), 0o755))
}

func (t *tree) rename(from, to string) {
	t.Helper()
	require.NoError(t, os.Rename(t.path(from), t.path(to)))
}

func (t *tree) remove(path string) {
	t.Helper()
	require.NoError(t, os.RemoveAll(t.path(path)))
}

// expect waits until all of files were reported changed, in one set or several, and no others.
func (t *tree) expect(files ...string) {
	t.Helper()
	want, seen := map[string]bool{}, map[string]bool{}
	for _, file := range files {
		want[t.path(file)] = true
	}
	for !maps.Equal(want, seen) {
		select {
		case set, ok := <-t.w.Changes():
			require.True(t, ok, "closed")
			require.True(t, slices.IsSorted(set))
			require.NotEmpty(t, set)
			for _, path := range set {
				require.True(t, want[path], "reported: %s", path)
				seen[path] = true
			}
		case <-time.After(20 * time.Second):
			require.Failf(t, "nothing more came", "of %v only %v", want, seen)
		}
	}
}

// expectNothing makes a change that counts and waits until it is reported, and nothing else.
func (t *tree) expectNothing() {
	t.Helper()
	t.write("app/sentinel.py", fmt.Sprint(time.Now()))
	t.expect("app/sentinel.py")
}

func TestWhatCountsAsAChange(t *testing.T) {
	for name, do := range map[string]func(t *tree){
		"a file is written": func(t *tree) { t.write("app/a.py", "new") },
		"a file is written with as many bytes as before": func(t *tree) { t.write("app/a.py", "APP/A.PY") },
		"an editor writes to another name, and renames": func(t *tree) {
			t.write("app/a.py.tmp123", "new")
			t.rename("app/a.py.tmp123", "app/a.py")
		},
		"an editor keeps the old file as a backup": func(t *tree) {
			t.rename("app/a.py", "app/a.py~")
			t.write("app/4913", "")
			t.write("app/a.py", "new")
			t.remove("app/4913")
			t.remove("app/a.py~")
		},
		"a file of the same size and time takes its place": func(t *tree) {
			info, err := os.Stat(t.path("app/a.py"))
			require.NoError(t, err)
			t.write("app/other", "APP/A.PY")
			require.NoError(t, os.Chtimes(t.path("app/other"), time.Time{}, info.ModTime()))
			t.rename("app/other", "app/a.py")
		},
		"a file is removed": func(t *tree) { t.remove("app/a.py") },
		"a file is made":    func(t *tree) { t.remove("app/a.py"); t.expect("app/a.py"); t.write("app/a.py", "again") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fixture := newTree(t, "app/a.py", "app/b.py").watch(Options{})
			do(fixture)
			fixture.expect("app/a.py")
			fixture.expectNothing()
		})
	}
}

func TestWhatDoesNotCountAsAChange(t *testing.T) {
	for name, do := range map[string]func(t *tree){
		"a file is read":           func(t *tree) { _, err := os.ReadFile(t.path("app/a.py")); require.NoError(t, err) },
		"its mode is changed":      func(t *tree) { require.NoError(t, os.Chmod(t.path("app/a.py"), 0o600)) },
		"its times are changed":    func(t *tree) { require.NoError(t, os.Chtimes(t.path("app/a.py"), time.Now(), time.Now())) },
		"the same is written":      func(t *tree) { t.write("app/a.py", "app/a.py") },
		"the same takes its place": func(t *tree) { t.write("app/new", "app/a.py"); t.rename("app/new", "app/a.py") },
		"an empty folder is made":  func(t *tree) { t.mkdir("app/empty/below") },
		"a FIFO is made":           func(t *tree) { require.NoError(t, mkfifo(t.path("app/pipe.py"))) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fixture := newTree(t, "app/a.py").watch(Options{})
			do(fixture)
			fixture.expectNothing()
		})
	}
}

func TestInRootsTheFilesOfAnApplicationCount(t *testing.T) {
	fixture := newTree(t, "app/a.py").watch(Options{})
	files := []string{}
	for _, name := range []string{
		"site.wsgi", "page.html", "PAGE.HTM", "mail.jinja", "mail.jinja2", "mail.j2", "mail.txt", "a.mako", "a.pt", "feed.xml",
		"de.po", "de.mo", "pyproject.toml", "a.yaml", "a.yml", "a.json", "a.ini", "setup.cfg", "a.env", ".env", ".env.local",
	} {
		files = append(files, "app/"+name, "app/templates/"+name)
	}
	for _, file := range files {
		fixture.write(file, "x")
	}
	fixture.expect(files...)
}

func TestInRootsOtherFilesDoNotCount(t *testing.T) {
	for _, file := range []string{
		"a.css", "a.js", "a.pyc", "a.log", "db.sqlite3", "README", "a.so",
		"a.py~", ".a.py.swp", ".a.py.swx", ".#a.py", "#a.py#", "4913", ".env.swp", ".env.local~",
		".git/config.py", ".hg/a.py", "__pycache__/a.py", ".venv/a.py", "node_modules/x/a.json", "lib/site-packages/a.py",
		"venv/lib/a.py", "ignored.json", "data/state.json", "generated/a.py",
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			fixture := newTree(t, "app/a.py", "app/venv/pyvenv.cfg").
				watch(Options{Ignore: []string{"ignored.*", "generated", "data/*.json"}})
			fixture.write("app/"+file, "new")
			fixture.expectNothing()
			fixture.write("app/"+file, "newer") // its folder was there by now
			fixture.expectNothing()
		})
	}
}

func TestAVirtualEnvironmentThatIsMadeInARootDoesNotCount(t *testing.T) {
	fixture := newTree(t, "app/a.py").watch(Options{})
	fixture.mkdir("app/env/lib")
	fixture.expectNothing()
	fixture.write("app/env/pyvenv.cfg", "home = /usr/bin")
	fixture.expectNothing()
	fixture.write("app/env/lib/late.py", "x")
	fixture.write("app/env/setup.cfg", "x")
	fixture.expectNothing()
}

func TestARootThatIsAVirtualEnvironmentCounts(t *testing.T) {
	fixture := newTree(t, "app/pyvenv.cfg", "app/src/a.py").watch(Options{})
	fixture.write("app/src/a.py", "new")
	fixture.expect("app/src/a.py")
}

func TestNewFoldersArePickedUp(t *testing.T) {
	fixture := newTree(t, "app/a.py", "elsewhere/x/y/z.py").watch(Options{})
	fixture.write("app/one/two/three/b.py", "x")
	fixture.expect("app/one/two/three/b.py")
	fixture.write("app/one/two/three/b.py", "y")
	fixture.write("app/one/two/c.py", "y")
	fixture.expect("app/one/two/three/b.py", "app/one/two/c.py")
	fixture.rename("elsewhere", "app/moved")
	fixture.expect("app/moved/x/y/z.py")
	fixture.write("app/moved/x/y/z.py", "y")
	fixture.expect("app/moved/x/y/z.py")
}

func TestARenamedFolderIsWatchedUnderItsNewName(t *testing.T) {
	// Several, as chance decides which parent is looked at first.
	var before, after, both []string
	for i := range 6 {
		before = append(before, fmt.Sprintf("app/p%d/old/sub/a.py", i))
		after = append(after, fmt.Sprintf("app/q%d/new/sub/a.py", i))
	}
	both = slices.Concat(before, after)
	fixture := newTree(t, before...)
	for i := range 6 {
		fixture.mkdir(fmt.Sprintf("app/q%d", i))
	}
	fixture.watch(Options{})
	for i := range 6 {
		fixture.rename(fmt.Sprintf("app/p%d/old", i), fmt.Sprintf("app/q%d/new", i))
	}
	fixture.expect(both...)
	for _, files := range [][]string{after, before, both} {
		for _, file := range files {
			fixture.write(file, fmt.Sprint(time.Now()))
		}
		fixture.expect(files...)
	}
}

func TestAFolderThatIsReplacedIsWatchedOn(t *testing.T) {
	fixture := newTree(t, "app/sub/a.py", "app/sub/b.py").watch(Options{})
	fixture.remove("app/sub")
	fixture.write("app/sub/a.py", "app/sub/a.py")
	fixture.expect("app/sub/b.py")
	fixture.write("app/sub/a.py", "new")
	fixture.expect("app/sub/a.py")
}

func TestARootThatIsALinkIsWatched(t *testing.T) {
	fixture := newTree(t, "real/a.py")
	require.NoError(t, os.Symlink(fixture.path("real"), fixture.path("link")))
	fixture.watch(Options{Roots: []string{fixture.path("link"), fixture.path("real")}})
	fixture.write("real/a.py", "new")
	fixture.expect("real/a.py")
}

func TestOptionsThatCannotBeAreErrors(t *testing.T) {
	fixture := newTree(t, "app/a.py")
	_, err := New(Options{Roots: []string{fixture.path("app/a.py")}, Ignore: []string{"[a"}})
	assert.ErrorContains(t, err, "a.py: it is not a directory")
	assert.ErrorContains(t, err, `"[a" is not a valid pattern`)
}

func TestCloseClosesTheChannel(t *testing.T) {
	fixture := newTree(t, "app/a.py").watch(Options{})
	require.NoError(t, fixture.w.Close())
	require.NoError(t, fixture.w.Close())
	_, open := <-fixture.w.Changes()
	assert.False(t, open)
	fixture.w.AddFiles([]string{fixture.path("app/a.py")})
}
