package trustedpath_test

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver/trustedpath"
)

const appending = os.O_WRONLY | os.O_APPEND | os.O_CREATE

// other is a user who is not root.
const other = 65534

// asRoot returns a folder of root's with a folder of another user in it, each with a file of its owner's.
func asRoot(t *testing.T) (roots, others string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	roots = t.TempDir()
	others = filepath.Join(roots, "others")
	require.NoError(t, os.Mkdir(others, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(roots, "precious"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(others, "file"), nil, 0o600))
	require.NoError(t, os.Chown(others, other, other))
	require.NoError(t, os.Chown(filepath.Join(others, "file"), other, other))
	return roots, others
}

func link(t *testing.T, target, path string, owner int) {
	t.Helper()
	require.NoError(t, os.Symlink(target, path))
	require.NoError(t, os.Lchown(path, owner, owner))
}

func TestRootFollowsNoLinkOfAnotherUser(t *testing.T) {
	roots, others := asRoot(t)
	link(t, "../precious", filepath.Join(others, "last"), other)
	link(t, "..", filepath.Join(others, "middle"), other)
	link(t, filepath.Join(others, "middle"), filepath.Join(roots, "detour"), 0)
	for _, path := range []string{others + "/last", others + "/middle/precious", others + "/middle/new", roots + "/detour/new"} {
		_, err := trustedpath.OpenFile(path, appending, 0o600)
		assert.ErrorIs(t, err, trustedpath.ErrLink, path)
	}
	_, err := trustedpath.Find(others + "/middle/new")
	assert.ErrorIs(t, err, trustedpath.ErrLink)
	assert.NoFileExists(t, roots+"/new")
}

func TestRootFollowsItsOwnLinks(t *testing.T) {
	roots, others := asRoot(t)
	link(t, "others", filepath.Join(roots, "folder"), 0)
	link(t, "folder/../others/./file", filepath.Join(roots, "last"), 0)
	link(t, filepath.Join(roots, "last"), filepath.Join(roots, "absolute"), 0)
	for _, path := range []string{roots + "/folder/file", roots + "/last", roots + "//absolute"} {
		f, err := trustedpath.OpenFile(path, appending, 0o600)
		require.NoError(t, err, path)
		_, err = f.WriteString("x")
		require.NoError(t, err)
		f.Close()
	}
	text, err := os.ReadFile(filepath.Join(others, "file"))
	require.NoError(t, err)
	assert.Equal(t, "xxx", string(text))
	link(t, "circle", filepath.Join(roots, "circle"), 0)
	_, err = trustedpath.OpenFile(roots+"/circle", appending, 0o600)
	assert.ErrorIs(t, err, unix.ELOOP)
}

func TestRootWritesToNoFileThatAnotherUserHasGivenASecondName(t *testing.T) {
	roots, others := asRoot(t)
	require.NoError(t, os.Link(filepath.Join(roots, "precious"), filepath.Join(others, "hard")))
	_, err := trustedpath.OpenFile(others+"/hard", appending, 0o600)
	assert.ErrorIs(t, err, trustedpath.ErrHardLink)
	require.NoError(t, os.Chmod(roots, 0o700)) // a copy by hard links in a folder of root's own, such as a snapshot
	f, err := trustedpath.OpenFile(roots+"/precious", appending, 0o600)
	require.NoError(t, err)
	f.Close()
}

func TestDevicesPipesAndDescriptorsAreOpened(t *testing.T) {
	roots, others := asRoot(t)
	require.NoError(t, unix.Mkfifo(others+"/fifo", 0o600))
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	link(t, "/proc/self/fd/"+strconv.Itoa(int(w.Fd())), filepath.Join(roots, "out"), 0)
	for _, path := range []string{"/dev/null", others + "/fifo", roots + "/out"} {
		f, err := trustedpath.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0)
		require.NoError(t, err, path)
		_, err = f.WriteString("x")
		assert.NoError(t, err, path)
		f.Close()
	}
	_, err = trustedpath.OpenFile(roots, os.O_RDONLY, 0)
	assert.Error(t, err)
}

func TestAPlaceIsWhatWasFoundWhateverItsPathLeadsToLater(t *testing.T) {
	roots, others := asRoot(t)
	p, err := trustedpath.Find(others + "/new")
	require.NoError(t, err)
	defer p.Close()
	require.NoError(t, os.Rename(others, roots+"/moved"))
	link(t, "/etc", others, other)
	f, err := p.Create(0o600)
	require.NoError(t, err)
	f.Close()
	assert.FileExists(t, roots+"/moved/new")
	_, err = p.Create(0o600)
	assert.ErrorIs(t, err, fs.ErrExist)

	temporary := p.Sibling("temporary")
	f, err = temporary.Create(0o600)
	require.NoError(t, err)
	f.Close()
	assert.ErrorIs(t, p.Link(temporary), fs.ErrExist)
	require.NoError(t, p.Replace(temporary))
	info, err := p.Stat()
	require.NoError(t, err)
	require.NoError(t, os.Rename(roots+"/moved/file", roots+"/moved/new"))
	assert.ErrorIs(t, p.Remove(info), fs.ErrExist, "another file has the name by now")
	info, err = p.Stat()
	require.NoError(t, err)
	require.NoError(t, p.Remove(info))
	assert.NoFileExists(t, roots+"/moved/new")
}

func TestOpenReadsRegularFilesOnlyAndWaitsForNobody(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(folder+"/file", []byte("text"), 0o600))
	require.NoError(t, unix.Mkfifo(folder+"/fifo", 0o600))
	require.NoError(t, os.Symlink("file", folder+"/link"))
	for name, want := range map[string]string{"file": "text", "fifo": "", "link": "", ".": ""} {
		p, err := trustedpath.Find(folder + "/" + name)
		require.NoError(t, err)
		f, err := p.Open()
		if want == "" {
			assert.Error(t, err, name)
		} else if assert.NoError(t, err) {
			text, _ := io.ReadAll(f)
			assert.Equal(t, want, string(text))
			f.Close()
		}
		p.Close()
	}
}

func TestOnlyASocketOfOneNameIsGivenAway(t *testing.T) {
	roots, others := asRoot(t)
	l, err := net.Listen("unix", others+"/s")
	require.NoError(t, err)
	defer l.Close()
	p, err := trustedpath.Find(others + "/s")
	require.NoError(t, err)
	defer p.Close()
	require.NoError(t, p.GiveSocket(other, -1, 0o660))
	info, err := os.Stat(others + "/s")
	require.NoError(t, err)
	assert.Equal(t, fs.ModeSocket|0o660, info.Mode())
	for name, put := range map[string]func(path string) error{
		"a file":                  func(path string) error { return os.Link(roots+"/precious", path) },
		"a link":                  func(path string) error { return os.Symlink("../precious", path) },
		"a socket with two names": func(path string) error { return errors.Join(os.Chown(others+"/s", 0, 0), os.Link(others+"/s", path)) },
	} {
		path := filepath.Join(others, "swapped")
		require.NoError(t, put(path), name)
		p, err := trustedpath.Find(path)
		require.NoError(t, err)
		assert.Error(t, p.GiveSocket(other, other, 0o660), name)
		p.Close()
		require.NoError(t, os.Remove(path))
	}
	var stat unix.Stat_t
	require.NoError(t, unix.Stat(roots+"/precious", &stat))
	assert.Zero(t, stat.Uid)
}
