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

func TestANumberWithoutAUserIsAUserToo(t *testing.T) {
	t.Parallel()
	nobody(t)
	eachBirth(t, func(t *testing.T, flags ...string) {
		s := startService(t, "apps.workers:app", append(flags, "--user", "54321")...)
		got := ask[identity](t, s, "/identity")
		assert.Equal(t, []int{54321, 54321, 54321}, got.UIDs)
		assert.Equal(t, []int{54321, 54321, 54321}, got.GIDs)
		assert.NotContains(t, got.Groups, 0)
		assert.Equal(t, "/", got.Home)
	})
}

func TestAGroupAloneLeavesNothingOfTheOthers(t *testing.T) {
	t.Parallel()
	nobody(t)
	for _, workers := range []string{"0", "1"} {
		s := start(t, "apps.workers:app", "--group", "54321", "--workers", workers)
		got := ask[identity](t, &service{server: s}, "/identity")
		assert.Equal(t, []int{54321, 54321, 54321}, got.GIDs)
		assert.Equal(t, []int{54321}, got.Groups)
	}
}

func TestAUserWhoAsksForItselfGetsIt(t *testing.T) {
	t.Parallel()
	_, uid, gid := nobody(t)
	for name, flags := range map[string][]string{
		"by name": {"--user", "nobody"}, "by number": {"--user", itoa(uid)}, "with its group": {"--user", "nobody", "--group", itoa(gid)},
		"its group": {"--group", itoa(gid)}, "in one process": {"--user", "nobody", "--workers", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"--venv", need(t, "PYSERVE_VENV"), "--chdir", testdata(t), "--bind", "127.0.0.1:0"}, flags...)
			cmd := exec.Command(need(t, "PYSERVE_BIN"), append(args, "apps.workers:app")...)
			cmd.Env = environment()
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
			s := runServer(t, cmd)
			s.waitUntilReady(t)
			assert.Equal(t, []int{uid, uid, uid}, ask[identity](t, &service{server: s}, "/identity").UIDs)
		})
	}
}

func TestNumbersThatAreNoUsersAreRefused(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{{"--user", "4294967295"}, {"--user", "-1"}, {"--user", "1e3"}, {"--group", "4294967295"}, {"--group", "no-such-group"}} {
		s := launch(t, "apps.workers:app", flags...)
		assert.NotZero(t, s.exitCode(t))
		assert.Contains(t, s.stderr.String(), "there is no such "+flags[0][2:], flags)
	}
}

func TestWorkersOfAnotherUserNeedRoot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		user, want string
		code       int
	}{
		"as another one":    {"root", "--user and --group need root", 1},
		"as an unknown one": {"no-such-user", "--user no-such-user: there is no such user", 2},
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
			assert.Equal(t, c.code, cmd.ProcessState.ExitCode())
			assert.Contains(t, string(output), c.want)
		})
	}
}
