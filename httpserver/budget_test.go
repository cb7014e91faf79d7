package httpserver

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSpoolsTogetherStayWithinTheirMemoryAndLoseNothing(t *testing.T) {
	memory := NewBudget(1 << 20)
	o := Options{SpoolDir: t.TempDir(), SpoolMemory: memory}
	content := strings.Repeat("0123456789abcdef", 10000)
	fills := map[string]func(s *Spool) error{
		"by Write": func(s *Spool) error {
			for rest := content; rest != ""; rest = rest[min(1000, len(rest)):] {
				if _, err := s.Write([]byte(rest[:min(1000, len(rest))])); err != nil {
					return err
				}
			}
			return nil
		},
		"by ReadFrom": func(s *Spool) error { _, err := s.ReadFrom(strings.NewReader(content)); return err },
	}
	for name, fill := range fills {
		t.Run(name, func(t *testing.T) {
			var spools []*Spool
			onDisk := 0
			for range 20 {
				s := o.NewSpool(len(content))
				require.NoError(t, fill(s))
				assert.LessOrEqual(t, memory.Used(), int64(1<<20))
				if s.OnDisk() {
					onDisk++
				}
				spools = append(spools, s)
			}
			assert.Greater(t, onDisk, 10)
			assert.Less(t, onDisk, 18, "memory is not used")
			for _, s := range spools {
				got, err := io.ReadAll(s)
				assert.NoError(t, err)
				assert.True(t, string(got) == content)
				assert.NoError(t, s.Close())
			}
			assert.Zero(t, memory.Used())
		})
	}
}

func TestSpoolsLeaveMemoryForTheHeadsOfRequests(t *testing.T) {
	memory := NewBudget(8000)
	assert.True(t, memory.TakeLeavingEighth(7000))
	assert.False(t, memory.TakeLeavingEighth(1))
	assert.True(t, memory.Take(1000))
	assert.False(t, memory.Take(1))
	memory.Count(100)
	assert.Equal(t, int64(8100), memory.Used())
	memory.Give(8100)
	assert.Zero(t, memory.Used())
}

func TestWithoutABoundOfMemoryThereIsNone(t *testing.T) {
	var none *Budget
	assert.True(t, none.Take(1<<40))
	assert.True(t, none.TakeLeavingEighth(1<<40))
	none.Count(1)
	none.Give(1)
	assert.Zero(t, none.Used())
	off := NewBudget(-1)
	assert.True(t, off.Take(1<<40))
	assert.True(t, off.TakeLeavingEighth(1<<40))
	assert.Equal(t, int64(2<<40), off.Used())
}

func TestWhatIsKeptStaysInMemoryWhateverTheBounds(t *testing.T) {
	memory := NewBudget(10)
	s := (&Options{SpoolMemory: memory}).NewSpool(0)
	s.Keep([]byte("0123456789"))
	s.Keep([]byte("abcdef"))
	assert.False(t, s.OnDisk())
	assert.Equal(t, int64(16), memory.Used())
	got, err := io.ReadAll(s)
	assert.NoError(t, err)
	assert.Equal(t, "0123456789abcdef", string(got))
	assert.NoError(t, s.Close())
	assert.Zero(t, memory.Used())
}

func TestReservedRoomIsThere(t *testing.T) {
	s := NewSpool(10000, t.TempDir(), nil)
	require.True(t, s.Reserve(9000))
	room := cap(s.memory)
	_, err := s.Write(make([]byte, 9000))
	assert.NoError(t, err)
	assert.Equal(t, room, cap(s.memory))
	assert.False(t, s.Reserve(1001))
	assert.True(t, s.Reserve(1000))
	_, err = s.Write(make([]byte, 1001))
	assert.NoError(t, err)
	assert.True(t, s.OnDisk())
	assert.False(t, s.Reserve(1))
	assert.NoError(t, s.Close())
}
