package nethttp

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

func post(fields string, content string) string {
	return "POST /p HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + content
}

const closing = "Connection: close\r\n"

func TestContentIsSpooledBeforeTheHandlerRuns(t *testing.T) {
	h, requests := recorder()
	ts := start(t, h, setup{Options: httpserver.Options{BodyBuffer: 10, SpoolDir: t.TempDir()}})
	for name, c := range map[string]struct{ fields, body, content string }{
		"of known length":                {"Content-Length: 7\r\n", "content", "content"},
		"in a file":                      {"Content-Length: 26\r\n", "abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz"},
		"chunked":                        {"Transfer-Encoding: chunked\r\n", "3\r\ncon\r\n4;x=y\r\ntent\r\n0\r\nX-Trailer: x\r\n\r\n", "content"},
		"chunked, and nothing in it":     {"Transfer-Encoding: chunked\r\n", "0\r\n\r\n", ""},
		"chunked, into a file":           {"Transfer-Encoding: chunked\r\n", "b\r\nhello world\r\n0\r\n\r\n", "hello world"},
		"chunked with a length to doubt": {"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", "7\r\ncontent\r\n0\r\n\r\n", "content"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Contains(t, ts.exchange(post(closing+c.fields, c.body)), "200 OK")
			got := wait(t, requests)
			assert.Equal(t, c.content, got.Content)
			assert.EqualValues(t, len(c.content), got.ContentLength)
			assert.True(t, got.Seekable)
			for _, f := range got.Fields {
				assert.NotEqual(t, "Transfer-Encoding", f[0])
				assert.NotEqual(t, "X-Trailer", f[0])
			}
		})
	}
}

func TestASlowUploadCostsNoThread(t *testing.T) {
	h, requests := recorder()
	ts := start(t, h, setup{threads: 1})
	slow := ts.dial()
	send(t, slow, post(closing+"Content-Length: 7\r\n", "con"))
	for range 3 {
		assert.Contains(t, ts.exchange("GET /fast HTTP/1.0\r\n\r\n"), "200 OK")
		assert.Equal(t, "/fast", wait(t, requests).Target)
	}
	assert.Contains(t, exchangeOn(t, slow, "tent"), "200 OK")
	assert.Equal(t, "content", wait(t, requests).Content)
}

func TestTheServerAsksForContentItself(t *testing.T) {
	h, requests := recorder()
	ts := start(t, h, setup{})
	c := ts.dial()
	send(t, c, post(closing+"Expect: 100-continue\r\nContent-Length: 7\r\n", ""))
	r := bufio.NewReader(c)
	for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} {
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, want, line)
	}
	assert.Empty(t, requests, "the handler has not run")
	send(t, c, "content")
	_, content := receive(t, r, "POST")
	assert.Equal(t, "ok", content)
	assert.Equal(t, "content", wait(t, requests).Content)
}

func TestUnknownExpectationsAreRefused(t *testing.T) {
	for name, expect := range map[string]string{
		"another one":         "tea",
		"one among the known": "100-continue, tea",
	} {
		t.Run(name, func(t *testing.T) {
			h, requests := recorder()
			ts := start(t, h, setup{})
			got := ts.exchange(post("Expect: "+expect+"\r\nContent-Length: 7\r\n", "content"))
			assert.True(t, strings.HasPrefix(got, "HTTP/1.1 417 Expectation Failed\r\n"), got)
			assert.Contains(t, got, "\r\nConnection: close\r\n")
			assert.Empty(t, requests)
		})
	}
}

func TestTheHandlerNeverSeesContentThatBreaksOff(t *testing.T) {
	for name, request := range map[string]string{
		"known length":     post("Content-Length: 7\r\n", "con"),
		"chunked":          post("Transfer-Encoding: chunked\r\n", "7\r\ncon"),
		"between chunks":   post("Transfer-Encoding: chunked\r\n", "3\r\ncon\r\n"),
		"in the last line": post("Transfer-Encoding: chunked\r\n", "3\r\ncon\r\n0\r\n"),
	} {
		for how, hangUp := range map[string]func(c *net.TCPConn) error{
			"closed":      (*net.TCPConn).Close,
			"half-closed": (*net.TCPConn).CloseWrite,
			"reset": func(c *net.TCPConn) error {
				if err := c.SetLinger(0); err != nil {
					return err
				}
				return c.Close()
			},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				h, requests := recorder()
				ts := start(t, h, setup{})
				c := ts.dial()
				send(t, c, request)
				require.NoError(t, hangUp(c.(*net.TCPConn)))
				line := ts.nextAccess()
				assert.Equal(t, 400, line.Status)
				assert.True(t, line.Aborted)
				assert.Empty(t, requests)
				if how == "half-closed" {
					got, err := io.ReadAll(c)
					assert.NoError(t, err)
					assert.Empty(t, string(got))
				}
			})
		}
	}
}

func TestMalformedContentIsRefused(t *testing.T) {
	h, requests := recorder()
	ts := start(t, h, setup{})
	got := ts.exchange(post("Transfer-Encoding: chunked\r\n", "zz\r\ncontent"))
	assert.True(t, strings.HasPrefix(got, "HTTP/1.1 400 Bad Request\r\n"), got)
	assert.Contains(t, got, "\r\nConnection: close\r\n")
	assert.Equal(t, 400, ts.nextAccess().Status)
	assert.Empty(t, requests)
}

func TestTooMuchContentIsRefused(t *testing.T) {
	for name, request := range map[string]string{
		"announced, and none of it sent":   post("Content-Length: 11\r\n", ""),
		"announced, with an expectation":   post("Expect: 100-continue\r\nContent-Length: 11\r\n", ""),
		"announced and sent":               post("Content-Length: 11\r\n", "01234567890"),
		"chunked":                          post("Transfer-Encoding: chunked\r\n", "b\r\n01234567890\r\n"),
		"chunked, of a client that closes": post(closing+"Transfer-Encoding: chunked\r\n", "b\r\n01234567890\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			h, requests := recorder()
			ts := start(t, h, setup{Options: httpserver.Options{MaxBody: 10}})
			c := ts.dial()
			send(t, c, request)
			res, content := receive(t, bufio.NewReader(c), "POST")
			assert.Equal(t, 413, res.StatusCode)
			assert.True(t, res.Close, "closing is announced")
			assert.Contains(t, content, "more content than the server accepts")
			line := ts.nextAccess()
			assert.Equal(t, 413, line.Status)
			assert.EqualValues(t, len(content), line.Bytes)
			assert.Empty(t, requests)
		})
	}
	t.Run("but the limit itself is not too much", func(t *testing.T) {
		h, requests := recorder()
		ts := start(t, h, setup{Options: httpserver.Options{MaxBody: 10}})
		for _, request := range []string{
			post(closing+"Content-Length: 10\r\n", "0123456789"),
			post(closing+"Transfer-Encoding: chunked\r\n", "a\r\n0123456789\r\n0\r\n\r\n"),
		} {
			assert.Contains(t, ts.exchange(request), "200 OK")
			assert.Equal(t, "0123456789", wait(t, requests).Content)
		}
	})
	t.Run("and without a limit nothing is", func(t *testing.T) {
		h, requests := recorder()
		ts := start(t, h, setup{Options: httpserver.Options{MaxBody: -1, BodyBuffer: -1}})
		assert.Contains(t, ts.exchange(post(closing+"Content-Length: 10\r\n", "0123456789")), "200 OK")
		assert.Equal(t, "0123456789", wait(t, requests).Content)
	})
}

func TestARefusedClientThatSendsAllFirstSeesTheAnswer(t *testing.T) {
	ts := start(t, text("unreachable"), setup{Options: httpserver.Options{MaxBody: 10}})
	c := ts.dial()
	send(t, c, post("Content-Length: 20000000\r\n", strings.Repeat("x", 20_000_000)))
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(got), "HTTP/1.1 413 "), string(got))
}

func TestContentThatCannotBeSpooledIsRefused(t *testing.T) {
	h, requests := recorder()
	dir := t.TempDir() + "/missing"
	ts := start(t, h, setup{Options: httpserver.Options{BodyBuffer: 3, SpoolDir: dir}})
	got := ts.exchange(post("Content-Length: 7\r\n", "content"))
	assert.True(t, strings.HasPrefix(got, "HTTP/1.1 503 Service Unavailable\r\n"), got)
	assert.Contains(t, got, "\r\nConnection: close\r\n")
	assert.Contains(t, ts.log.String(), "level=ERROR")
	assert.Contains(t, ts.log.String(), "no room for the content of a request")
	assert.Contains(t, ts.log.String(), dir)
	assert.Equal(t, 503, ts.nextAccess().Status)
	assert.Empty(t, requests)
	entries, _ := os.ReadDir(dir)
	assert.Empty(t, entries)
}

func TestAConnectionServesRequestsOneAfterTheOther(t *testing.T) {
	h, requests := recorder()
	ts := start(t, h, setup{})
	c := ts.dial()
	got := exchangeOn(t, c, post("Content-Length: 3\r\n", "one")+post("Transfer-Encoding: chunked\r\n", "3\r\ntwo\r\n0\r\n\r\n")+post(closing, ""))
	assert.Equal(t, 3, strings.Count(got, "HTTP/1.1 200 OK\r\n"), got)
	for _, want := range []string{"one", "two", ""} {
		assert.Equal(t, want, wait(t, requests).Content)
	}
}

func TestStreamedContentReachesTheHandlerAsItComes(t *testing.T) {
	parts := make(chan string)
	ts := start(t, serveFunc(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.EqualValues(t, -1, r.ContentLength)
		_, seekable := r.Body.(io.Seeker)
		assert.False(t, seekable)
		p := make([]byte, 100)
		for {
			n, err := r.Body.Read(p)
			if n > 0 {
				parts <- string(p[:n])
			}
			if err == io.EOF {
				break
			}
			if !assert.NoError(t, err) {
				break
			}
		}
		answer(w, "ok")
	}), setup{Options: httpserver.Options{StreamRequests: true}})
	c := ts.dial()
	send(t, c, post("Transfer-Encoding: chunked\r\n", ""))
	for _, part := range []string{"one", "two"} {
		send(t, c, "3\r\n"+part+"\r\n")
		assert.Equal(t, part, wait(t, parts))
	}
	send(t, c, "0\r\n\r\n")
	r := bufio.NewReader(c)
	res, content := receive(t, r, "POST")
	assert.Equal(t, "ok", content)
	assert.False(t, res.Close, "all was read: the connection stays open")
}

func TestStreamedContentMayBeReadWhileTheResponseIsSent(t *testing.T) {
	ts := start(t, serveFunc(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		_ = w.WriteHead(&httpserver.Head{Status: 200, ContentLength: -1})
		p := make([]byte, 3)
		for {
			n, err := io.ReadFull(r.Body, p)
			if n > 0 {
				assert.NoError(t, w.Write(p[:n]))
			}
			if err != nil {
				assert.Equal(t, io.EOF, err)
				return
			}
		}
	}), setup{Options: httpserver.Options{StreamRequests: true}})
	c := ts.dial()
	send(t, c, post("Content-Length: 9\r\n", "one"))
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	p := make([]byte, 3)
	for _, next := range []string{"two", "six", ""} {
		_, err := io.ReadFull(res.Body, p)
		require.NoError(t, err)
		send(t, c, next)
	}
	assert.Equal(t, "six", string(p))
	_, err = res.Body.Read(p)
	assert.Equal(t, io.EOF, err)
}

func TestStreamedContentThatBreaksOffIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		request string
		hangUp  bool
	}{
		"known length":     {post("Content-Length: 7\r\n", "con"), true},
		"chunked":          {post("Transfer-Encoding: chunked\r\n", "3\r\ncon\r\n"), true},
		"malformed chunks": {post("Transfer-Encoding: chunked\r\n", "3\r\ncon\r\nzz\r\n"), false},
		"over the limit":   {post("Transfer-Encoding: chunked\r\n", "9\r\n012345678\r\n"), false},
	} {
		t.Run(name, func(t *testing.T) {
			failures := make(chan error, 1)
			ts := start(t, serveFunc(func(w httpserver.ResponseWriter, r *httpserver.Request) {
				_, err := io.ReadAll(r.Body)
				failures <- err
				w.Abort()
			}), setup{Options: httpserver.Options{StreamRequests: true, MaxBody: 8}})
			conn := ts.dial()
			send(t, conn, c.request)
			if c.hangUp {
				require.NoError(t, conn.(*net.TCPConn).CloseWrite())
			}
			assert.ErrorIs(t, wait(t, failures), io.ErrUnexpectedEOF)
		})
	}
}

func TestAStreamedRequestThatIsNotReadClosesTheConnectionAfterItsAnswer(t *testing.T) {
	ts := start(t, text("no"), setup{Options: httpserver.Options{StreamRequests: true}})
	c := ts.dial()
	send(t, c, post("Content-Length: 1000000\r\n", strings.Repeat("x", 1_000_000)))
	r := bufio.NewReader(c)
	res, content := receive(t, r, "POST")
	assert.Equal(t, "no", content)
	assert.True(t, res.Close)
	_, err := r.ReadByte()
	assert.Equal(t, io.EOF, err)
}

func TestStreamedContentIsAskedForAtTheFirstRead(t *testing.T) {
	read := make(chan struct{})
	ts := start(t, serveFunc(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		<-read
		content, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		answer(w, string(content))
	}), setup{Options: httpserver.Options{StreamRequests: true}})
	c := ts.dial()
	send(t, c, post("Expect: 100-continue\r\nContent-Length: 7\r\n", ""))
	close(read)
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	assert.Equal(t, 100, res.StatusCode)
	send(t, c, "content")
	_, content := receive(t, r, "POST")
	assert.Equal(t, "content", content)
}
