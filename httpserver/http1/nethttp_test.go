package http1_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver/internal/corpus"
)

// leniencies are the cases in which this package accepts what net/http rejects, each reviewed. Everything
// else that net/http rejects must be refused here.
var leniencies = []struct {
	name, why string
	applies   func(ours corpus.Request, theirs error) bool
}{
	{"a bad percent escape",
		"net/http parses the target as a URL before the handler sees it; an application gets it as bytes, as from other WSGI servers",
		func(_ corpus.Request, theirs error) bool {
			var escape url.EscapeError
			return errors.As(theirs, &escape)
		}},
	{"a Trailer field that announces a framing field",
		"Trailer is a hint (RFC 9110, section 6.6.2): such a trailer itself is refused when it comes",
		func(ours corpus.Request, theirs error) bool {
			return ours.Chunked && len(values(ours, "Trailer")) > 0 && strings.Contains(theirs.Error(), "bad trailer key")
		}},
}

// changes are what net/http does to a request that both accept, applied to ours before they are compared.
var changes = []struct {
	name, why string
	change    func(ours *corpus.Request)
}{
	{"Host is taken out", "net/http has it in Request.Host", drop("Host")},
	{"Trailer is taken out of a chunked request", "net/http has it in Request.Trailer",
		func(ours *corpus.Request) {
			if ours.Chunked {
				drop("Trailer")(ours)
			}
		}},
	{"Cache-Control is added to Pragma: no-cache", "net/http translates for caches of HTTP/1.0; an application gets what was sent",
		func(ours *corpus.Request) {
			pragma := values(*ours, "Pragma")
			if len(pragma) > 0 && pragma[0] == "no-cache" && len(values(*ours, "Cache-Control")) == 0 {
				ours.Fields = append(ours.Fields, [2]string{"Cache-Control", "no-cache"})
			}
		}},
}

// FuzzAgainstNetHTTP reads one request by this package and by net/http: whatever net/http rejects is
// refused here, save for the leniencies; whatever both accept means the same, and ends at the same byte.
func FuzzAgainstNetHTTP(f *testing.F) {
	seedCorpus(f, func(stream []byte) { f.Add(stream) })
	f.Fuzz(func(t *testing.T, stream []byte) {
		ours := read(stream, nil, 1)
		if len(ours.requests) == 0 {
			return
		}
		// One leading CRLF is skipped here (RFC 9112, section 2.2); net/http's server does so elsewhere.
		request, body, rest, err := readNetHTTP(bytes.TrimPrefix(stream, []byte("\r\n")))
		got := ours.requests[0]
		if err != nil {
			for _, leniency := range leniencies {
				if leniency.applies(got, err) {
					return
				}
			}
			t.Fatalf("accepted, though net/http says: %v", err)
		}
		require.Equal(t, rest, ours.unread, "bytes behind the request")
		compare(t, got, request, body)
	})
}

// readNetHTTP reads one request with its content, and returns how many bytes follow it.
func readNetHTTP(stream []byte) (request *http.Request, body string, rest int, err error) {
	from := bytes.NewReader(stream)
	buffered := bufio.NewReaderSize(from, 64<<10) // a trailer section has to fit
	if request, err = http.ReadRequest(buffered); err != nil {
		return nil, "", 0, err
	}
	content, err := io.ReadAll(request.Body)
	return request, string(content), buffered.Buffered() + from.Len(), err
}

func compare(t *testing.T, ours corpus.Request, theirs *http.Request, body string) {
	require.Equal(t, theirs.Method, ours.Method)
	require.Equal(t, theirs.RequestURI, ours.Target)
	require.Equal(t, theirs.Host, ours.Host)
	require.Equal(t, theirs.ProtoAtLeast(1, 1), ours.Version == "1.1")
	require.Equal(t, theirs.Close, !ours.KeepAlive)
	require.Equal(t, body, ours.Body)
	length := max(0, ours.ContentLength)
	if ours.Chunked {
		length = -1
	}
	require.Equal(t, theirs.ContentLength, length)

	for _, c := range changes {
		c.change(&ours)
	}
	header := http.Header{}
	for _, field := range ours.Fields {
		header.Add(field[0], field[1])
	}
	require.Equal(t, theirs.Header, header)
}

// values returns the values of the fields of that name.
func values(r corpus.Request, name string) (found []string) {
	for _, field := range r.Fields {
		if textproto.CanonicalMIMEHeaderKey(field[0]) == name {
			found = append(found, field[1])
		}
	}
	return found
}

// drop takes the fields of that name out.
func drop(name string) func(*corpus.Request) {
	return func(r *corpus.Request) {
		var kept [][2]string
		for _, field := range r.Fields {
			if textproto.CanonicalMIMEHeaderKey(field[0]) != name {
				kept = append(kept, field)
			}
		}
		r.Fields = kept
	}
}

func TestEveryDifferenceFromNetHTTPIsSeen(t *testing.T) {
	seen := map[string]bool{}
	for _, stream := range []string{
		"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTrailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	} {
		ours := read([]byte(stream), nil, 1)
		require.Len(t, ours.requests, 1)
		_, _, _, err := readNetHTTP([]byte(stream))
		require.Error(t, err)
		for _, leniency := range leniencies {
			if leniency.applies(ours.requests[0], err) {
				seen[leniency.name] = true
			}
		}
	}
	for _, leniency := range leniencies {
		require.True(t, seen[leniency.name], "%s is no difference any more: %s", leniency.name, leniency.why)
	}
}
