package zygote

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// unheard returns a zygote whose messages are only those that a test gives it. Its process is one that has no children.
func unheard(t testing.TB) *Zygote {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return &Zygote{cmd: cmd, ready: make(chan struct{}), ended: make(chan struct{}), answers: make(chan answer, 1), children: map[int]*Child{}}
}

func TestNoNumberOfAStrangersProcessIsTakenForAWorker(t *testing.T) {
	z := unheard(t)
	if err := z.handleMessage('r', ""); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"0", "1", "-1", "", " 5", "+", "99999999999999999999", strconv.Itoa(os.Getpid()), strconv.Itoa(os.Getppid()), strconv.Itoa(z.PID())} {
		z.ask(true)
		if err := z.handleMessage('s', text); err == nil {
			t.Errorf("%q is taken for a worker", text)
		}
		if len(z.children) != 0 {
			t.Errorf("%q is kept", text)
		}
	}
}

// What the zygote sends can end it, and do nothing else: no panic, no process that is not its child, no memory.
func FuzzZygoteMessages(f *testing.F) {
	for _, seed := range []string{"r", "r\x00rthread", "s1", "s-1\x00s0", "r\x00s4194304", "f\x00f\x00f", "x1 0\x00x", "eno\x00e", "\xff", "r\x00" + "s" + "99999999999999999999"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	z := unheard(f)
	f.Fuzz(func(t *testing.T, messages string, asked bool) {
		z := &Zygote{cmd: z.cmd, ready: make(chan struct{}), ended: make(chan struct{}), answers: make(chan answer, 1), children: map[int]*Child{}}
		z.ask(asked)
		for i, start := 0, 0; i <= len(messages); i++ {
			if i < len(messages) && messages[i] != 0 || i == start {
				continue
			}
			if z.handleMessage(messages[start], messages[start+1:i]) != nil {
				break
			}
			start = i + 1
		}
		for pid, child := range z.children {
			if child.fd >= 0 {
				t.Errorf("process %d is taken for a child", pid)
			}
		}
	})
}
