package nethttp_test

import (
	"testing"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/internal/enginetest"
	"github.com/pyserve/pyserve/httpserver/nethttp"
)

func TestConformance(t *testing.T) {
	enginetest.Run(t, enginetest.Engine{
		Name: "net/http",
		New: func(h httpserver.Handler, o enginetest.Options) (enginetest.Running, error) {
			d := nethttp.NewDispatcher(o.Queue)
			return enginetest.Running{Engine: nethttp.NewServer(h, d, o.Options, o.Limits), Threads: d}, nil
		},
		Uncounted:  uncounted,
		Exceptions: exceptions,
	})
}

// uncounted are the counters that net/http does not keep.
var uncounted = []string{"header_timeouts", "idle_timeouts", "accept_failures", "malformed"}

// exceptions are what the engine on net/http cannot do.
var exceptions = map[string]string{
	"a response goes out byte for byte as the handler gave it":                ownHead,
	"a reason phrase of the handler's own is sent":                            ownHead,
	"responses without content have none/304 with a length":                   ownHead,
	"requests of the corpus are refused as they should":                       ownReading,
	"requests of the corpus mean what they should/valid/empty-line-first":     ownReading,
	"requests of the corpus mean what they should/valid/expect-1.0-unknown":   ownReading,
	"requests of the corpus mean what they should/valid/target-bad-escape":    ownReading,
	"requests of the corpus mean what they should/valid/connection-close-1.0": "net/http keeps an HTTP/1.0 connection for which both close and keep-alive were asked",
	"Shutdown does not wait long for clients that were refused":               "its time to linger is fixed",
	"a client that never reads is cut off/the handler is through":             "its time runs while the handler still writes",
	"content of unknown length is chunked byte for byte":                      "pieces that come fast may be joined to one chunk",
	"header fields arrive in order and in the client's spelling":              ownReading,
	"a head or a target beyond the limit is refused/a target of 20 kB":        ownLimits,
	"a head or a target beyond the limit is refused/201 fields":               ownLimits,
	"a head that is not complete in time is refused with 408":                 "net/http answers by 400, or only closes",
	"a client that has ended its side gets its whole answer":                  halfClosed,
	"Shutdown answers requests that wait for a thread":                        "each connection is read by a goroutine of its own, and one that has not come to it is closed",
	"a client that has ended its side gets all its pipelined answers":         halfClosed,
	"requests behind the last one are not answered and do not harm it":        "net/http closes half a second after an answer that is the last, whatever the client still sends",
	"Shutdown answers requests that came just before it":                      "net/http closes idle connections without a last read",
	"ten thousand idle connections cost less than 15 MB":                      "net/http has a goroutine and buffers for each",
}

const (
	ownLimits  = "net/http has no such limit"
	ownHead    = "net/http writes the head: with the fields in an order of its own, and standard phrases"
	ownReading = "net/http reads heads, and answers what it refuses, by its own rules"
	halfClosed = "net/http takes a client that has ended its side for gone, and a request that waits for a thread is given up"
	direct     = "what a client does not take is not spooled: the handler waits for it"
)
