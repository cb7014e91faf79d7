package httpserver_test

import (
	"testing"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/internal/enginetest"
)

func TestConformance(t *testing.T) {
	enginetest.Run(t, enginetest.Engine{
		Name: "net/http",
		New: func(h httpserver.Handler, o enginetest.Options) (enginetest.Running, error) {
			d := httpserver.NewDispatcher(o.Queue)
			return enginetest.Running{Engine: httpserver.NewServer(h, d, o.Options), Threads: d}, nil
		},
		Exceptions: exceptions,
	})
}

// exceptions are what the engine on net/http cannot do.
var exceptions = map[string]string{
	"a response goes out byte for byte as the handler gave it":                        ownHead,
	"a reason phrase of the handler's own is sent":                                    ownHead,
	"responses without content have none/304 with a length":                           ownHead,
	"requests of the corpus are refused as they should":                               ownReading,
	"requests of the corpus mean what they should/valid/empty-line-first":             ownReading,
	"requests of the corpus mean what they should/valid/expect-1.0-unknown":           ownReading,
	"requests of the corpus mean what they should/valid/target-bad-escape":            ownReading,
	"requests of the corpus mean what they should/valid/connection-close-1.0":         "net/http keeps an HTTP/1.0 connection for which both close and keep-alive were asked",
	"header fields arrive in order and in the client's spelling":                      ownReading,
	"a head or a target beyond the limit is refused/a target of 20 kB":                ownLimits,
	"a head or a target beyond the limit is refused/201 fields":                       ownLimits,
	"a head that is not complete in time is refused by 408":                           "net/http answers by 400, or only closes",
	"content that comes too slowly is refused by 408":                                 ownLimits,
	"a connection closes after as many requests as are allowed":                       ownLimits,
	"more connections than allowed are closed at once":                                ownLimits,
	"more connections of one address than allowed are closed at once":                 ownLimits,
	"connections of an address that many clients share are not counted":               ownLimits,
	"Shutdown does not wait long for clients that were refused":                       "its time to linger is fixed",
	"the handler waits when a response cannot be kept in a file":                      direct,
	"a client that never reads is cut off":                                            ownLimits,
	"a client that never reads is cut off though it goes on sending":                  ownLimits,
	"a refused client that does not close is closed in the end":                       "its time to linger is fixed, and too long for a test",
	"a request that has waited too long is refused by 503 while all threads are busy": "the dispatcher bounds its queue by number only",
	"a client that does not read does not hold the handler":                           direct,
	"the handler waits when too much of a response is left":                           direct,
	"many clients that pipeline get their own answers":                                direct,
	"a client that has ended its side gets its whole answer":                          halfClosed,
	"Shutdown answers requests that wait for a thread":                                "each connection is read by a goroutine of its own, and one that has not come to it is closed",
	"a client that has ended its side gets all its pipelined answers":                 halfClosed,
	"requests behind the last one are not answered and do not harm it":                "net/http closes half a second after an answer that is the last, whatever the client still sends",
	"Shutdown answers requests that came just before it":                              "net/http closes idle connections without a last read",
	"ten thousand idle connections cost less than 15 MB":                              "net/http has a goroutine and buffers for each",
}

const (
	ownLimits  = "net/http has no such limit"
	ownHead    = "net/http writes the head: with the fields in an order of its own, and standard phrases"
	ownReading = "net/http reads heads, and answers what it refuses, by its own rules"
	halfClosed = "net/http takes a client that has ended its side for gone, and a request that waits for a thread is given up"
	direct     = "what a client does not take is not spooled: the handler waits for it"
)
