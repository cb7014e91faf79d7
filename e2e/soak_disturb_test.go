package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// disturbances are what operators, and crashes, do to a server under traffic. All but a crash must not be noticed by any
// client.
var disturbances = []struct {
	name string
	do   func(d *disturber) error
}{
	{"reload", (*disturber).reload},
	{"rotation", (*disturber).rotate},
	{"crash", (*disturber).crash},
	{"one more", (*disturber).resize},
	{"upgrade", (*disturber).upgrade},
}

// disturber disturbs a service.
type disturber struct {
	s       *service
	log     string // path of the access log
	random  *rand.Rand
	done    map[string]int
	rotated int

	mu     sync.Mutex
	deaths []span // when workers were killed: their requests may be lost
}

// span is a time from before something was begun to after it was done.
type span struct{ from, to time.Time }

// run disturbs until a time: everything once, then at random. It ends when all workers are ready again.
func (d *disturber) run(t *testing.T, until time.Time, pause time.Duration) {
	for i := 0; time.Now().Before(until); i++ {
		what := disturbances[i%len(disturbances)]
		if i >= len(disturbances) {
			what = disturbances[d.random.IntN(len(disturbances))]
		}
		require.NoError(t, what.do(d), what.name)
		d.s.waitForStatus(t, "all workers are ready after a "+what.name, func(now status) bool {
			return now.State == "ready" && now.Serving == now.Wanted // while others are leaving
		})
		d.done[what.name]++
		time.Sleep(min(pause, time.Until(until))) // the disturbances' own pace, not a wait for something
	}
}

func (d *disturber) reload() error {
	code, stdout, stderr, err := runProgram(d.s.program, "reload", "--pid-file", d.s.pidFile)
	if err == nil && code != 0 {
		err = errors.New(stdout + stderr)
	}
	return err
}

// rotate does what logrotate does.
func (d *disturber) rotate() error {
	d.rotated++
	if err := os.Rename(d.log, fmt.Sprintf("%s.%d", d.log, d.rotated)); err != nil {
		return err
	}
	return d.signal(syscall.SIGUSR1)
}

func (d *disturber) signal(number syscall.Signal) error {
	now, err := d.s.askStatus()
	if err != nil {
		return err
	}
	return syscall.Kill(now.PID, number)
}

func (d *disturber) crash() error {
	now, err := d.s.askStatus()
	if err != nil {
		return err
	}
	pids := now.pids()
	pid := pids[d.random.IntN(len(pids))]
	dead := d.expectDeath() // before it can be noticed
	defer dead()
	switch err := syscall.Kill(pid, syscall.SIGKILL); {
	case errors.Is(err, syscall.ESRCH): // a worker of the old generation that has left since: another one, then
		return d.crash()
	case err != nil:
		return err
	}
	for deadline := time.Now().Add(patience); alive(pid); time.Sleep(time.Millisecond) { // its threads may go on for a moment
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d survives SIGKILL", pid)
		}
	}
	return nil
}

// expectDeath notes that a worker dies from now on until dead is called.
func (d *disturber) expectDeath() (dead func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := len(d.deaths)
	d.deaths = append(d.deaths, span{time.Now(), time.Now().Add(time.Hour)})
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.deaths[i].to = time.Now()
	}
}

// resize has one worker more for a moment.
func (d *disturber) resize() error {
	if err := d.signal(syscall.SIGTTIN); err != nil {
		return err
	}
	return d.signal(syscall.SIGTTOU)
}

// upgrade has another master take over.
func (d *disturber) upgrade() error {
	before, err := d.s.askStatus()
	if err != nil {
		return err
	}
	if err := syscall.Kill(before.PID, syscall.SIGUSR2); err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if now, err := d.s.askStatus(); err == nil && now.PID != before.PID && !alive(before.PID) {
			return nil
		}
	}
	return errors.New("no other master has taken over")
}

// excuses reports whether err, of a visit that took place at a time, may come of a worker that was killed: it took the
// answers with it that it owed. A wrong answer has no excuse.
func (d *disturber) excuses(err error, visit span) bool {
	lost := slices.ContainsFunc([]error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, syscall.ENOTCONN},
		func(loss error) bool { return errors.Is(err, loss) })
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, death := range d.deaths {
		if lost && visit.from.Before(death.to) && death.from.Before(visit.to) {
			return true
		}
	}
	return false
}

var accessLine = regexp.MustCompile(`^\S+ - - \[[^]]+\] ".*" \d{3} (\d+|-) ".*" ".*" id=\S+ dur=\d+us queue=\d+us$`)

// checkLog reads all that was logged, and reports how many lines there are. Each must be whole.
func (d *disturber) checkLog(t *testing.T) (lines int) {
	paths, err := filepath.Glob(d.log + "*")
	require.NoError(t, err)
	require.Len(t, paths, 1+d.rotated)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			require.Regexp(t, accessLine, strings.TrimSuffix(line, "\n"), path)
			lines++
		}
	}
	return lines
}

// slowReaderVisit takes a response more slowly than it comes.
func slowReaderVisit(s *server, r *rand.Rand) error {
	conn, in, err := soakConn(s)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		return err
	}
	content := soakContent(200_000 + r.IntN(800_000))
	kind := []string{"list", "stream", "file"}[r.IntN(3)]
	if _, err := io.WriteString(conn, head("GET", fmt.Sprintf("/%s/%d", kind, len(content)))); err != nil {
		return err
	}
	time.Sleep(time.Duration(r.IntN(50)) * time.Millisecond) // the traffic's own pace
	_, err = answered(in, content)
	return err
}

// vanishingVisit leaves a connection behind on which nothing comes any more, in the middle of a request, of an answer, or
// between two. The server closes it some time, or the client does when the test ends.
func vanishingVisit(s *server, r *rand.Rand) error {
	conn, in, err := soakConn(s)
	if err != nil {
		return err
	}
	request := []string{"GET /list/1 HT", head("GET", "/stream/3000000"), head("POST", "/digest", "Content-Length: 100000") + "abc",
		head("GET", "/list/1")}[r.IntN(4)]
	if _, err := io.WriteString(conn, request); err != nil {
		conn.Close()
		return err
	}
	if strings.HasSuffix(request, "\r\n\r\n") {
		if _, err := in.Peek(1); err != nil {
			conn.Close()
			return err
		}
	}
	vanished.keep(conn)
	return nil
}

// vanished are the latest connections that were left behind.
var vanished leftBehind

type leftBehind struct {
	mu    sync.Mutex
	conns []net.Conn
}

// keep keeps a connection open, and closes the oldest if there are many.
func (l *leftBehind) keep(conn net.Conn) {
	const most = 50
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns = append(l.conns, conn); len(l.conns) > most {
		l.conns[0].Close()
		l.conns = l.conns[1:]
	}
}

func (l *leftBehind) closeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.conns {
		conn.Close()
	}
	l.conns = nil
}
