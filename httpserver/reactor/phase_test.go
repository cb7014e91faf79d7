//go:build linux

package reactor

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// seenPhases is every transition that a connection of any test of this package has made.
var seenPhases struct {
	sync.Mutex
	transitions map[[2]string]bool
}

func TestMain(m *testing.M) {
	seenPhases.transitions = make(map[[2]string]bool)
	phaseChanged = func(from, to phase) {
		seenPhases.Lock()
		defer seenPhases.Unlock()
		seenPhases.transitions[[2]string{from.String(), to.String()}] = true
	}
	code := m.Run()
	if code == 0 {
		code = checkPhases()
	}
	os.Exit(code)
}

// checkPhases complains about transitions that the table of phase.go does not have, and, if all tests have run, about those
// that only the table has.
func checkPhases() (code int) {
	table := phaseTable()
	seenPhases.Lock()
	defer seenPhases.Unlock()
	for seen := range seenPhases.transitions {
		if !table[seen] {
			fmt.Printf("a connection went from phase %s to phase %s, which the table in phase.go does not have\n", seen[0], seen[1])
			code = 1
		}
	}
	if flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == "" && !testing.Short() {
		for row := range table {
			if !seenPhases.transitions[row] {
				fmt.Printf("no test has a connection go from phase %s to phase %s\n", row[0], row[1])
				code = 1
			}
		}
	}
	return code
}

// phaseTable reads the table of transitions in the comment of phase.
func phaseTable() map[[2]string]bool {
	source, err := os.ReadFile("phase.go")
	if err != nil {
		panic(err)
	}
	table := make(map[[2]string]bool)
	for _, row := range regexp.MustCompile(`(?m)^//\t(\w+) +(\w+) +`).FindAllStringSubmatch(string(source), -1) {
		if row[1] != "from" {
			table[[2]string{row[1], row[2]}] = true
		}
	}
	return table
}

func TestTheTableOfPhasesNamesPhases(t *testing.T) {
	table := phaseTable()
	require.NotEmpty(t, table)
	names := make(map[string]bool)
	for p := phaseHead; p <= phaseClosed; p++ {
		names[p.String()] = true
	}
	for row := range table {
		assert.True(t, names[row[0]] && names[row[1]], row)
	}
}

func TestARefusalThatTheClientDoesNotTakeIsFlushedOrGivenUp(t *testing.T) {
	for _, from := range []phase{phaseHead, phaseBody, phaseReady} {
		r := newTestReactor(t, nil, Options{})
		p := r.monitor.poller
		p.clock.set(r)

		full, _ := connect(t, r)
		full.own.begin()
		fill(t, full)
		full.phase = from
		p.refuse(full, nil, http.StatusServiceUnavailable, "a test")
		assert.Equal(t, phaseFlush, full.phase, from)
		full.close()

		c, client := connect(t, r)
		c.own.begin()
		require.NoError(t, unix.Shutdown(client, unix.SHUT_RDWR))
		c.phase = from
		p.refuse(c, nil, http.StatusServiceUnavailable, "a test")
		assert.Equal(t, phaseClosed, c.phase, from)
	}
}

// fill fills the socket of c until it takes no more.
func fill(t *testing.T, c *conn) {
	t.Helper()
	filler := make([]byte, 64<<10)
	for {
		if _, err := unix.Write(c.fd, filler); err != nil {
			require.ErrorIs(t, err, unix.EAGAIN)
			return
		}
	}
}
