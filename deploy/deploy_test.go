package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

var flagName = regexp.MustCompile(`(?:^|[^-\w])--([a-z][a-z-]*[a-z])`)

// foreign are the flags of the other programs that the files call: systemctl, useradd, apt-get, docker, pip.
var foreign = set("now", "kill-whom", "system", "home-dir", "shell", "uid", "user-group", "no-create-home",
	"no-install-recommends", "file", "tag", "rm", "init", "stop-timeout", "publish", "no-cache-dir",
	"disable-pip-version-check", "requirement", "from", "interval", "start-period", "retries", "help")

func set(names ...string) map[string]bool {
	s := map[string]bool{}
	for _, name := range names {
		s[name] = true
	}
	return s
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

// options returns the reference of all options; a test of cmd/pyserve keeps it true.
func options(t *testing.T) string {
	t.Helper()
	return read(t, "../docs/options.md")
}

func flagsIn(text string) map[string]bool {
	found := map[string]bool{}
	for _, match := range flagName.FindAllStringSubmatch(text, -1) {
		found[match[1]] = true
	}
	return found
}

func TestEveryFlagInTheFilesExists(t *testing.T) {
	known := flagsIn(options(t))
	require.True(t, known["bind"] && known["umask"], "the reference was read")
	for _, name := range files {
		t.Run(name, func(t *testing.T) {
			for flag := range flagsIn(read(t, name)) {
				assert.True(t, known[flag] || foreign[flag], "pyserve has no --"+flag)
			}
		})
	}
}

var files = []string{
	"systemd/pyserve.service", "systemd/pyserve.socket", "Dockerfile", "Dockerfile.dockerignore", "kubernetes.yaml", "nginx.conf", "Caddyfile",
}

func TestNoFileIsLeftUnchecked(t *testing.T) {
	var found []string
	require.NoError(t, filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) != ".go" {
			found = append(found, filepath.ToSlash(path))
		}
		return err
	}))
	assert.ElementsMatch(t, files, found)
}

// killDelay is what the master adds to --graceful-timeout before it kills a worker.
const killDelay = 8 * time.Second

// number returns what the only group of pattern finds in text, in seconds.
func number(t *testing.T, text, pattern string) time.Duration {
	t.Helper()
	match := regexp.MustCompile(pattern).FindStringSubmatch(text)
	require.NotNil(t, match, "nothing matches %s", pattern)
	seconds, err := strconv.Atoi(match[1])
	require.NoError(t, err)
	return time.Duration(seconds) * time.Second
}

// byDefault returns a flag's default as the reference shows it.
func byDefault(t *testing.T, flag string) time.Duration {
	t.Helper()
	return number(t, options(t), "`--"+flag+"=TIME` [^\n]*? `(\\d+)s` ")
}

func TestSystemdWaitsLongerThanPyserve(t *testing.T) {
	unit := read(t, "systemd/pyserve.service")
	assert.Greater(t, number(t, unit, `\nTimeoutStopSec=(\d+)\n`), number(t, unit, `--graceful-timeout (\d+)s`)+killDelay)
}

func TestProxiesCloseIdleConnectionsBeforePyserveDoes(t *testing.T) {
	keepAlive := byDefault(t, "keep-alive")
	assert.Less(t, number(t, read(t, "nginx.conf"), `\skeepalive_timeout (\d+)s;`), keepAlive)
	assert.Less(t, number(t, read(t, "Caddyfile"), `\skeepalive (\d+)s\n`), keepAlive)
}

func TestProxiesWaitLongerForAResponseThanPyserve(t *testing.T) {
	longest := byDefault(t, "queue-age") + number(t, read(t, "systemd/pyserve.service"), `--timeout (\d+)s`)
	assert.Greater(t, number(t, read(t, "nginx.conf"), `proxy_read_timeout (\d+)s;`), longest)
	assert.Greater(t, number(t, read(t, "Caddyfile"), `response_header_timeout (\d+)s\n`), longest)
}

// A deployment is what the tests look at of the first document in kubernetes.yaml.
type deployment struct {
	Kind string
	Spec struct {
		Template struct {
			Spec struct {
				TerminationGracePeriodSeconds int `yaml:"terminationGracePeriodSeconds"`
				Containers                    []struct {
					Args      []string
					Ports     []struct{ Name string }
					Lifecycle struct {
						PreStop struct{ Exec struct{ Command []string } } `yaml:"preStop"`
					}
					StartupProbe   map[string]any `yaml:"startupProbe"`
					ReadinessProbe map[string]any `yaml:"readinessProbe"`
					LivenessProbe  map[string]any `yaml:"livenessProbe"`
				}
			}
		}
	}
}

func TestKubernetesWaitsLongerThanPyserve(t *testing.T) {
	decoder := yaml.NewDecoder(strings.NewReader(read(t, "kubernetes.yaml")))
	var d deployment
	require.NoError(t, decoder.Decode(&d))
	var service struct {
		Kind string
		Spec struct {
			Ports []struct {
				TargetPort string `yaml:"targetPort"`
			}
		}
	}
	require.NoError(t, decoder.Decode(&service))
	require.Error(t, decoder.Decode(new(any)), "two documents")
	assert.Equal(t, []string{"Deployment", "Service"}, []string{d.Kind, service.Kind})
	require.Len(t, d.Spec.Template.Spec.Containers, 1)

	c := d.Spec.Template.Spec.Containers[0]
	require.Len(t, c.Lifecycle.PreStop.Exec.Command, 2)
	preStop := number(t, strings.Join(c.Lifecycle.PreStop.Exec.Command, " "), `^sleep (\d+)$`)
	graceful := number(t, strings.Join(c.Args, " "), `--graceful-timeout=(\d+)s`)
	grace := time.Duration(d.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second
	assert.Greater(t, grace, preStop+graceful+killDelay)
	assert.Equal(t, service.Spec.Ports[0].TargetPort, c.Ports[0].Name)
	for _, probe := range []map[string]any{c.StartupProbe, c.ReadinessProbe} {
		assert.Contains(t, probe, "httpGet")
	}
	assert.Contains(t, c.LivenessProbe, "tcpSocket")
}
