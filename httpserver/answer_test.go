package httpserver

import (
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
)

// sentResponse is what a ResponseWriter was asked to send.
type sentResponse struct {
	head    *Head
	content string
}

func (s *sentResponse) WriteHead(h *Head) error { s.head = h; return nil }
func (s *sentResponse) Write(p []byte) error    { s.content += string(p); return nil }

func (s *sentResponse) SendFile(*os.File, int64, int64) error { return nil }
func (s *sentResponse) Abort()                                {}
func (s *sentResponse) Disconnected() bool                    { return false }

func TestAnAnswerOfTheServersOwnSaysWhatItMeans(t *testing.T) {
	for name, test := range map[string]struct {
		status  int
		content string
	}{
		"with a sentence":    {http.StatusRequestEntityTooLarge, "Request Entity Too Large\n\nThe request has more content than the server accepts.\n"},
		"without a sentence": {http.StatusNotImplemented, "Not Implemented\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var sent sentResponse
			answer := OwnAnswer(test.status)
			assert.NoError(t, answer.Send(&sent, "GET"))
			assert.Equal(t, &Head{Status: test.status, Reason: http.StatusText(test.status), ContentLength: int64(len(test.content)),
				Fields: []HeaderField{{Name: "Content-Type", Value: "text/plain; charset=utf-8"}}}, sent.head)
			assert.Equal(t, test.content, sent.content)
		})
	}
}

func TestAnAnswerToHEADHasNoContent(t *testing.T) {
	var sent sentResponse
	answer := OwnAnswer(http.StatusServiceUnavailable)
	assert.NoError(t, answer.Send(&sent, "HEAD"))
	assert.True(t, sent.head.NoContent)
	assert.Positive(t, sent.head.ContentLength)
	assert.Empty(t, sent.content)
	assert.Contains(t, sent.head.Fields, HeaderField{Name: "Retry-After", Value: "1"})
}
