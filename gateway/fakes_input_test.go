package gateway_test

import (
	"io"
	"strconv"
	"strings"

	"github.com/pyserve/pyserve/gateway"
)

// operate does one operation on wsgi.input as pyhost does it for Python.
func operate(in *gateway.Input, operation string) string {
	words := strings.Split(operation, ":")
	arguments := []int64{}
	for _, word := range words[1:] {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			panic(err)
		}
		arguments = append(arguments, n)
	}
	limit := int64(-1)
	if len(arguments) > 0 {
		limit = arguments[0]
	}
	switch words[0] {
	case "read":
		return shown(read(in, limit))
	case "readline":
		return shown(readLine(in, limit))
	case "next":
		return shown(readLine(in, -1))
	case "readlines":
		return shown(readLines(in, limit))
	case "iter":
		return shown(readLines(in, -1))
	case "tell":
		return strconv.FormatInt(in.Tell(), 10)
	case "seekable":
		return pythonBool(in.Seekable())
	case "seek":
		at, err := in.Seek(arguments[0], int(append(arguments, 0)[1]))
		return shown(strconv.FormatInt(at, 10), err)
	}
	panic("unknown operation " + operation)
}

func shown(result string, err error) string {
	if err != nil {
		return className(err)
	}
	return result
}

func read(in *gateway.Input, limit int64) (string, error) {
	if limit < 0 {
		all, err := io.ReadAll(in)
		return string(all), err
	}
	p := make([]byte, limit)
	n, err := in.Read(p)
	if err == io.EOF {
		err = nil
	}
	return string(p[:n]), err
}

// readLine joins lines from a buffer that is too small for them.
func readLine(in *gateway.Input, limit int64) (string, error) {
	var line []byte
	for limit < 0 || int64(len(line)) < limit {
		p := make([]byte, 3)
		if limit >= 0 {
			p = p[:min(3, limit-int64(len(line)))]
		}
		n, done, err := in.ReadLine(p)
		line = append(line, p[:n]...)
		switch {
		case err == io.EOF:
			return string(line), nil
		case err != nil || done:
			return string(line), err
		}
	}
	return string(line), nil
}

func readLines(in *gateway.Input, hint int64) (string, error) {
	var lines []string
	for total := 0; hint <= 0 || int64(total) < hint; {
		line, err := readLine(in, -1)
		if err != nil || line == "" {
			return strings.Join(lines, "/"), err
		}
		lines, total = append(lines, line), total+len(line)
	}
	return strings.Join(lines, "/"), nil
}

var _ = register(map[string]application{
	"input": func(c *call) (gateway.Result, error) {
		var results []string
		for operation := range strings.SplitSeq(c.query(), ",") {
			results = append(results, operate(&c.x.Input, operation))
		}
		return started(returns(strings.Join(results, "|")))(c)
	},
	"reads": func(c *call) (gateway.Result, error) {
		content, err := io.ReadAll(&c.x.Input)
		if err != nil {
			return gateway.Result{}, exception("OSError: the client broke off: " + err.Error())
		}
		return started(returns(string(content)))(c)
	},
})
