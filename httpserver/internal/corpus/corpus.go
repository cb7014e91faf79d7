// Package corpus loads the requests of testdata/requests, which every reader of HTTP in this project is
// tested with: the parser in every cut, the engines over sockets. The README there has the format. It does
// not say how a request is fed, and judges nothing.
package corpus

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A Case is one file: the bytes a client sends, and what they are.
type Case struct {
	// Name is the folder and the file without its extension, such as "invalid/bare-lf".
	Name string
	// Why is the comment at the head of the file.
	Why string
	// Raw is what is sent.
	Raw []byte
	// Requests are those to be served, in order.
	Requests []Request
	// Status is that of the refusal which follows Requests, after which the connection is closed; 0 when
	// there is none and Raw holds Requests and nothing else.
	Status int
	// Reason is part of the phrase that the log gives for the refusal.
	Reason string
}

// A Request is what a request in the corpus means.
type Request struct {
	Method, Target, Host string
	// Version is "1.0" or "1.1".
	Version string
	// Fields has name and value of each header field in order, without Transfer-Encoding.
	Fields [][2]string
	// ContentLength is -1 when it was not sent.
	ContentLength             int64
	Chunked                   bool
	KeepAlive, ExpectContinue bool
	// Body is the content without transfer coding.
	Body string
}

// Load reads the files of dir/valid and dir/invalid, sorted by name.
func Load(dir string) ([]Case, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*valid", "*.txt"))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no requests in %s", dir)
	}
	cases := make([]Case, len(names))
	for i, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		folder := filepath.Base(filepath.Dir(name))
		if cases[i], err = parse(string(text), folder == "valid"); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		cases[i].Name = folder + "/" + strings.TrimSuffix(filepath.Base(name), ".txt")
	}
	return cases, nil
}

// parse reads a file's text.
func parse(text string, valid bool) (c Case, err error) {
	var comment []string
	for strings.HasPrefix(text, "#") {
		line, rest, _ := strings.Cut(text, "\n")
		comment, text = append(comment, strings.TrimSpace(line[1:])), rest
	}
	c.Why = strings.Join(comment, " ")
	raw, expectation, ok := strings.Cut(text, "\n---\n")
	if !ok {
		return c, fmt.Errorf("no line --- between the request and what it means")
	}
	sent, err := unescape(strings.ReplaceAll(raw, "\n", ""))
	if err != nil {
		return c, err
	}
	c.Raw = []byte(sent)
	for line := range strings.Lines(expectation) {
		if err := c.expect(strings.TrimSuffix(line, "\n")); err != nil {
			return c, err
		}
	}
	switch {
	case c.Why == "":
		return c, fmt.Errorf("no comment that says why")
	case valid && (c.Status != 0 || len(c.Requests) == 0):
		return c, fmt.Errorf("a valid case has requests and no refusal")
	case !valid && (c.Status == 0 || c.Reason == ""):
		return c, fmt.Errorf("an invalid case has a refusal with its reason")
	}
	return c, nil
}

// expect takes one line of what the request means.
func (c *Case) expect(line string) error {
	key, text, _ := strings.Cut(line, ": ")
	text, err := unescape(text)
	if err != nil {
		return err
	}
	switch {
	case c.Status != 0:
		return fmt.Errorf("nothing can follow a refusal: %q", line)
	case key == "refuse":
		status, reason, _ := strings.Cut(text, " ")
		c.Status, err = strconv.Atoi(status)
		c.Reason = reason
		return err
	case key == "method":
		c.Requests = append(c.Requests, Request{Method: text, Version: "1.1", ContentLength: -1, KeepAlive: true})
		return nil
	case len(c.Requests) == 0:
		return fmt.Errorf("a line before the method: %q", line)
	}
	return c.Requests[len(c.Requests)-1].expect(key, text)
}

func (r *Request) expect(key, text string) (err error) {
	switch key {
	case "target":
		r.Target = text
	case "host":
		r.Host = text
	case "version":
		r.Version = text
	case "field":
		name, value, _ := strings.Cut(text, ":")
		r.Fields = append(r.Fields, [2]string{name, strings.TrimPrefix(value, " ")})
	case "content-length":
		r.ContentLength, err = strconv.ParseInt(text, 10, 64)
	case "chunked":
		r.Chunked, err = strconv.ParseBool(text)
	case "keep-alive":
		r.KeepAlive, err = strconv.ParseBool(text)
	case "expect-continue":
		r.ExpectContinue, err = strconv.ParseBool(text)
	case "body":
		r.Body += text
	default:
		err = fmt.Errorf("unknown key %q", key)
	}
	return err
}

// unescape undoes the escapes that the README lists.
func unescape(text string) (string, error) {
	var out strings.Builder
	for {
		plain, rest, found := strings.Cut(text, `\`)
		out.WriteString(plain)
		if !found {
			return out.String(), nil
		}
		if rest == "" {
			return "", fmt.Errorf(`a line ends in a single \`)
		}
		width := 1
		switch rest[0] {
		case 'r':
			out.WriteByte('\r')
		case 'n':
			out.WriteByte('\n')
		case 't':
			out.WriteByte('\t')
		case '\\':
			out.WriteByte('\\')
		case 'x':
			if len(rest) < 3 {
				return "", fmt.Errorf(`\x without two digits`)
			}
			code, err := strconv.ParseUint(rest[1:3], 16, 8)
			if err != nil {
				return "", err
			}
			out.WriteByte(byte(code))
			width = 3
		case '{':
			body, _, ok := strings.Cut(rest[1:], "}")
			repeated, err := repeat(body)
			if !ok || err != nil {
				return "", fmt.Errorf(`\{%s} is not a text, * and a number: %w`, body, err)
			}
			out.WriteString(repeated)
			width = len(body) + 2
		default:
			return "", fmt.Errorf(`unknown escape \%c`, rest[0])
		}
		text = rest[width:]
	}
}

// repeat returns the text of TEXT*COUNT as often as it says.
func repeat(body string) (string, error) {
	star := strings.LastIndexByte(body, '*')
	if star < 0 {
		return "", fmt.Errorf("no *")
	}
	count, err := strconv.ParseUint(body[star+1:], 10, 24)
	if err != nil {
		return "", err
	}
	text, err := unescape(body[:star])
	return strings.Repeat(text, int(count)), err
}
