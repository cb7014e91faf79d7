package watch

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOfAddFilesOnlyThoseFilesCount(t *testing.T) {
	fixture := newTree(t, "app/a.py", "lib/site-packages/mod.py", "lib/site-packages/other.py", "lib/ext.so").
		watch(Options{}, "lib/site-packages/mod.py", "lib/ext.so")
	fixture.write("lib/site-packages/other.py", "new")
	fixture.write("lib/site-packages/third.py", "new")
	fixture.expectNothing()
	fixture.write("lib/site-packages/mod.py", "new")
	fixture.write("lib/ext.so", "new")
	fixture.expect("lib/site-packages/mod.py", "lib/ext.so")
}

func TestAddFilesCountInFoldersThatARootLeavesOut(t *testing.T) {
	fixture := newTree(t, "app/a.py", "app/venv/pyvenv.cfg", "app/venv/lib/mod.py").watch(Options{}, "app/venv/lib/mod.py")
	fixture.write("app/venv/lib/mod.py", "new")
	fixture.expect("app/venv/lib/mod.py")
}

func TestAddFilesKeepsAChangeThatWasNotYetSeen(t *testing.T) {
	fixture := newTree(t, "app/a.py").watch(Options{})
	fixture.write("app/a.py", "new")
	fixture.w.AddFiles([]string{fixture.path("app/a.py")})
	fixture.expect("app/a.py")
}

func TestAnIgnoredFileDoesNotCountByAddFiles(t *testing.T) {
	fixture := newTree(t, "app/a.py", "lib/local.py").watch(Options{Ignore: []string{"local.py"}}, "lib/local.py")
	fixture.write("lib/local.py", "new")
	fixture.expectNothing()
}

func TestAFileThatIsALinkCountsByWhatItLeadsTo(t *testing.T) {
	fixture := newTree(t, "app/a.py", "store/v1/mod.py", "store/v2/mod.py", "lib/x.py")
	require.NoError(t, os.Symlink(fixture.path("store/v1/mod.py"), fixture.path("lib/mod.py")))
	fixture.watch(Options{}, "lib/mod.py")
	fixture.write("store/v1/mod.py", "new")
	fixture.expect("store/v1/mod.py")
	require.NoError(t, os.Symlink(fixture.path("store/v2/mod.py"), fixture.path("lib/tmp")))
	fixture.rename("lib/tmp", "lib/mod.py")
	fixture.expect("lib/mod.py")
}

func TestWhatDoesNotExistYetIsWaitedFor(t *testing.T) {
	for name, file := range map[string]string{
		"a root": "app/sub/a.py", "a file": "there/late.py", "a file's folder": "not/there/yet/mod.py",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fixture := newTree(t, "there/x.py").watch(Options{}, "there/late.py", "not/there/yet/mod.py")
			fixture.write(file, "1")
			fixture.expect(file)
			fixture.write(file, "2")
			fixture.expect(file)
		})
	}
}

func TestWhatVanishesIsReportedAndWaitedFor(t *testing.T) {
	for name, test := range map[string]struct{ gone, file string }{
		"a root":               {"app", "app/a.py"},
		"a folder in a root":   {"app/sub", "app/sub/b.py"},
		"a file":               {"lib/mod.py", "lib/mod.py"},
		"a file's folder":      {"lib", "lib/mod.py"},
		"all folders above it": {"lib", "lib/deep/mod.py"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fixture := newTree(t, test.file).watch(Options{}, "lib/mod.py", "lib/deep/mod.py")
			fixture.remove(test.gone)
			fixture.expect(test.file)
			fixture.write(test.file, "1")
			fixture.expect(test.file)
			fixture.write(test.file, "2")
			fixture.expect(test.file)
		})
	}
}
