package environ

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestABlockUsedAgainHasWhatAFreshOneWouldHave(t *testing.T) {
	policies := []HeaderMap{Allow, Drop, Refuse}
	builders := make([]*Builder, len(policies))
	for i, policy := range policies {
		var err error
		builders[i], err = NewBuilder(Config{HeaderMap: policy})
		require.NoError(t, err)
	}
	many := strings.Split(strings.Repeat("Accept: a\n", 40)+"Cookie: b", "\n")
	requests := [][]string{
		{"Host: a", "Accept: a", "Cookie: b"},
		{"Host: a", "Accept: a", "Cookie: b"},
		{"Host: a", "Accept-Language: a", "Cookie2: b"},
		{"Host: a", "Accept: a", "Cookie: b"},
		{"Host: a", "Cookie: b", "Accept: a"},
		{"host: a", "ACCEPT: a", "cOOKIE: b", "Accept: c"},
		{"Host: a", "Accep: a", "Cookies: b"},
		{"Content-Length: 0", "Content-Type: a", "Transfer-Encoding: chunked"},
		{"Proxy: evil", "Content_Type: a", "Content_Length: 3"},
		{"Proxy: evil", "Content-Type: a", "Content-Length: 0"},
		{"User_Agent: a", "X_Own: b", "User-Agent: c"},
		{"User-Agent: a", "X-Own: b", "User_Agent: c"},
		{"Upgrade-Insecure-Requests: 1", "Access-Control-Request-Headers: a"},
		{"Upgrade-Insecure-Requests: 1", "Access-Control-Request-Headers: a"},
		{"", "\x00: a", ": b"},
		many, many, nil,
	}
	var used Block
	for round := range 2 {
		for i, fields := range requests {
			for p, bd := range builders {
				r := get("/", fields...)
				if i%2 == round {
					r.Fields = append(r.Fields, get("/", "X-More: a").Fields...)
				}
				var fresh Block
				wantErr := bd.Build(&fresh, r)
				err := bd.Build(&used, r)
				assert.Equal(t, wantErr, err, "%v %q", policies[p], fields)
				assert.Equal(t, fresh.Bytes(), used.Bytes(), "%v %q", policies[p], fields)
			}
		}
	}
}
