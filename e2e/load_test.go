package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// hammer sends requests numbered from 0 over connections that are kept, and gives each answer to check,
// which runs on several goroutines. It returns the first faults.
func hammer(requests, connections int, send func(n int) (answer, error), check func(n int, a answer) error) []error {
	var next atomic.Int64
	var mu sync.Mutex
	var faults []error
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			for n := int(next.Add(1)) - 1; n < requests; n = int(next.Add(1)) - 1 {
				a, err := send(n)
				if err == nil {
					err = check(n, a)
				}
				if err != nil {
					mu.Lock()
					faults = append(faults, fmt.Errorf("request %d: %w", n, err))
					mu.Unlock()
					return
				}
			}
		})
	}
	wg.Wait()
	return faults
}

func TestAThousandRequestsAtOnce(t *testing.T) {
	t.Parallel()
	const requests, connections = 1000, 32
	content := func(n int) string { return strings.Repeat(fmt.Sprintf("request %d\n", n), 1+n%300) }

	t.Run("to Flask are each answered with their own answer", func(t *testing.T) {
		c := start(t, "flaskapp:app").client(t)
		faults := hammer(requests, connections, func(n int) (answer, error) {
			body := fmt.Sprintf(`{"n": %d, "text": %q}`, n, content(n))
			return c.try("POST", "/json", strings.NewReader(body), "Content-Type", "application/json")
		}, func(n int, a answer) error {
			var got struct {
				Echo struct {
					N    int
					Text string
				}
			}
			if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
				return fmt.Errorf("status %d: %w", a.Status, err)
			}
			if a.Status != http.StatusOK || got.Echo.N != n || got.Echo.Text != content(n) {
				return fmt.Errorf("wrong answer %d: %.100s", a.Status, a.Body)
			}
			return nil
		})
		require.Empty(t, faults)
	})
	t.Run("to a plain application are each answered with their own answer", func(t *testing.T) {
		c := start(t, "apps.echo:app", "--threads", "4").client(t)
		faults := hammer(requests, connections, func(n int) (answer, error) {
			return c.try("POST", "/digest", strings.NewReader(content(n)))
		}, func(n int, a answer) error {
			if a.Status != http.StatusOK || !strings.Contains(a.Body, sha([]byte(content(n)))) {
				return fmt.Errorf("wrong answer %d: %.100s", a.Status, a.Body)
			}
			return nil
		})
		require.Empty(t, faults)
	})
	t.Run("on as many connections, each used once, are all answered", func(t *testing.T) {
		c := start(t, "apps.echo:app").client(t)
		faults := hammer(requests, connections, func(n int) (answer, error) {
			return c.try("POST", "/digest", strings.NewReader(content(n)), "Connection", "close")
		}, func(n int, a answer) error {
			if !strings.Contains(a.Body, sha([]byte(content(n)))) {
				return fmt.Errorf("wrong answer %d: %.100s", a.Status, a.Body)
			}
			return nil
		})
		require.Empty(t, faults)
	})
}
