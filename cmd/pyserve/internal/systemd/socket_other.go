//go:build !linux

package systemd

import "errors"

var errNoSystemd = errors.New("cannot be taken over: socket activation is there on Linux only")

func inspect(int) (string, error) { return "", errNoSystemd }

func prepare(int) error { return errNoSystemd }
