package enginetest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// client is a raw connection on which nothing blocks for ever.
type client struct {
	*suite
	net.Conn
	r *bufio.Reader
}

func (srv *server) dial() *client {
	srv.Helper()
	c, err := net.Dial(srv.network, srv.addr)
	require.NoError(srv, err)
	return srv.client(c)
}

func (srv *server) client(c net.Conn) *client {
	srv.Helper()
	require.NoError(srv, c.SetDeadline(time.Now().Add(patience)))
	srv.Cleanup(func() { c.Close() })
	return &client{srv.suite, c, bufio.NewReader(c)}
}

// get sends a GET for target on a new connection.
func (srv *server) get(target string) *client {
	srv.Helper()
	c := srv.dial()
	c.send(getRequest(target))
	return c
}

func getRequest(target string) string { return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n" }

func (c *client) send(s string) {
	c.Helper()
	_, err := io.WriteString(c.Conn, s)
	require.NoError(c, err)
}

// sendInBackground is for what the server may not read to its end.
func (c *client) sendInBackground(s string) {
	go func() { _, _ = io.WriteString(c.Conn, s) }()
}

// response reads a response to method, its content included. Interim responses are left out.
func (c *client) response(method string) (*http.Response, string) {
	c.Helper()
	for {
		res, err := http.ReadResponse(c.r, &http.Request{Method: method})
		require.NoError(c, err)
		if res.StatusCode/100 == 1 {
			continue
		}
		content, err := io.ReadAll(res.Body)
		require.NoError(c, err)
		return res, string(content)
	}
}

// expect reads a response and compares its status and its content.
func (c *client) expect(status int, content string) *http.Response {
	c.Helper()
	res, got := c.response("GET")
	require.Equal(c, status, res.StatusCode, got)
	if len(content) < 1000 {
		require.Equal(c, content, got)
	} else {
		require.True(c, content == got, "%d bytes of content, not the %d that were sent", len(got), len(content))
	}
	return res
}

// refused reads a response of the engine's own, after which the connection is closed once the client has
// ended its side too.
func (c *client) refused(status int) *http.Response {
	c.Helper()
	res, _ := c.response("GET")
	require.Equal(c, status, res.StatusCode)
	assert.True(c, res.Close, "it does not announce that the connection is closed")
	c.halfClose()
	c.closed()
	return res
}

// rest reads until the server closes.
func (c *client) rest() string {
	c.Helper()
	got, err := io.ReadAll(c.r)
	require.NoError(c, err)
	return string(got)
}

// closed expects the end of the connection and nothing before it.
func (c *client) closed() {
	c.Helper()
	assert.Empty(c, c.rest())
}

// closedSomehow expects the end of the connection, or a reset.
func (c *client) closedSomehow() {
	c.Helper()
	got, err := io.ReadAll(c.r)
	assert.Empty(c, got)
	if err != nil {
		assert.ErrorIs(c, err, syscall.ECONNRESET)
	}
}

// open expects that the connection serves another request.
func (c *client) open() {
	c.Helper()
	c.send(getRequest("/again"))
	res, _ := c.response("GET")
	assert.Equal(c, 200, res.StatusCode)
}

// halfClose ends what the client sends, unless the connection has ended already.
func (c *client) halfClose() {
	c.Helper()
	if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		require.ErrorIs(c, err, syscall.ENOTCONN)
	}
}

// abort closes so that the server gets an error, where the socket knows such a thing.
func (c *client) abort() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.Close()
}

// cutShort reads a response that must not look complete.
func (c *client) cutShort(method string) {
	c.Helper()
	res, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err == nil {
		_, err = io.ReadAll(res.Body)
	}
	assert.True(c, errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET), "the client takes it for complete: %v", err)
}

var dateField = regexp.MustCompile(`Date: [A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT\r\n`)

// withoutDate replaces the value of Date.
func withoutDate(response string) string { return dateField.ReplaceAllString(response, "Date: D\r\n") }

// lines joins lines as HTTP does.
func lines(l ...string) string { return strings.Join(l, "\r\n") }
