package e2e_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stolenFolder returns a folder of nobody's in one of root's that everybody may enter, and a file of root's.
func stolenFolder(t *testing.T) (folder, precious string, uid, gid int) {
	t.Helper()
	_, uid, gid = nobody(t)
	roots, err := os.MkdirTemp("", "ps") // short enough for a socket
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(roots) })
	require.NoError(t, os.Chmod(roots, 0o755))
	folder, precious = filepath.Join(roots, "nobodys"), filepath.Join(roots, "precious")
	require.NoError(t, os.Mkdir(folder, 0o755))
	require.NoError(t, os.Chown(folder, uid, gid))
	require.NoError(t, os.WriteFile(precious, []byte("precious"), 0o600))
	return folder, precious, uid, gid
}

// as runs a shell command as another user.
func as(t *testing.T, uid, gid int, command string) {
	t.Helper()
	cmd := exec.Command("sh", "-ec", command)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// owner returns who has the file, not following links.
func owner(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Lstat(path)
	require.NoError(t, err)
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

func untouched(t *testing.T, precious string) {
	t.Helper()
	assert.Zero(t, owner(t, precious), "a file of root's was given away")
	text, err := os.ReadFile(precious)
	require.NoError(t, err)
	assert.Equal(t, "precious", string(text))
}

func TestALogThatTheUserReplacesLeadsRootNowhere(t *testing.T) {
	t.Parallel()
	for name, swap := range map[string]string{
		"by a link":                   "rm logs/access.log; ln -s ../../precious logs/access.log",
		"by a link to nothing":        "rm logs/access.log; ln -s ../../new logs/access.log",
		"by a link for its folder":    "mv logs old; ln -s .. logs",
		"by a folder":                 "rm logs/access.log; mkdir logs/access.log",
		"by a pipe that nobody reads": "rm logs/access.log; mkfifo logs/access.log",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, precious, uid, gid := stolenFolder(t)
			log := filepath.Join(folder, "logs", "access.log")
			as(t, uid, gid, "mkdir "+filepath.Dir(log))
			s := startService(t, "apps.workers:app", "--user", "nobody", "--access-log", log)
			assert.Equal(t, uid, owner(t, log))
			as(t, uid, gid, "cd "+folder+"; "+swap)
			s.signal(t, syscall.SIGUSR1)
			s.control(t, "reload") // which may fail: new workers may write no log
			assert.NotZero(t, ask[int](t, s, "/pid"))
			untouched(t, precious)
			assert.NoFileExists(t, filepath.Join(filepath.Dir(folder), "new"))
			assert.NoFileExists(t, filepath.Join(filepath.Dir(folder), "access.log"))
		})
	}
}

func TestAFileOfAnothersIsNotGivenAwayForALog(t *testing.T) {
	t.Parallel()
	folder, precious, uid, gid := stolenFolder(t)
	require.NoError(t, os.Link(precious, filepath.Join(folder, "hard"))) // as it may be where fs.protected_hardlinks is 0
	as(t, uid, gid, "ln -s "+precious+" "+folder+"/soft")
	for _, log := range []string{folder + "/hard", folder + "/soft", precious} {
		s := launch(t, "apps.workers:app", "--user", "nobody", "--access-log", log)
		assert.Equal(t, 1, s.exitCode(t), log)
		assert.Contains(t, s.stderr.String(), "may not write the access log "+log)
		untouched(t, precious)
	}
}

func TestALogInAFolderOfRootsIsMadeForTheUser(t *testing.T) {
	t.Parallel()
	folder, _, uid, _ := stolenFolder(t)
	log := filepath.Join(filepath.Dir(folder), "access.log")
	s := startService(t, "apps.workers:app", "--user", "nobody", "--access-log", log)
	assert.Equal(t, uid, owner(t, log))
	require.NoError(t, os.Rename(log, log+".1"))
	s.signal(t, syscall.SIGUSR1)
	for _, pid := range s.status(t).pids() {
		require.Eventually(t, func() bool { return holds(pid, log) }, patience, 5*time.Millisecond)
	}
	assert.Equal(t, uid, owner(t, log))
}

func TestDevicesAndStreamsKeepTheirOwner(t *testing.T) {
	t.Parallel()
	nobody(t)
	for _, log := range []string{"/dev/null", "/dev/stdout", "/proc/self/fd/1", "/dev/stderr"} {
		before := owner(t, "/dev/null")
		s := startService(t, "apps.workers:app", "--user", "nobody", "--access-log", log)
		assert.NotZero(t, ask[int](t, s, "/pid"))
		switch log {
		case "/dev/stdout", "/proc/self/fd/1":
			s.stdout.waitForText(t, `"GET /pid HTTP/1.1" 200`)
		case "/dev/stderr":
			s.stderr.waitForText(t, `"GET /pid HTTP/1.1" 200`)
		}
		s.signal(t, syscall.SIGUSR1)
		s.reload(t)
		assert.Equal(t, before, owner(t, "/dev/null"))
		s.stop(t)
	}
}

func TestAPipeWithoutAReaderDoesNotHoldUpTheStart(t *testing.T) {
	t.Parallel()
	folder, _, uid, gid := stolenFolder(t)
	as(t, uid, gid, "mkfifo "+folder+"/fifo")
	s := startService(t, "apps.workers:app", "--user", "nobody", "--access-log", folder+"/fifo")
	assert.NotZero(t, ask[int](t, s, "/pid"))
	reader, err := os.OpenFile(folder+"/fifo", os.O_RDWR|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	defer reader.Close()
	buffer := make([]byte, 4096)
	require.NoError(t, reader.SetReadDeadline(time.Now().Add(patience)))
	n, err := reader.Read(buffer)
	require.NoError(t, err)
	assert.Contains(t, string(buffer[:n]), `"GET /pid HTTP/1.1" 200`)
}

func TestThePIDFileOfAFolderOfAnothersLeadsRootNowhere(t *testing.T) {
	t.Parallel()
	folder, precious, uid, gid := stolenFolder(t)
	as(t, uid, gid, "mkdir "+folder+"/run")
	pid := folder + "/run/precious"
	s := start(t, "apps.workers:app", "--user", "nobody", "--pid-file", pid)
	assert.FileExists(t, pid)
	as(t, uid, gid, "cd "+folder+"; mv run old; ln -s .. run") // ./run/precious is root's file now
	s.stop(t)
	untouched(t, precious)

	s = launch(t, "apps.workers:app", "--user", "nobody", "--pid-file", pid)
	assert.Equal(t, 1, s.exitCode(t))
	assert.Contains(t, s.stderr.String(), "a symbolic link of another user is on the way")
	untouched(t, precious)
}

func TestOfTwoStartsOneGetsThePIDFile(t *testing.T) {
	t.Parallel()
	pid := filepath.Join(t.TempDir(), "pid")
	require.NoError(t, os.WriteFile(pid, []byte(itoa(os.Getpid())), 0o644), "left behind, and its number somebody else has")
	s := start(t, "apps.workers:app", "--pid-file", pid)
	other := launch(t, "apps.workers:app", "--pid-file", pid)
	assert.Equal(t, 1, other.exitCode(t))
	assert.Contains(t, other.stderr.String(), "is that of process "+itoa(s.cmd.Process.Pid)+", which is running")
	s.stop(t)
	assert.NoFileExists(t, pid)
}

// connects reports whether a user may connect to a unix socket: a shell with nc may be missing, so it is Python.
func connects(t *testing.T, uid, gid int, socket string) bool {
	t.Helper()
	cmd := exec.Command(filepath.Join(need(t, "PYSERVE_VENV"), "bin/python"), "-c", `
import os, socket, sys
os.setgroups([]), os.setgid(int(sys.argv[2])), os.setuid(int(sys.argv[3]))
socket.socket(socket.AF_UNIX).connect(sys.argv[1])`, socket, itoa(gid), itoa(uid))
	return cmd.Run() == nil
}

func TestAUnixSocketIsTheUsersAndItsGroups(t *testing.T) {
	t.Parallel()
	folder, _, uid, gid := stolenFolder(t)
	roots := filepath.Dir(folder)
	for name, c := range map[string]struct {
		options      string
		user         []string
		user1, group bool // another user, and another one of the socket's group, may connect
	}{
		"by default":        {"", []string{"--user", "nobody"}, false, true},
		"as it is asked":    {",mode=666", []string{"--user", "nobody"}, true, true},
		"closed":            {",mode=600", []string{"--user", "nobody"}, false, false},
		"without --user":    {",mode=660,owner=nobody,group=" + itoa(gid), nil, false, true},
		"of another number": {",mode=660", []string{"--user", itoa(uid), "--workers", "0"}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			socket := filepath.Join(roots, "s")
			if len(c.user) > 2 {
				socket = filepath.Join(folder, "s") // it is the user itself that makes it
			}
			s := start(t, "apps.workers:app", append(c.user, "--bind", "unix:"+socket+c.options)...)
			assert.True(t, connects(t, uid, gid, socket))
			assert.Equal(t, c.user1, connects(t, 1, 1, socket))
			assert.Equal(t, c.group, connects(t, 1, gid, socket))
			assert.Equal(t, uid, owner(t, socket))
			s.stop(t)
			assert.NoFileExists(t, socket)
		})
	}
}

func TestWhatAnotherHasPutInTheSocketsPlaceStays(t *testing.T) {
	t.Parallel()
	folder, precious, uid, gid := stolenFolder(t)
	as(t, uid, gid, "mkdir "+folder+"/run")
	socket := folder + "/run/precious"
	s := start(t, "apps.workers:app", "--user", "nobody", "--bind", "unix:"+socket)
	as(t, uid, gid, "cd "+folder+"; mv run old; ln -s .. run")
	s.stop(t)
	untouched(t, precious)
	s = launch(t, "apps.workers:app", "--user", "nobody", "--bind", "unix:"+socket)
	assert.Equal(t, 1, s.exitCode(t))
	assert.Contains(t, s.stderr.String(), "a symbolic link of another user is on the way")
	untouched(t, precious)
}

func TestAnAbstractSocketIsNoFile(t *testing.T) {
	t.Parallel()
	name := "@pyserve-e2e-" + itoa(os.Getpid())
	s := startService(t, "apps.workers:app", "--bind", "unix:"+name)
	assert.Equal(t, name, s.addr)
	assert.NotZero(t, ask[int](t, s, "/pid"))
	assert.NoFileExists(t, filepath.Join(testdata(t), name))
	conn, err := net.Dial("unix", name)
	require.NoError(t, err)
	conn.Close()
	s.reload(t)
	assert.NotZero(t, ask[int](t, s, "/pid"))
}
