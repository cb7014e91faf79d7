//go:build linux

package process

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestThreadsInNoPythonCodeAreOnlyCounted(t *testing.T) {
	const idle, busy = "Thread 0x00007f10a55fb6c0 (most recent call first):\n  <no Python frame>\n\n",
		"Thread 0x00007f10a55fb6c1 (most recent call first):\n  File \"a.py\", line 1 in f\n\n"
	const current = "Current thread 0x00007f110dd47300 (most recent call first):\n  File \"b.py\", line 2 in g"
	for _, test := range []struct{ name, stacks, want string }{
		{"nothing was written", "", ""},
		{"none is idle", "Fatal Python error: Aborted\n\n" + busy + current, "Fatal Python error: Aborted\n\n" + busy + current},
		{"some are", "Fatal Python error: Aborted\n\n" + idle + busy + idle + current,
			"Fatal Python error: Aborted\n\n" + busy + current + "\n\nThreads in no Python code: 2"},
		{"the last one is", busy + "Thread 0x1 [worker] (most recent call first):\n  <no Python frame>",
			busy[:len(busy)-2] + "\n\nThreads in no Python code: 1"},
		{"the one that crashed is", "Current thread 0x1 (most recent call first):\n  <no Python frame>",
			"Current thread 0x1 (most recent call first):\n  <no Python frame>"},
	} {
		t.Run(test.name, func(t *testing.T) { assert.Equal(t, test.want, withoutIdle(test.stacks)) })
	}
}
