package importing

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// output is a log that can be read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) count(text string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Count(o.text.String(), text)
}

func begin(t *testing.T, first time.Duration) (*output, func()) {
	log := &output{}
	stack := "Thread 0x01 (most recent call first):\n  File \"/x/selectors.py\", line 415 in select\n  File \"/x/shop.py\", line 3 in <module>\n" +
		"  File \"<frozen importlib._bootstrap>\", line 241 in _call_with_frames_removed\n  File \"/usr/lib/python3.11/importlib/__init__.py\", line 126 in import_module\n" +
		"  File \"<pyserve>\", line 3 in load\n"
	watch := Watch{Name: "shop:app", PID: os.Getpid(), Stack: func() string { return stack }, Log: slog.New(slog.NewTextHandler(log, nil)), first: first}
	stop := watch.Begin()
	t.Cleanup(stop)
	return log, stop
}

func eventually(t *testing.T, log *output, text string, count int) {
	t.Helper()
	require.Eventually(t, func() bool { return log.count(text) >= count }, time.Minute, time.Millisecond, "%s", text)
}

func TestALongImportIsToldWithWhereItIsAndLessAndLessOften(t *testing.T) {
	log, stop := begin(t, time.Millisecond)
	eventually(t, log, "still importing shop:app after 0.016 s", 1)
	stop()
	said := log.count("still importing")
	assert.LessOrEqual(t, said, 16)
	assert.Equal(t, said, log.count(`at="/x/selectors.py:415 in select"`))
	assert.Equal(t, 1, log.count("line 3 in <module>"), "the whole stack once")
	assert.Zero(t, log.count("importlib"))
	assert.Zero(t, log.count("<pyserve>"))
	assert.Zero(t, log.count("server of its own"), "what listened before is not the application's")
}

func TestAServerThatTheImportOpensIsToldOnce(t *testing.T) {
	before, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer before.Close()
	log, stop := begin(t, time.Millisecond)
	for _, address := range []string{"127.0.0.1:0", "[::]:0"} {
		l, err := net.Listen("tcp", address)
		require.NoError(t, err)
		defer l.Close()
		eventually(t, log, fmt.Sprintf("a server of its own on port %d: is app.run()", l.Addr().(*net.TCPAddr).Port), 1)
	}
	eventually(t, log, "still importing", 8)
	stop()
	assert.Equal(t, 2, log.count("a server of its own"))
}

func TestAShortImportIsNotTold(t *testing.T) {
	log, stop := begin(t, time.Hour)
	stop()
	stop()
	assert.Zero(t, log.count("importing"))
}
