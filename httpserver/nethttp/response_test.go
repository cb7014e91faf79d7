package nethttp

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

// parts answers with head and then each of the contents.
func parts(head httpserver.Head, contents ...string) serveFunc {
	return func(w httpserver.ResponseWriter, r *httpserver.Request) {
		head := head
		if err := w.WriteHead(&head); err != nil {
			w.Abort()
			return
		}
		for _, content := range contents {
			if err := w.Write([]byte(content)); err != nil {
				w.Abort()
				return
			}
		}
	}
}

func TestResponsesOnTheWire(t *testing.T) {
	const (
		get11  = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
		get10  = "GET / HTTP/1.0\r\n\r\n"
		keep10 = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
		head11 = "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	)
	for _, c := range []struct {
		name, request string
		h             serveFunc
		want          string
	}{
		{
			name: "known length on 1.1", request: get11, h: parts(httpserver.Head{Status: 200, ContentLength: 5}, "he", "llo"),
			want: lines("HTTP/1.1 200 OK", "Content-Length: 5", "Server: pyserve", "Date: D", "Connection: close", "", "hello"),
		},
		{
			name: "known length on 1.0", request: get10, h: parts(httpserver.Head{Status: 200, ContentLength: 5}, "hello"),
			want: lines("HTTP/1.0 200 OK", "Content-Length: 5", "Server: pyserve", "Date: D", "", "hello"),
		},
		{
			name: "unknown length on 1.1", request: get11, h: parts(httpserver.Head{Status: 200, ContentLength: -1}, "", "hello"),
			want: lines("HTTP/1.1 200 OK", "Server: pyserve", "Date: D", "Connection: close", "Transfer-Encoding: chunked", "",
				"5", "hello", "0", "", ""),
		},
		{
			name: "unknown length on 1.0", request: keep10, h: parts(httpserver.Head{Status: 200, ContentLength: -1}, "he", "llo"),
			want: lines("HTTP/1.0 200 OK", "Server: pyserve", "Date: D", "", "hello"),
		},
		{
			name: "unknown length and no content", request: get11, h: parts(httpserver.Head{Status: 200, ContentLength: -1}),
			want: lines("HTTP/1.1 200 OK", "Server: pyserve", "Date: D", "Content-Length: 0", "Connection: close", "", ""),
		},
		{
			name: "a length of nothing", request: get11, h: parts(httpserver.Head{Status: 404, ContentLength: 0}),
			want: lines("HTTP/1.1 404 Not Found", "Content-Length: 0", "Server: pyserve", "Date: D", "Connection: close", "", ""),
		},
		{
			name: "HEAD with a length", request: head11, h: parts(httpserver.Head{Status: 200, ContentLength: 5, NoContent: true}),
			want: lines("HTTP/1.1 200 OK", "Content-Length: 5", "Server: pyserve", "Date: D", "Connection: close", "", ""),
		},
		{
			name: "HEAD without", request: head11, h: parts(httpserver.Head{Status: 200, ContentLength: -1, NoContent: true}),
			want: lines("HTTP/1.1 200 OK", "Server: pyserve", "Date: D", "Connection: close", "", ""),
		},
		{
			name: "204", request: get11, h: parts(httpserver.Head{Status: 204, ContentLength: 0, NoContent: true}),
			want: lines("HTTP/1.1 204 No Content", "Server: pyserve", "Date: D", "Connection: close", "", ""),
		},
		{
			name: "205", request: get11, h: parts(httpserver.Head{Status: 205, ContentLength: 0, NoContent: true}),
			want: lines("HTTP/1.1 205 Reset Content", "Content-Length: 0", "Server: pyserve", "Date: D", "Connection: close", "", ""),
		},
		{
			name: "304", request: get11,
			h:    parts(httpserver.Head{Status: 304, ContentLength: -1, NoContent: true, Fields: []httpserver.HeaderField{{Name: "ETag", Value: `"x"`}}}),
			want: lines("HTTP/1.1 304 Not Modified", `ETag: "x"`, "Server: pyserve", "Date: D", "Connection: close", "", ""),
		},
		{
			name: "names in their spelling, values in their bytes, nothing twice", request: get11,
			h: parts(httpserver.Head{Status: 200, ContentLength: 2, Fields: []httpserver.HeaderField{
				{Name: "content-TYPE", Value: "text/html"}, {Name: "DATE", Value: "today"}, {Name: "sERVER", Value: "mine"}, {Name: "x-lower", Value: "caf\xe9"},
				{Name: "Set-Cookie", Value: "b"}, {Name: "Set-Cookie", Value: "a"}, {Name: "X_Under"},
			}}, "ok"),
			want: lines("HTTP/1.1 200 OK", "Content-Length: 2", "Content-Type: text/html", "Date: today", "Server: mine",
				"Set-Cookie: b", "Set-Cookie: a", "X_Under: ", "x-lower: caf\xe9", "Connection: close", "", "ok"),
		},
		{
			name: "no content type is guessed", request: get11, h: parts(httpserver.Head{Status: 200, ContentLength: 6}, "<html>"),
			want: lines("HTTP/1.1 200 OK", "Content-Length: 6", "Server: pyserve", "Date: D", "Connection: close", "", "<html>"),
		},
		{
			name: "an unknown status", request: get11, h: parts(httpserver.Head{Status: 999, Reason: "Mine", ContentLength: 0}),
			want: lines("HTTP/1.1 999 status code 999", "Content-Length: 0", "Server: pyserve", "Date: D", "Connection: close", "", ""),
		},
		{
			name: "the application closes", request: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", h: parts(httpserver.Head{Status: 200, ContentLength: 2, Close: true}, "ok"),
			want: lines("HTTP/1.1 200 OK", "Connection: close", "Content-Length: 2", "Server: pyserve", "Date: D", "", "ok"),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			ts := start(t, c.h, setup{})
			assert.Equal(t, c.want, ts.exchange(c.request))
			line := ts.nextAccess()
			assert.False(t, line.Aborted)
			assert.Zero(t, strings.Count(ts.log.String(), "level=WARN"), ts.log)
		})
	}
}

func TestAKeepAliveConnectionOf10StaysOpenWhenTheLengthIsKnown(t *testing.T) {
	ts := start(t, text("ok"), setup{})
	c := ts.dial()
	r := bufio.NewReader(c)
	for range 2 {
		send(t, c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		res, content := receive(t, r, "GET")
		assert.Equal(t, "keep-alive", res.Header.Get("Connection"))
		assert.Equal(t, "ok", content)
	}
}

func TestTheServerNameCanBeChosen(t *testing.T) {
	ts := start(t, text("ok"), setup{Options: httpserver.Options{ServerName: "other/1"}})
	assert.Contains(t, ts.exchange("GET / HTTP/1.0\r\n\r\n"), "\r\nServer: other/1\r\n")
}

func TestEveryWriteReachesTheClientBeforeItReturns(t *testing.T) {
	for name, length := range map[string]int64{"known length": 9, "chunked": -1} {
		t.Run(name, func(t *testing.T) {
			written, next := make(chan error), make(chan struct{})
			ts := start(t, serveFunc(func(w httpserver.ResponseWriter, r *httpserver.Request) {
				_ = w.WriteHead(&httpserver.Head{Status: 200, ContentLength: length})
				for _, part := range []string{"one", "two", "six"} {
					written <- w.Write([]byte(part))
					<-next
				}
			}), setup{})
			c := ts.dial()
			send(t, c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			require.NoError(t, wait(t, written))
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			require.NoError(t, err)
			p := make([]byte, 3)
			for _, want := range []string{"one", "two", "six"} {
				if want != "one" {
					require.NoError(t, wait(t, written))
				}
				_, err := io.ReadFull(res.Body, p)
				require.NoError(t, err)
				assert.Equal(t, want, string(p))
				next <- struct{}{}
			}
			_, err = res.Body.Read(p)
			assert.Equal(t, io.EOF, err)
		})
	}
}

func TestAResponseThatIsNotCompleteIsSeenAsCutOff(t *testing.T) {
	const get11, get10 = "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"
	abortAfter := func(length int64) serveFunc {
		return func(w httpserver.ResponseWriter, r *httpserver.Request) {
			_ = w.WriteHead(&httpserver.Head{Status: 200, ContentLength: length})
			_ = w.Write([]byte("con"))
			w.Abort()
		}
	}
	panicAfter := func(w httpserver.ResponseWriter, r *httpserver.Request) {
		_ = w.WriteHead(&httpserver.Head{Status: 200, ContentLength: -1})
		_ = w.Write([]byte("con"))
		panic("boom")
	}
	for _, c := range []struct {
		name, request string
		h             serveFunc
	}{
		{"aborted, known length", get11, abortAfter(7)},
		{"aborted with all content sent", get11, abortAfter(3)},
		{"aborted, chunked", get11, abortAfter(-1)},
		{"aborted, closed by the end on 1.0", get10, abortAfter(-1)},
		{"too short", get11, parts(httpserver.Head{Status: 200, ContentLength: 7}, "con")},
		{"panic, chunked", get11, panicAfter},
		{"panic on 1.0", get10, panicAfter},
	} {
		t.Run(c.name, func(t *testing.T) {
			ts := start(t, c.h, setup{})
			conn := ts.dial()
			send(t, conn, c.request)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err == nil {
				_, err = io.ReadAll(res.Body)
			}
			if c.name != "aborted with all content sent" {
				assert.Error(t, err)
			}
			line := ts.nextAccess()
			assert.Equal(t, 200, line.Status)
			assert.True(t, line.Aborted)
			assert.EqualValues(t, 3, line.Bytes)
		})
	}
	for _, c := range []struct {
		name string
		h    serveFunc
	}{
		{"no head", func(httpserver.ResponseWriter, *httpserver.Request) {}},
		{"aborted before the head", func(w httpserver.ResponseWriter, r *httpserver.Request) { w.Abort() }},
		{"aborted before content", func(w httpserver.ResponseWriter, r *httpserver.Request) {
			_ = w.WriteHead(&httpserver.Head{Status: 200, ContentLength: 7})
			w.Abort()
		}},
		{"nothing of what was announced", parts(httpserver.Head{Status: 200, ContentLength: 7})},
		{"content without head", func(w httpserver.ResponseWriter, r *httpserver.Request) {
			assert.ErrorIs(t, w.Write([]byte("x")), httpserver.ErrNoHead)
		}},
		{"the panic that means to abort", func(httpserver.ResponseWriter, *httpserver.Request) { panic(http.ErrAbortHandler) }},
	} {
		t.Run(c.name+" closes without an answer", func(t *testing.T) {
			ts := start(t, c.h, setup{})
			assert.Empty(t, ts.exchange(get11))
			line := ts.nextAccess()
			assert.True(t, line.Aborted)
			assert.NotZero(t, line.Status)
			assert.NotContains(t, ts.log.String(), "panic")
		})
	}
}

func TestAPanicIsAnsweredBy500WhileThatIsPossible(t *testing.T) {
	for name, h := range map[string]serveFunc{
		"before the head": func(httpserver.ResponseWriter, *httpserver.Request) { panic("boom") },
		"after the head, which nobody has seen": func(w httpserver.ResponseWriter, r *httpserver.Request) {
			_ = w.WriteHead(&httpserver.Head{Status: 200, ContentLength: 3, Fields: []httpserver.HeaderField{{Name: "X-Secret", Value: "x"}}})
			panic(errors.New("boom"))
		},
		"with a file to be sent": func(w httpserver.ResponseWriter, r *httpserver.Request) {
			_ = w.WriteHead(&httpserver.Head{Status: 200, ContentLength: 3})
			_ = w.SendFile(tempFile(t, "abc"), 0, 3)
			panic("boom")
		},
	} {
		t.Run(name, func(t *testing.T) {
			ts := start(t, h, setup{threads: 1})
			c := ts.dial()
			r := bufio.NewReader(c)
			for range 2 { // the thread lives on, and the connection too
				send(t, c, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
				res, content := receive(t, r, "GET")
				assert.Equal(t, 500, res.StatusCode)
				assert.Equal(t, "Internal Server Error\n", content)
				assert.Empty(t, res.Header.Get("X-Secret"))
				assert.Equal(t, 500, ts.nextAccess().Status)
			}
			assert.Contains(t, ts.log.String(), "panic=boom")
			assert.Contains(t, ts.log.String(), "TestAPanicIsAnsweredBy500WhileThatIsPossible", "the stack is logged")
		})
	}
}

func TestTheWriterHoldsTheHandlerToItsContract(t *testing.T) {
	results := make(chan error, 10)
	ts := start(t, serveFunc(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		results <- w.Write([]byte("x"))
		results <- w.SendFile(tempFile(t, "abc"), 0, 3)
		results <- w.WriteHead(&httpserver.Head{Status: 200, ContentLength: 3})
		results <- w.WriteHead(&httpserver.Head{Status: 200, ContentLength: 3})
		results <- w.Write([]byte("abcd"))
		results <- w.SendFile(tempFile(t, "abc"), 0, 4)
		results <- w.SendFile(tempFile(t, "abc"), -1, 3)
		results <- w.Write([]byte("abc"))
		results <- w.SendFile(tempFile(t, "abc"), 0, 0)
		results <- w.Write([]byte("d"))
	}), setup{})
	assert.Contains(t, ts.exchange("GET / HTTP/1.0\r\n\r\n"), "\r\n\r\nabc")
	for i, want := range []error{httpserver.ErrNoHead, httpserver.ErrNoHead, nil, httpserver.ErrHeadTwice, httpserver.ErrTooMuch, httpserver.ErrTooMuch, httpserver.ErrBadSection, nil, nil, httpserver.ErrNoMore} {
		assert.ErrorIs(t, wait(t, results), want, "call %d", i)
	}
}

func TestWritingToAClientThatIsGoneFails(t *testing.T) {
	accepted, results := make(chan struct{}), make(chan error, 1)
	ts := start(t, serveFunc(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		_ = w.WriteHead(&httpserver.Head{Status: 200, ContentLength: -1})
		assert.False(t, w.Disconnected())
		accepted <- struct{}{}
		block := make([]byte, 64<<10)
		var err error
		for err == nil {
			err = w.Write(block)
		}
		assert.True(t, w.Disconnected())
		assert.Equal(t, err, w.Write(block), "it stays so")
		results <- err
	}), setup{})
	c := ts.dial()
	send(t, c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	wait(t, accepted)
	c.Close()
	assert.ErrorIs(t, wait(t, results), httpserver.ErrDisconnected)
	assert.True(t, ts.nextAccess().Aborted)
}

func TestAHandlerLearnsThatTheClientIsGone(t *testing.T) {
	started, noticed := make(chan struct{}), make(chan struct{})
	ts := start(t, serveFunc(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		close(started)
		<-w.(*response).hr.Context().Done()
		assert.True(t, w.Disconnected())
		close(noticed)
	}), setup{})
	c := ts.dial()
	send(t, c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	wait(t, started)
	c.Close()
	wait(t, noticed)
}
