package main

import (
	"fmt"
	"reflect"
	"strconv"

	"github.com/alecthomas/kong"
)

// constraints checks the values against the tags of the table of options, in its order.
func (c *cli) constraints() (errs []error) {
	for _, flag := range c.flags {
		for _, check := range []func(*kong.Flag) error{within, positive, c.engineKnows, c.workersThere} {
			if err := check(flag); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errs
}

// within holds the tags least and most.
func within(flag *kong.Flag) error {
	n := flag.Target.Int
	if least, ok := bound(flag, "least"); ok && n() < least {
		return fmt.Errorf("--%s must be %d or more, not %d", flag.Name, least, n())
	}
	if most, ok := bound(flag, "most"); ok && n() > most {
		return fmt.Errorf("--%s must be %d or less, not %d", flag.Name, most, n())
	}
	return nil
}

// bound returns the number of a tag. The tags are tested.
func bound(flag *kong.Flag, tag string) (n int64, ok bool) {
	if !flag.Tag.Has(tag) {
		return 0, false
	}
	n, err := strconv.ParseInt(flag.Tag.Get(tag), 10, 64)
	return n, err == nil
}

// positive holds the tag of that name.
func positive(flag *kong.Flag) error {
	if flag.Tag.Has("positive") && flag.Target.Int() == 0 {
		return fmt.Errorf("--%s must be more than 0", flag.Name)
	}
	return nil
}

// engineKnows holds the tag engine: what the flag asks for would not be done.
func (c *cli) engineKnows(flag *kong.Flag) error {
	if engine := flag.Tag.Get("engine"); engine != "" && c.Engine != engine && !isDefault(flag) {
		return fmt.Errorf("--%s is for --engine %s: leave it out, or change --engine", flag.Name, engine)
	}
	return nil
}

// isDefault reports whether a flag has its default value, given or not.
func isDefault(flag *kong.Flag) bool {
	standard := reflect.New(flag.Target.Type()).Elem()
	return set(standard, flag.Default) == nil && reflect.DeepEqual(standard.Interface(), flag.Target.Interface())
}

// workersThere holds the tag needs.
func (c *cli) workersThere(flag *kong.Flag) error {
	if flag.Tag.Get("needs") == "workers" && *c.Workers == 0 && asksForSomething(flag.Target) {
		return fmt.Errorf("--%s needs worker processes: --workers 1 or more", flag.Name)
	}
	return nil
}

// asksForSomething reports whether a value is neither zero nor off.
func asksForSomething(value reflect.Value) bool {
	if value.CanInt() {
		return value.Int() > 0
	}
	return !value.IsZero()
}
