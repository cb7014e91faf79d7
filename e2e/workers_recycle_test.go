package e2e_test

import (
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWorkersAreRecycledWithoutAFailedRequest(t *testing.T) {
	t.Parallel()
	for _, limit := range []struct {
		name, reason string
		flags        []string
		reach        func(t *testing.T, s *service)
	}{
		{name: "after so many requests", reason: `reason="max requests"`,
			flags: []string{"--max-requests", "60", "--max-requests-jitter", "30"}},
		{name: "after so many requests, when forked", reason: `reason="max requests"`,
			flags: []string{"--max-requests", "60", "--max-requests-jitter", "30", "--preload"}},
		{name: "after so long", reason: `reason="max age"`, flags: []string{"--max-age", "500ms"}},
		{name: "when they need too much memory", reason: `reason="max memory"`, flags: []string{"--max-memory", "300M"},
			reach: func(t *testing.T, s *service) {
				for range 2 {
					pid := ask[int](t, s, "/leaks?mib=350")
					s.waitForReplaced(t, pid)
				}
			}},
	} {
		t.Run(limit.name, func(t *testing.T) {
			t.Parallel()
			s := startService(t, "apps.workers:app", append(limit.flags, "--workers", "2", "--threads", "4")...)
			before := s.status(t).pids()
			l := startLoad(t, s.server)
			stop := neverFewerThan(t, s, 2)
			if limit.reach != nil {
				limit.reach(t, s)
			} else {
				l.waitForProcesses(t, 5)
				s.waitForReplaced(t, before...)
			}
			stop()
			l.stop(t)
			assert.Contains(t, s.stderr.String(), limit.reason)
			assert.NotContains(t, s.stderr.String(), "worker died")
		})
	}
}

func TestWorkersAreAsManyAsTheEnvironmentOrAutoSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		env   []string
		flags []string
		want  string
	}{
		{name: "WEB_CONCURRENCY", env: []string{"WEB_CONCURRENCY=2"}, want: "2"},
		{name: "--workers overrides WEB_CONCURRENCY", env: []string{"WEB_CONCURRENCY=7"}, flags: []string{"--workers", "2"}, want: "2"},
		{name: "auto", flags: []string{"--workers", "auto"}, want: "processors"},
		{name: "neither", want: "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &service{program: need(t, "PYSERVE_BIN"), pidFile: filepath.Join(t.TempDir(), "pid")}
			s.server = launchProgram(t, s.program, c.env, "apps.workers:app", append(c.flags, "--pid-file", s.pidFile)...)
			now := s.waitUntilServing(t)
			want, err := strconv.Atoi(c.want)
			if err != nil {
				want = processors()
			}
			assert.Len(t, now.Workers, want)
		})
	}
}
