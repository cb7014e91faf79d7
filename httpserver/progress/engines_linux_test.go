package progress

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/reactor"
)

func init() {
	engines["reactor"] = func(t *testing.T, h httpserver.Handler, threads int) (httpserver.Engine, httpserver.Threads) {
		r, err := reactor.New(threads, reactor.Options{Limits: httpserver.Limits{ResponseBuffer: 1 << 10}})
		require.NoError(t, err)
		return r.NewServer(h, httpserver.Options{StreamRequests: true}), r
	}
}
