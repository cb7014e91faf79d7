package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestBindsAreSeparatedByCommasAndSocketsKeepTheirOptions(t *testing.T) {
	t.Setenv("PORT", "")
	for name, c := range map[string]struct{ given, want []string }{
		"nothing":           {nil, []string{"127.0.0.1:8000"}},
		"several":           {[]string{"[::1]:1,127.0.0.1:1", ":2"}, []string{"[::1]:1", "127.0.0.1:1", ":2"}},
		"socket with group": {[]string{"unix:s,mode=660,group=www-data,:2"}, []string{"unix:/dir/s,mode=660,group=www-data", ":2"}},
		"abstract":          {[]string{"unix:@name"}, []string{"unix:@name"}},
		"absolute":          {[]string{"unix:/run/s, :3"}, []string{"unix:/run/s", ":3"}},
		"no option":         {[]string{":1,mode=660"}, []string{":1", "mode=660"}},
	} {
		got, err := binds(c.given, "/dir")
		assert.NoError(t, err, name)
		assert.Equal(t, c.want, got, name)
	}
}

func TestAnAddressThatIsGivenTwiceIsNamed(t *testing.T) {
	for _, given := range [][]string{
		{"127.0.0.1:80", "127.0.0.1:80"}, {":80", "[::]:80"}, {"[::1]:80", "[0:0::1]:080"},
		{"unix:s", "unix:/dir/s,mode=660"}, {"unix:@s", "unix:@s"},
	} {
		_, err := binds(given, "/dir")
		assert.ErrorContains(t, err, "--bind "+given[1]+" is given twice", given)
	}
	_, err := binds([]string{"127.0.0.1:0", "127.0.0.1:0", "0.0.0.0:80", "[::]:80"}, "/dir")
	assert.NoError(t, err)
}
