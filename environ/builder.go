package environ

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"strings"

	"github.com/pyserve/pyserve/httpserver"
)

// Config is how requests become variables. The zero value works: an application at the root that
// believes nobody.
type Config struct {
	// Mount is the path the application is served under, and its SCRIPT_NAME: decoded bytes that start
	// with "/" and do not end in it. "" and "/" both mean the root.
	Mount string
	// ScriptName is the SCRIPT_NAME of an application whose path comes without it: a proxy has taken it off. It has the
	// form of Mount, and excludes it.
	ScriptName string
	// TrustedProxies are the peers that are believed; see [ParseTrusted]. Empty: none.
	TrustedProxies []netip.Prefix
	// TrustUnix says that peers on a unix socket are believed too.
	TrustUnix bool
	// Forwarded is what they are believed about. Zero: [DefaultForwarded].
	Forwarded Forwarded
	// HeaderMap is what becomes of field names with an underscore. Zero: [Drop].
	HeaderMap HeaderMap
	// Software is SERVER_SOFTWARE, such as "pyserve/0.1.0". Empty: "pyserve".
	Software string
	// Log gets one line for the name of each dropped field, up to a bound. nil: none are written.
	Log *slog.Logger
}

// Builder makes the variables of requests. It is safe for use by several goroutines, each with a block
// of its own.
type Builder struct {
	mount    []byte // what the path begins with
	name     string // SCRIPT_NAME
	trusted  trustList
	believed Forwarded
	policy   fieldPolicy
	fixed    []byte // packed entries that every request of this application gets
}

// NewBuilder checks the configuration. The error names every fault in it.
func NewBuilder(c Config) (*Builder, error) {
	mount, err := cleanMount("mount", c.Mount)
	name, nameErr := cleanMount("script name", c.ScriptName)
	if c.Forwarded == 0 {
		c.Forwarded = DefaultForwarded
	}
	errs := []error{err, nameErr, c.Forwarded.check()}
	if mount != "" && name != "" {
		errs = append(errs, errors.New("mount and script name exclude each other: is the prefix on the path, or has a proxy taken it off?"))
	}
	name = mount + name
	if int(c.HeaderMap) >= len(headerMapNames) {
		errs = append(errs, fmt.Errorf("unknown header map %v", c.HeaderMap))
	}
	proxies := make([]netip.Prefix, 0, len(c.TrustedProxies))
	for _, p := range c.TrustedProxies {
		q, ok := unmapped(p)
		if !ok {
			errs = append(errs, fmt.Errorf("trusted proxy %v: not a valid prefix", p))
		}
		proxies = append(proxies, q)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if c.Software == "" {
		c.Software = "pyserve"
	}
	var fixed Block
	fixed.putString(keyServerSoftware, c.Software)
	if !c.Forwarded.has(ForwardedPrefix) {
		fixed.putString(keyScriptName, name)
	}
	return &Builder{
		mount:    []byte(mount),
		name:     name,
		trusted:  trustList{proxies: proxies, unix: c.TrustUnix},
		believed: c.Forwarded,
		policy:   fieldPolicy{underscores: c.HeaderMap, dropped: droppedLog{log: c.Log}},
		fixed:    fixed.buf,
	}, nil
}

// cleanMount checks a path that is a SCRIPT_NAME. what is its name in an error.
func cleanMount(what, mount string) (string, error) {
	switch {
	case mount == "" || mount == "/":
		return "", nil
	case mount[0] != '/':
		return "", fmt.Errorf("%s %q: must start with \"/\"", what, mount)
	case strings.HasSuffix(mount, "/"):
		return "", fmt.Errorf("%s %q: must not end in \"/\"", what, mount)
	}
	return mount, nil
}

// Build fills b with the variables of r, of which nothing is kept. The error is [ErrNotMounted] or a
// [BadRequestError], and b is then empty.
func (bd *Builder) Build(b *Block, r *httpserver.Request) error {
	b.Reset()
	err := bd.build(b, r)
	if err != nil {
		b.Reset()
	}
	return err
}

func (bd *Builder) build(b *Block, r *httpserver.Request) error {
	b.buf = append(b.buf, bd.fixed...)
	if err := bd.packTarget(b, r); err != nil {
		return err
	}
	if b.fields == nil {
		b.fields = new(fieldSet)
	}
	if err := b.fields.collect(&bd.policy, r.Fields); err != nil {
		return err
	}
	b.put(keyRequestMethod, r.Method)
	b.putString(keyServerProtocol, r.Proto)
	b.putString(keyRequestID, r.ID)
	c := bd.connection(r)
	c.pack(b)
	if bd.believed.has(ForwardedPrefix) {
		mark := b.begin(keyScriptName)
		b.buf = append(append(b.buf, c.prefix...), bd.name...)
		b.end(mark)
	}
	// A spooled body has a length even when the client sent none; many applications read by it alone.
	if r.ContentLength >= 0 && (b.fields.hasLength || r.Body != nil) {
		b.putUint(keyContentLength, uint64(r.ContentLength))
	}
	b.fields.pack(b, r.Fields)
	if r.TLS != nil {
		packTLS(b, r.TLS)
	}
	for _, extra := range r.Extra {
		b.putExtra(extra.Name, extra.Value)
	}
	if uint64(len(b.buf)) > math.MaxUint32 { // then some length may not have fitted into its place
		return &BadRequestError{Reason: "head too large"}
	}
	return nil
}

// packTarget appends what comes from the request-target. A target without a path is the server's as a
// whole: it has an empty PATH_INFO, and nothing that is mounted below the root answers for it.
func (bd *Builder) packTarget(b *Block, r *httpserver.Request) error {
	path, query, err := splitTarget(r.Method, r.Target)
	if err != nil {
		return err
	}
	if bytes.IndexByte(path, '%') >= 0 {
		b.path = appendDecoded(b.path[:0], path)
		path = b.path
	}
	if len(bd.mount) > 0 {
		rest, ok := bytes.CutPrefix(path, bd.mount)
		if !ok || len(rest) > 0 && rest[0] != '/' {
			return ErrNotMounted
		}
		path = rest
	}
	b.put(keyPathInfo, path)
	b.put(keyQueryString, query)
	b.put(keyRequestURI, r.Target)
	b.put(keyRawURI, r.Target)
	return nil
}
