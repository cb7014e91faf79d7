package httpserver

import (
	"strconv"
	"time"
)

// appendCombined appends e in Apache's combined log format (mod_log_config:
// `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`), then the request id, the duration and the
// time in the queue.
func appendCombined(b []byte, e *AccessEntry) []byte {
	if e.Remote.IsValid() {
		b = e.Remote.AppendTo(b)
	} else {
		b = append(b, '-')
	}
	b = append(b, " - - ["...)
	b = e.Time.AppendFormat(b, "02/Jan/2006:15:04:05 -0700")
	b = append(b, `] "`...)
	b = appendEscaped(b, e.Method)
	b = append(b, ' ')
	b = appendEscaped(b, e.Target)
	b = append(b, ' ')
	b = append(b, e.Proto...)
	b = append(b, `" `...)
	b = strconv.AppendInt(b, int64(e.Status), 10)
	b = append(b, ' ')
	if e.Bytes == 0 {
		b = append(b, '-')
	} else {
		b = strconv.AppendInt(b, e.Bytes, 10)
	}
	b = appendQuotedOrDash(b, e.Referer)
	b = appendQuotedOrDash(b, e.UserAgent)
	b = append(b, " id="...)
	b = append(b, e.RequestID...)
	b = appendMicroseconds(append(b, " dur="...), e.Duration)
	b = appendMicroseconds(append(b, "us queue="...), e.Queued)
	return append(b, "us"...)
}

func appendQuotedOrDash(b, value []byte) []byte {
	b = append(b, ` "`...)
	if len(value) == 0 {
		b = append(b, '-')
	}
	return append(appendEscaped(b, value), '"')
}

func appendMicroseconds(b []byte, d time.Duration) []byte {
	return strconv.AppendInt(b, d.Microseconds(), 10)
}

// appendEscaped appends value as Apache does (ap_escape_logitem): a quote and a backslash get a
// backslash, and what is not visible ASCII becomes \n, \r, \t and the like, or \xhh. So a client can
// neither forge a line nor send escape sequences to a terminal.
func appendEscaped(b, value []byte) []byte {
	for _, c := range value {
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		case '\v':
			b = append(b, `\v`...)
		default:
			if c < ' ' || c > '~' {
				b = append(b, `\x00`...)
				putHex(b[len(b)-2:], uint64(c))
			} else {
				b = append(b, c)
			}
		}
	}
	return b
}

// appendJSON appends e as one JSON object.
func appendJSON(b []byte, e *AccessEntry) []byte {
	b = append(b, `{"time":"`...)
	b = e.Time.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","remote":"`...)
	if e.Remote.IsValid() {
		b = e.Remote.AppendTo(b)
	}
	b = appendJSONString(append(b, `","method":`...), e.Method)
	b = appendJSONString(append(b, `,"target":`...), e.Target)
	b = append(b, `,"proto":"`...)
	b = append(b, e.Proto...)
	b = strconv.AppendInt(append(b, `","status":`...), int64(e.Status), 10)
	b = strconv.AppendInt(append(b, `,"bytes":`...), e.Bytes, 10)
	b = appendJSONString(append(b, `,"referer":`...), e.Referer)
	b = appendJSONString(append(b, `,"user_agent":`...), e.UserAgent)
	b = appendJSONString(append(b, `,"request_id":`...), e.RequestID)
	b = appendMicroseconds(append(b, `,"duration_us":`...), e.Duration)
	b = appendMicroseconds(append(b, `,"queue_us":`...), e.Queued)
	if e.Aborted {
		b = append(b, `,"aborted":true`...)
	}
	return append(b, '}')
}

// appendJSONString appends value as a JSON string of its bytes read as Latin-1: JSON has no raw bytes, and
// this loses none.
func appendJSONString[T []byte | string](b []byte, value T) []byte {
	b = append(b, '"')
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = append(b, `\u0000`...)
			putHex(b[len(b)-2:], uint64(c))
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
