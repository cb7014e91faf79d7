package e2e_test

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// identity is what /identity of testdata/apps/workers.py tells.
type identity struct {
	UIDs, GIDs, Groups, File []int
	Home, Umask              string
}

// nobody is the user that the tests of --user run the application as. They need root, and a tree that everybody can read.
func nobody(t *testing.T) (u *user.User, uid, gid int) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Skip("there is no user nobody")
	}
	uid, err = strconv.Atoi(u.Uid)
	require.NoError(t, err)
	gid, err = strconv.Atoi(u.Gid)
	require.NoError(t, err)
	probe := exec.Command(need(t, "PYSERVE_BIN"), "--version")
	probe.Dir = testdata(t)
	probe.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	if err := probe.Run(); err != nil {
		t.Skipf("the user nobody cannot run pyserve here: %v", err)
	}
	return u, uid, gid
}

func TestWorkersRunAsTheUserThatIsAskedFor(t *testing.T) {
	t.Parallel()
	u, uid, gid := nobody(t)
	eachBirth(t, func(t *testing.T, flags ...string) {
		folder := t.TempDir()
		require.NoError(t, os.Chmod(folder, 0o755))
		require.NoError(t, os.Chmod(filepath.Dir(folder), 0o755))
		log := filepath.Join(folder, "access.log")
		s := startService(t, "apps.workers:app",
			append(flags, "--user", "nobody", "--workers", "2", "--access-log", log, "--umask", "027")...)
		got := ask[identity](t, s, "/identity")
		assert.Equal(t, []int{uid, uid, uid}, got.UIDs)
		assert.Equal(t, []int{gid, gid, gid}, got.GIDs)
		assert.NotContains(t, got.Groups, 0, "nothing of root is left")
		assert.Equal(t, u.HomeDir, got.Home)
		assert.Equal(t, []int{uid, gid}, got.File)
		assert.Equal(t, "027", got.Umask)

		// What dropping root must not break: the next generation, and a rotated log in a folder of root's.
		require.NoError(t, os.Rename(log, log+".1"))
		s.signal(t, syscall.SIGUSR1)
		for _, pid := range s.status(t).pids() {
			require.Eventually(t, func() bool { return holds(pid, log) }, patience, 5*time.Millisecond)
		}
		s.reload(t)
		assert.NotZero(t, ask[int](t, s, "/pid"))
	})
}

func TestWorkersRunAsTheGroupThatIsAskedFor(t *testing.T) {
	t.Parallel()
	_, uid, _ := nobody(t)
	s := startService(t, "apps.workers:app", "--user", itoa(uid), "--group", "1")
	got := ask[identity](t, s, "/identity")
	assert.Equal(t, []int{uid, uid, uid}, got.UIDs)
	assert.Equal(t, []int{1, 1, 1}, got.GIDs)
}

func TestWorkersOfAnotherUserNeedRoot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ user, want string }{
		"as another one":    {"root", "--user and --group need root"},
		"as an unknown one": {"no-such-user", "--user no-such-user: there is no such user"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(need(t, "PYSERVE_BIN"), "--bind", "127.0.0.1:0", "--user", c.user, "apps.workers:app")
			cmd.Dir, cmd.Env = testdata(t), environment()
			if os.Geteuid() == 0 {
				_, uid, gid := nobody(t)
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
			}
			output, _ := cmd.CombinedOutput()
			assert.Equal(t, 1, cmd.ProcessState.ExitCode())
			assert.Contains(t, string(output), c.want)
		})
	}
}
