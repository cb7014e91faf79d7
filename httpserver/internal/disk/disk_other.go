//go:build !linux

package disk

import "os"

func create(dir string) (*os.File, error) { return createNamed(dir) }
