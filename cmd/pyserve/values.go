package main

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// size is a number of bytes: 4096, 64K, 10M, 2G, or off (-1).
type size int64

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *size) UnmarshalText(text []byte) error {
	digits := strings.ToUpper(strings.TrimSpace(string(text)))
	if digits == "OFF" {
		*s = -1
		return nil
	}
	digits = strings.TrimSuffix(strings.TrimSuffix(digits, "B"), "I")
	factor := int64(1)
	if i := strings.IndexByte("KMGT", suffix(digits)); i >= 0 {
		factor, digits = 1<<(10*(i+1)), digits[:len(digits)-1]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/factor {
		return fmt.Errorf("%q is not a size: give a number of bytes, such as 4096, 64K, 10M or 2G, or off", text)
	}
	*s = size(n * factor)
	return nil
}

// workers is a number of processes, or auto.
type workers int

// UnmarshalText implements encoding.TextUnmarshaler.
func (w *workers) UnmarshalText(text []byte) error {
	if strings.EqualFold(string(text), "auto") {
		*w = workers(processors)
		return nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 0 || n > maxWorkers {
		return fmt.Errorf("%q is not a number of workers: give one from 0 to %d, or auto", text, maxWorkers)
	}
	*w = workers(n)
	return nil
}

const maxWorkers = 1000

// processors is how many there are for this process, a container's limit included; main changes GOMAXPROCS later.
var processors = runtime.GOMAXPROCS(0)

// umask is a file mode creation mask in octal digits.
type umask int

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *umask) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(strings.TrimPrefix(string(text), "0o"), 8, 32)
	if err != nil || n > 0o777 {
		return fmt.Errorf("%q is not a file mode creation mask: give octal digits, such as 022 or 077", text)
	}
	*u = umask(n)
	return nil
}

// String returns octal digits.
func (u umask) String() string {
	return fmt.Sprintf("%03o", int(u))
}

func suffix(s string) byte {
	if s == "" {
		return 0
	}
	return s[len(s)-1]
}

// seconds is a time: 30, 1.5, 30s, 2m.
type seconds time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *seconds) UnmarshalText(text []byte) error {
	value := strings.TrimSpace(string(text))
	if n, err := strconv.ParseFloat(value, 64); err == nil && n >= 0 && n < 1e9 {
		*s = seconds(n * float64(time.Second))
		return nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a time: give seconds, such as 30, or a unit, such as 500ms or 2m", text)
	}
	*s = seconds(d)
	return nil
}

// String returns "30s".
func (s seconds) String() string { return time.Duration(s).String() }

// String returns the size in the largest unit that divides it.
func (s size) String() string {
	if s < 0 {
		return "off"
	}
	units := []string{"", "K", "M", "G", "T"}
	i := 0
	for ; s > 0 && s%1024 == 0 && i < len(units)-1; i++ {
		s /= 1024
	}
	return strconv.FormatInt(int64(s), 10) + units[i]
}
