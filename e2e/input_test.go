package e2e_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bothBufferings runs test on a server that spools requests and on one that streams them.
func bothBufferings(t *testing.T, test func(t *testing.T, s *server, spooled bool)) {
	for _, buffering := range []string{"on", "off"} {
		t.Run("request buffering "+buffering, func(t *testing.T) {
			t.Parallel()
			test(t, start(t, "apps.echo:app", "--request-buffering", buffering), buffering == "on")
		})
	}
}

// post is a POST of body in the framing named, ending the connection.
func post(path, framing, body string, header ...string) string {
	header = append(header, "Connection: close")
	if framing == "chunked" {
		return head("POST", path, append(header, "Transfer-Encoding: chunked")...) + chunked([]byte(body), 5)
	}
	return head("POST", path, append(header, fmt.Sprintf("Content-Length: %d", len(body)))...) + body
}

func TestContentThatIsNoHTTPIsTheClientsFaultThoughTheApplicationReadsIt(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"reactor", "nethttp"} {
		for _, buffering := range []string{"on", "off"} {
			t.Run(engine+", buffering "+buffering, func(t *testing.T) {
				t.Parallel()
				s := start(t, "apps.echo:app", "--request-buffering", buffering, "--engine", engine, "--max-body", "10")
				for content, status := range map[string]int{
					"5\r\nhello\r\n0\r\nHost: b\r\n\r\n":           400,
					"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n": 400,
					"-5\r\nhello\r\n0\r\n\r\n":                     400,
					"5\r\nhelloXYZ\r\n":                            400,
					"b\r\nhello world\r\n0\r\n\r\n":                413,
					"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n":          200,
				} {
					a, err := parsed(t, s.raw(t, head("POST", "/pieces/read", "Connection: close", "Transfer-Encoding: chunked")+content), "POST")
					require.NoError(t, err)
					assert.Equal(t, status, a.Status, "%q", content)
				}
				s.stop(t)
				assert.NotContains(t, s.stderr.String(), "ERROR", "the application is not to blame")
			})
		}
	}
}

func TestWsgiInputReadsLikeAFile(t *testing.T) {
	t.Parallel()
	const body = "first\nsecond\r\n\nlast"
	type pieces []string
	want := map[string]pieces{
		"read":           {body},
		"read_minus_one": {body},
		"read_size":      nil, // any cut is right when streamed: see below
		"read_zero":      {"", body},
		"readline":       {"first\n", "second\r\n", "\n", "last"},
		"readline_size":  {"firs", "t\n", "seco", "nd\r\n", "\n", "last"},
		"readlines":      {"first\n", "second\r\n", "\n", "last"},
		"readlines_hint": {"first\n", "second\r\n\nlast"},
		"iterate":        {"first\n", "second\r\n", "\n", "last"},
		"seek":           {body, "19", "t\nsecond\r\n\nlast", "first\n", "19"},
	}
	bothBufferings(t, func(t *testing.T, s *server, spooled bool) {
		for method, expected := range want {
			if method == "seek" && !spooled {
				continue
			}
			for _, framing := range []string{"length", "chunked"} {
				t.Run(method+" "+framing, func(t *testing.T) {
					a, err := parsed(t, s.raw(t, post("/pieces/"+method, framing, body)), "POST")
					require.NoError(t, err)
					got := decode[struct {
						Pieces, After, Types []string
						Length               *string
						Terminated           bool
					}](t, a)
					if expected == nil {
						assert.Equal(t, body, strings.Join(got.Pieces, ""))
						for _, piece := range got.Pieces {
							assert.LessOrEqual(t, len(piece), 4)
						}
					} else {
						assert.Equal(t, expected, pieces(got.Pieces))
					}
					assert.Equal(t, "", strings.Join(got.After, ""), "nothing comes after the end")
					assert.Equal(t, []string{"bytes"}, got.Types)
					assert.True(t, got.Terminated)
					if spooled || framing == "length" {
						require.NotNil(t, got.Length)
						assert.Equal(t, "19", *got.Length)
					} else {
						assert.Nil(t, got.Length)
					}
				})
			}
		}
		t.Run("no body reads as empty", func(t *testing.T) {
			for _, method := range []string{"GET", "POST"} {
				a, err := parsed(t, s.raw(t, head(method, "/pieces/read", "Connection: close")), method)
				require.NoError(t, err)
				assert.Contains(t, a.Body, `"pieces": [""]`)
			}
		})
	})
}

func TestBodiesOfEverySizeArriveWhole(t *testing.T) {
	t.Parallel()
	bothBufferings(t, func(t *testing.T, s *server, _ bool) {
		c := s.client(t)
		for _, size := range []int{0, 1, 4095, 65536, 1 << 20, 1<<20 + 1, 12 << 20} {
			content := pattern(size)
			for framing, body := range map[string]io.Reader{
				"length":  bytes.NewReader(content),
				"chunked": bufio.NewReader(bytes.NewReader(content)),
			} {
				t.Run(fmt.Sprintf("%d bytes %s", size, framing), func(t *testing.T) {
					got := decode[map[string]any](t, c.send(t, "POST", "/digest", body))
					assert.EqualValues(t, size, got["size"])
					assert.Equal(t, sha(content), got["sha256"])
					assert.Nil(t, got["transfer_encoding"], "the body is no longer chunked")
				})
			}
		}
	})
}

// brokenBodies are requests whose client stops, or errs, in the middle of the body.
var brokenBodies = map[string]string{
	"short of its Content-Length":     head("POST", "/digest", "Content-Length: 100") + "0123456789",
	"without any of its body":         head("POST", "/digest", "Content-Length: 100"),
	"within a chunk":                  head("POST", "/digest", "Transfer-Encoding: chunked") + "64\r\n0123456789",
	"between two chunks":              head("POST", "/digest", "Transfer-Encoding: chunked") + "a\r\n0123456789\r\n",
	"before the end of the trailers":  head("POST", "/digest", "Transfer-Encoding: chunked") + "a\r\n0123456789\r\n0\r\n",
	"with a chunk size that is none":  head("POST", "/digest", "Transfer-Encoding: chunked") + "a\r\n0123456789\r\nzz\r\n",
	"with a chunk longer than stated": head("POST", "/digest", "Transfer-Encoding: chunked") + "5\r\n0123456789\r\n0\r\n\r\n",
}

func TestABodyBrokenOffNeverLooksWhole(t *testing.T) {
	t.Parallel()
	type counters struct {
		Calls, Complete int
		Failed          []struct{ Kinds []string }
	}
	bothBufferings(t, func(t *testing.T, s *server, spooled bool) {
		c := s.client(t)
		for name, request := range brokenBodies {
			t.Run(name, func(t *testing.T) {
				before := getJSON[counters](t, c, "/counters")
				conn := s.dial(t)
				_, err := io.WriteString(conn, request)
				require.NoError(t, err)
				require.NoError(t, conn.(*net.TCPConn).CloseWrite())
				// When the server closes its side as well, it is done with the request.
				assert.NotContains(t, readToEnd(t, conn), "HTTP/1.1 200")
				after := getJSON[counters](t, c, "/counters")
				assert.Equal(t, before.Complete, after.Complete)
				if spooled {
					assert.Equal(t, before.Calls, after.Calls, "the application must not be called")
					return
				}
				// The application may not have been called either: the server can see a fault early.
				require.Len(t, after.Failed, len(before.Failed)+after.Calls-before.Calls)
				for _, failure := range after.Failed {
					assert.Contains(t, failure.Kinds, "OSError")
				}
			})
		}
		if !spooled {
			assert.NotEmpty(t, getJSON[counters](t, c, "/counters").Failed)
		}
	})
}

func TestExpect100Continue(t *testing.T) {
	t.Parallel()
	expecting := func(path string) string {
		return head("POST", path, "Content-Length: 4", "Expect: 100-continue", "Connection: close")
	}
	bothBufferings(t, func(t *testing.T, s *server, spooled bool) {
		t.Run("is answered before the body comes", func(t *testing.T) {
			conn := s.dial(t)
			_, err := io.WriteString(conn, expecting("/digest"))
			require.NoError(t, err)
			r := bufio.NewReader(conn)
			line, err := r.ReadString('\n')
			require.NoError(t, err)
			assert.Equal(t, "HTTP/1.1 100 Continue\r\n", line)
			_, err = io.WriteString(conn, "body")
			require.NoError(t, err)
			rest, err := io.ReadAll(r)
			require.NoError(t, err)
			assert.Contains(t, string(rest), sha([]byte("body")))
		})
		if spooled {
			return
		}
		t.Run("is not answered when the application does not read", func(t *testing.T) {
			raw := s.raw(t, expecting("/unread"))
			assert.True(t, strings.HasPrefix(raw, "HTTP/1.1 401 "), "%q", raw)
			assert.NotContains(t, raw, "100 Continue")
		})
	})
}

func TestARefusalWithTheBodyUnreadIsSeen(t *testing.T) {
	t.Parallel()
	bothBufferings(t, func(t *testing.T, s *server, _ bool) {
		a := s.client(t).send(t, "POST", "/unread", bytes.NewReader(pattern(3<<20)))
		assert.Equal(t, 401, a.Status)
		assert.Equal(t, "who?", a.Body)
	})
}

func TestTheNextRequestOnAConnectionStartsWhereTheBodyEnded(t *testing.T) {
	t.Parallel()
	bothBufferings(t, func(t *testing.T, s *server, _ bool) {
		keep := strings.Replace(post("/digest", "chunked", "one"), "Connection: close\r\n", "", 1)
		raw := s.raw(t, keep+post("/digest", "length", "two")) // pipelined
		assert.Equal(t, 2, strings.Count(raw, "HTTP/1.1 200"), "%q", raw)
		assert.Contains(t, raw, sha([]byte("one")))
		assert.Contains(t, raw, sha([]byte("two")))
	})
}
