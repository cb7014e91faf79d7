package deploy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// program returns the path of a program that reads one of the files; without it the test is skipped.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name) // may not be on the PATH of a user
	}
	if err != nil {
		t.Skip(name + " is not installed")
	}
	return path
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestSystemdTakesTheUnits(t *testing.T) {
	analyze := program(t, "systemd-analyze")
	binary, err := os.Executable() // for the ExecStart= that is not installed here
	require.NoError(t, err)
	dir := t.TempDir()
	unit := read(t, "systemd/pyserve.service")
	require.Contains(t, unit, "/usr/local/bin/pyserve ")
	service := write(t, dir, "pyserve.service", strings.ReplaceAll(unit, "/usr/local/bin/pyserve", binary))
	socket := write(t, dir, "pyserve.socket", read(t, "systemd/pyserve.socket"))

	out, err := exec.Command(analyze, "verify", service, socket).CombinedOutput()
	require.NoError(t, err, string(out))
	assert.NotContains(t, string(out), "pyserve.", "no warnings about these units")
}

// certificate makes a self-signed certificate and its key.
func certificate(t *testing.T, dir string) (certPath, keyPath string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return write(t, dir, "cert.pem", encode("CERTIFICATE", der)), write(t, dir, "key.pem", encode("PRIVATE KEY", private))
}

func TestNginxTakesItsFile(t *testing.T) {
	nginx := program(t, "nginx")
	dir, err := os.MkdirTemp("", "ps") // t.TempDir is too long for a socket on some systems
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	cert, key := certificate(t, dir)
	// nginx -t binds what it would listen on: sockets of our own instead of ports that may be taken.
	site := strings.NewReplacer(
		"/etc/ssl/certs/shop.example.com.pem", cert, "/etc/ssl/private/shop.example.com.key", key,
		"listen [::]:80;", "", "listen [::]:443 ssl http2;", "",
		"listen 80;", "listen unix:"+dir+"/80;", "listen 443 ", "listen unix:"+dir+"/443 ",
	).Replace(read(t, "nginx.conf"))
	include := write(t, dir, "site.conf", site)
	temporary := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary += kind + "_temp_path " + dir + "/" + kind + ";\n"
	}
	config := write(t, dir, "nginx.conf", "pid "+dir+"/pid;\nevents {}\nhttp {\naccess_log off;\n"+temporary+"include "+include+";\n}\n")

	out, err := exec.Command(nginx, "-t", "-e", "stderr", "-p", dir, "-c", config).CombinedOutput()
	require.NoError(t, err, string(out))
}

func TestCaddyTakesItsFile(t *testing.T) {
	caddy := program(t, "caddy")
	out, err := exec.Command(caddy, "adapt", "--adapter", "caddyfile", "--config", "Caddyfile").CombinedOutput()
	require.NoError(t, err, string(out))
	formatted, err := exec.Command(caddy, "fmt", "Caddyfile").Output()
	if err == nil || len(formatted) > 0 { // it fails when it would change something
		assert.Equal(t, string(formatted), read(t, "Caddyfile"))
	}
}

func TestTheImagesHealthCheckAsksTheApplication(t *testing.T) {
	match := regexp.MustCompile(`(?s)\nHEALTHCHECK .*?CMD (\[.*?\])\n`).FindStringSubmatch(read(t, "Dockerfile"))
	require.NotNil(t, match)
	var command []string
	require.NoError(t, json.Unmarshal([]byte(match[1]), &command))
	python := program(t, filepath.Base(command[0]))

	var status atomic.Int32
	paths := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths <- r.URL.Path
		w.WriteHeader(int(status.Load()))
	}))
	address, err := url.Parse(server.URL)
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(address.Host)
	require.NoError(t, err)
	check := func(answer int) error {
		status.Store(int32(answer))
		c := exec.Command(python, command[1:]...)
		c.Env = append(os.Environ(), "PORT="+port, "HEALTH_PATH=/alive")
		return c.Run()
	}
	for _, answer := range []int{200, 302, 404} {
		assert.NoError(t, check(answer), "status %d", answer)
		assert.Equal(t, "/alive", <-paths)
	}
	assert.Error(t, check(503))
	server.Close()
	assert.Error(t, check(200), "nobody listens")
}

func TestTheImagesStagesHaveTheSameDebian(t *testing.T) {
	stages := regexp.MustCompile(`\nFROM (\S+)`).FindAllStringSubmatch(read(t, "Dockerfile"), -1)
	require.Len(t, stages, 3)
	for _, stage := range stages {
		assert.Contains(t, stage[1], "bookworm")
	}
}
