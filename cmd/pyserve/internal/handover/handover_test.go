//go:build linux

package handover_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/handover"
)

func TestAWorkerLearnsWhatItInheritsAndNobodyAfterIt(t *testing.T) {
	given := handover.Worker{Slot: 3, Control: 24, Board: 25, Crash: 26, Listeners: []handover.Listener{{FD: 27}, {FD: 28}}, Dir: "/srv/my {0} site", Folders: `{"Home":"/srv/{1}"}`, Group: true, Quiet: true}
	template, fds := given.Template()
	assert.Equal(t, []int{24, 25, 26, 27, 28}, fds)
	t.Setenv(handover.Variable, handover.Fill(template, 24, 5))
	worker, upgrade, err := handover.Take()
	require.NoError(t, err)
	assert.Nil(t, upgrade)
	assert.Equal(t, &given, worker)
	assert.NotContains(t, strings.Join(os.Environ(), "\n"), handover.Variable)
}

func TestANewMasterLearnsWhatItInherits(t *testing.T) {
	given := handover.Upgrade{Ready: 3, Listeners: []handover.Listener{{FD: 4}}, Foreign: true}
	template, fds := given.Template()
	assert.Equal(t, []int{3, 4}, fds)
	t.Setenv(handover.Variable, handover.Fill(template, 3, 2))
	worker, upgrade, err := handover.Take()
	require.NoError(t, err)
	assert.Nil(t, worker)
	assert.Equal(t, &given, upgrade)
}

func TestAProcessThatNobodyOfUsHasStartedInheritsNothing(t *testing.T) {
	worker, upgrade, err := handover.Take()
	assert.NoError(t, err)
	assert.Nil(t, worker)
	assert.Nil(t, upgrade)
}

func TestAVariableThatSomebodyElseHasSetIsRefusedByName(t *testing.T) {
	for _, value := range []string{"", "1", "worker", "{}", `{"Worker":{"Control":"x"}}`, `{"Upgrade":{"Ready":"-1"}}`, `{"Worker":{},"Upgrade":{}}`} {
		t.Run(value, func(t *testing.T) {
			t.Setenv(handover.Variable, value)
			_, _, err := handover.Take()
			assert.ErrorContains(t, err, handover.Variable)
		})
	}
}

func TestMessagesArriveWholeAndInOrderAndThenTheEnd(t *testing.T) {
	master, fd, err := handover.Pair()
	require.NoError(t, err)
	worker := handover.Open(fd)
	require.NoError(t, worker.Send(handover.Ready, ""))
	require.NoError(t, worker.Send(handover.Retire, "max-requests reached"))
	require.NoError(t, worker.Send(handover.Stuck, strings.Repeat("x", 10000)))
	require.NoError(t, worker.Close())
	for _, want := range [][2]string{{handover.Ready, ""}, {handover.Retire, "max-requests reached"}, {handover.Stuck, strings.Repeat("x", 4090)}} {
		message, text, err := master.Receive()
		require.NoError(t, err)
		assert.Equal(t, want, [2]string{message, text})
	}
	_, _, err = master.Receive()
	assert.Equal(t, io.EOF, err)
	assert.Error(t, master.Send(handover.Drain, ""), "the worker is gone")
	assert.NoError(t, master.Close())
}

func TestShutdownEndsReceiveThoughAnotherProcessHoldsTheEndOpen(t *testing.T) {
	master, fd, err := handover.Pair()
	require.NoError(t, err)
	defer unix.Close(fd)
	require.NoError(t, handover.Open(fd).Send(handover.Ready, ""))
	master.Shutdown()
	message, _, err := master.Receive()
	assert.NoError(t, err, "what had come is not lost")
	assert.Equal(t, handover.Ready, message)
	_, _, err = master.Receive()
	assert.Equal(t, io.EOF, err)
	assert.NoError(t, master.Close())
}
