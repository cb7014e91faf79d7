package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// client is a browser of sorts: it keeps cookies and connections, and does not follow redirects.
type client struct {
	http *http.Client
	base string
}

// answer is a response read to its end.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

func (s *server) client(t *testing.T) *client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{
		MaxIdleConnsPerHost: 64,
		DisableCompression:  true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, s.network, s.addr)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	base := s.URL
	if base == "" {
		base = "http://unix.invalid"
	}
	return &client{base: base, http: &http.Client{
		Jar:       jar,
		Timeout:   patience,
		Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}
}

// try sends a request; header holds pairs of name and value. It may be called on any goroutine.
func (c *client) try(method, path string, body io.Reader, header ...string) (answer, error) {
	req, err := http.NewRequest(method, c.base+path, body)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(content)}, err
}

func (c *client) send(t *testing.T, method, path string, body io.Reader, header ...string) answer {
	t.Helper()
	a, err := c.try(method, path, body, header...)
	require.NoError(t, err, "%s %s", method, path)
	return a
}

func (c *client) get(t *testing.T, path string, header ...string) answer {
	t.Helper()
	return c.send(t, "GET", path, nil, header...)
}

func (c *client) postForm(t *testing.T, path string, form url.Values, header ...string) answer {
	t.Helper()
	header = append(header, "Content-Type", "application/x-www-form-urlencoded")
	return c.send(t, "POST", path, strings.NewReader(form.Encode()), header...)
}

// upload posts a multipart form with a field "note" and a file "file".
func (c *client) upload(t *testing.T, path, filename string, content []byte, header ...string) answer {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	require.NoError(t, form.WriteField("note", "for you"))
	part, err := form.CreateFormFile("file", filename)
	require.NoError(t, err)
	_, err = part.Write(content)
	require.NoError(t, err)
	require.NoError(t, form.Close())
	header = append(header, "Content-Type", form.FormDataContentType())
	return c.send(t, "POST", path, &body, header...)
}

// getJSON is the JSON at path, which must be there.
func getJSON[T any](t *testing.T, c *client, path string, header ...string) T {
	t.Helper()
	return decode[T](t, c.get(t, path, header...))
}

func decode[T any](t *testing.T, a answer) (value T) {
	t.Helper()
	require.Equal(t, http.StatusOK, a.Status, a.Body)
	require.NoError(t, json.Unmarshal([]byte(a.Body), &value), a.Body)
	return value
}

// raw sends bytes as they are and returns the bytes that come back until the server closes the
// connection: the request has to ask for that.
func (s *server) raw(t *testing.T, request string) string {
	t.Helper()
	conn := s.dial(t)
	_, err := io.WriteString(conn, request)
	require.NoError(t, err)
	return readToEnd(t, conn)
}

// readToEnd reads until the server closes. A reset ends it as well: the server may have left bytes unread.
func readToEnd(t *testing.T, conn net.Conn) string {
	t.Helper()
	content, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		require.FailNow(t, "the server does not close the connection", "so far: %q", content)
	}
	return string(content)
}

// rawGet is raw for a GET of path that ends the connection; header holds whole lines.
func (s *server) rawGet(t *testing.T, path string, header ...string) string {
	t.Helper()
	return s.raw(t, head("GET", path, append(header, "Connection: close")...))
}

// head is a request head of HTTP/1.1; header holds whole lines without their ends.
func head(method, path string, header ...string) string {
	lines := append([]string{method + " " + path + " HTTP/1.1", "Host: example.com"}, header...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// chunked is content in chunks of at most size bytes, with the last chunk.
func chunked(content []byte, size int) string {
	var b strings.Builder
	for len(content) > 0 {
		n := min(size, len(content))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, content[:n])
		content = content[n:]
	}
	return b.String() + "0\r\n\r\n"
}

// parsed is what raw bytes mean to a strict client: err tells whether the content was whole.
func parsed(t *testing.T, raw, method string) (a answer, err error) {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(raw)), &http.Request{Method: method})
	require.NoError(t, err, "no HTTP response: %q", raw)
	content, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(content)}, err
}

// pattern is size bytes that repeat only after a long while, so that a lost or doubled block shows.
func pattern(size int) []byte {
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i ^ i>>8 ^ i>>16*31)
	}
	return content
}

func sha(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
