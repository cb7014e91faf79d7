package main

import (
	"encoding"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// A decoder makes settings of words. It notes a fault and goes on, so that all of them are reported together, and keeps
// bytes as they are: kong stops at the first fault, and goes through JSON, which has no place for what is not UTF-8.
type decoder struct{ faults []string }

// options have kong use d for every type that there is in the settings.
func (d *decoder) options() []kong.Option {
	list := []kong.Option{
		kong.KindMapper(reflect.String, d), kong.KindMapper(reflect.Int, d), kong.KindMapper(reflect.Slice, d),
		kong.KindMapper(reflect.Bool, switchDecoder{d}),
	}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[size](), reflect.TypeFor[seconds](), reflect.TypeFor[*workers](), reflect.TypeFor[*umask](),
	} {
		list = append(list, kong.TypeMapper(typ, d))
	}
	return list
}

// Decode implements kong.Mapper. A value with a fault leaves the default in its place.
func (d *decoder) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue("value")
	if err != nil {
		return errors.New("its value is missing")
	}
	if text := fmt.Sprint(token.Value); target.Kind() == reflect.Slice {
		addAll(target, text, ctx.Value.Tag.Sep)
	} else {
		d.set(ctx.Value, text, target)
	}
	return nil
}

// addAll appends the parts of text that are not empty to a slice of strings; with a separator of -1 text is one part.
func addAll(target reflect.Value, text string, separator rune) {
	parts := []string{text}
	if separator != -1 {
		parts = slices.DeleteFunc(strings.Split(text, string(separator)), func(part string) bool { return part == "" })
	}
	target.Set(reflect.AppendSlice(target, reflect.ValueOf(parts)))
}

func (d *decoder) set(setting *kong.Value, text string, target reflect.Value) {
	err := set(target, text)
	if choices := setting.EnumSlice(); err == nil && setting.Enum != "" && !slices.Contains(choices, text) {
		err = fmt.Errorf("%q is none of %s", text, strings.Join(choices, ", "))
	}
	if err == nil {
		return
	}
	fault := fmt.Sprintf("--%s%s: %v", setting.Name, source(setting, text), err)
	if setting.Flag == nil {
		fault = err.Error()
	}
	if !slices.Contains(d.faults, fault) { // kong decodes more than once
		d.faults = append(d.faults, fault)
	}
	if setting.HasDefault {
		_ = set(target, setting.Default)
	}
}

// source names the environment variable that the value seems to be from.
func source(setting *kong.Value, text string) string {
	for _, name := range setting.Tag.Envs {
		if value, there := os.LookupEnv(name); there && value == text {
			return " (" + name + ")"
		}
	}
	return ""
}

func set(target reflect.Value, text string) error {
	if target.Kind() == reflect.Pointer {
		if target.IsNil() {
			target.Set(reflect.New(target.Type().Elem()))
		}
		target = target.Elem()
	}
	if u, ok := target.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch target.Kind() {
	case reflect.Int:
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if errors.Is(err, strconv.ErrSyntax) {
			return fmt.Errorf("%q is not a number", text)
		} else if err != nil {
			return fmt.Errorf("%s is too large a number", text)
		}
		target.SetInt(int64(n))
	case reflect.Bool:
		value, ok := map[string]bool{"true": true, "yes": true, "on": true, "1": true, "": false, "false": false, "no": false,
			"off": false, "0": false}[strings.ToLower(text)]
		if !ok {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		target.SetBool(value)
	default:
		target.SetString(text)
	}
	return nil
}

// A switchDecoder is for flags that need no value.
type switchDecoder struct{ *decoder }

// IsBool implements kong.BoolMapper.
func (switchDecoder) IsBool() bool { return true }

// Decode implements kong.Mapper.
func (d switchDecoder) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	if ctx.Scan.Peek().Type == kong.FlagValueToken {
		d.set(ctx.Value, fmt.Sprint(ctx.Scan.Pop().Value), target)
	} else {
		target.SetBool(true)
	}
	return nil
}

// joinNumbers writes "--workers -1" as "--workers=-1": no flag is a number.
func joinNumbers(args []string) []string {
	joined := make([]string, 0, len(args))
	for _, arg := range args {
		last := len(joined) - 1
		negative := len(arg) > 1 && arg[0] == '-' && arg[1] >= '0' && arg[1] <= '9'
		if negative && last >= 0 && strings.HasPrefix(joined[last], "--") && !strings.Contains(joined[last], "=") {
			joined[last] += "=" + arg
		} else if negative && last >= 0 && len(joined[last]) == 2 && joined[last][0] == '-' {
			joined[last] += arg
		} else {
			joined = append(joined, arg)
		}
	}
	return joined
}
