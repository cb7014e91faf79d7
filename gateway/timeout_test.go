package gateway_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/environ"
	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/gateway/gatewaytest"
)

// interruption is an exception that knows whether it came of the request's time-out.
type interruption struct {
	exception
	timeout bool
}

func (i interruption) Timeout() bool { return i.timeout }

var requestTimeout = interruption{"pyserve.RequestTimeout", true}

// raising yields chunks, ends with err, and raises atClose in close().
func raising(err error, atClose error, chunks ...string) application {
	return started(func(c *call) (gateway.Result, error) {
		return c.counted(thenRaise(err, chunks...), func() error { return atClose })
	})
}

func TestATimeOutIsLoggedAndAnsweredByWhoHasInterrupted(t *testing.T) {
	keyError := interruption{"KeyError: 'lost'", false}
	for name, tt := range map[string]struct {
		run    application
		gone   bool // the response has been taken away
		events []string
		closed int
		log    string // part of the one line, "" for none
	}{
		"in the call":             {run: started(func(*call) (gateway.Result, error) { return gateway.Result{}, requestTimeout }), events: []string{"abort"}},
		"before the first chunk":  {run: raising(requestTimeout, nil), events: []string{"abort"}, closed: 1},
		"between two chunks":      {run: raising(requestTimeout, nil, "one"), events: []string{"head", "write 3", "abort"}, closed: 1},
		"in close()":              {run: raising(nil, requestTimeout, "one"), events: []string{"head", "write 3"}, closed: 1},
		"in close() once more":    {run: raising(requestTimeout, requestTimeout), events: []string{"abort"}, closed: 1},
		"caught, and gone on":     {run: raising(nil, nil, "one", "two"), gone: true, events: []string{"head", "abort"}, closed: 1},
		"caught, for another one": {run: raising(keyError, nil), gone: true, events: []string{"head", "abort"}, closed: 1, log: "KeyError"},
		"the other one's close()": {
			run: started(func(*call) (gateway.Result, error) {
				return gateway.Result{}, errors.Join(keyError, requestTimeout)
			}), events: []string{"head", "write 22"}, log: "KeyError",
		},
	} {
		t.Run(name, func(t *testing.T) {
			log, w := &gatewaytest.Log{}, &gatewaytest.Recorder{}
			if tt.gone {
				w.DisconnectAfter(0)
			}
			h, f := newHandlerOf(t, log, "timeout", tt.run)
			h.Serve(0, w, gatewaytest.Request("GET", "/"))
			assert.Equal(t, tt.events, w.Events)
			assert.Empty(t, w.Violations)
			assert.Equal(t, tt.closed, f.closed["timeout"])
			if tt.log == "" {
				assert.Empty(t, log.Lines())
			} else if assert.Len(t, log.Lines(), 1) {
				assert.Contains(t, log.Lines()[0], tt.log)
			}
		})
	}
}

func TestAnOrdinaryTimeOutOfTheApplicationsIsAFailure(t *testing.T) {
	log := &gatewaytest.Log{}
	w := serve(t, failing(interruption{"TimeoutError: the database", false}), environ.Config{}, gateway.Options{Log: log.Logger()}, gatewaytest.Request("GET", "/"))
	assert.Equal(t, 500, w.Head.Status)
	assert.Len(t, log.Lines(), 1)
}
