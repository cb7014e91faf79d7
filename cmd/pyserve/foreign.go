package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// foreign are the flags of other servers that people bring with them, each with what to write here. One that means the
// same under the same name is not among them: it is a flag.
var foreign = []struct{ flags, instead string }{
	// gunicorn
	{"-k --worker-class", "use --threads N and --workers N: workers are always threaded; there are none of gevent, eventlet or ASGI"},
	{"-c --config --ini --yaml --yml --xml --json", "there is no configuration file: use flags, or environment variables such as PYSERVE_WORKERS"},
	{"-D --daemon --daemonize --daemonize2", "pyserve stays in the foreground: have systemd, a container or supervisord run it (deploy/)"},
	{"--worker-connections --connection-limit --limit-concurrency", "use --max-connections N"},
	{"--access-logfile", "use --access-log PATH, or - for standard output"},
	{"--access-logformat", "use --access-log-format combined or json"},
	{"--error-logfile --log-file --logto --logto2", "messages go to standard error: redirect it, 2>>FILE"},
	{"--log-config --log-config-dict --log-config-json --logger-class --log-syslog --log-syslog-to --statsd-host", "messages go to standard error: redirect it, or leave it to systemd or the container"},
	{"--limit-request-line --limit-request-fields --limit-request-field_size --max-request-header-size --buffer-size --h11-max-incomplete-event-size", "leave it out: the size of a request's head is limited by itself"},
	{"--forwarded-allow-ips --proxy-allow-from --proxy-headers --trusted-proxy --trusted-proxy-headers --trusted-proxy-count", "use --trusted-proxies ADDRESS"},
	{"-n --name --proc-name --procname --procname-prefix", "leave it out: there is no setting for the processes' name"},
	{"--pid --pidfile --pidfile2 --safe-pidfile", "use --pid-file PATH"},
	{"-p", "use --pid-file PATH (gunicorn's -p), or --bind HOST:PORT (others')"},
	{"--certfile --keyfile --ca-certs --ssl-version --ssl-certfile --ssl-keyfile --https --https-socket --cert --key --ciphers --do-handshake-on-connect", "TLS belongs to a proxy in front"},
	{"-e", "use --env NAME=VALUE"},
	{"--env-file --load-dotenv", "use --env NAME=VALUE, systemd's EnvironmentFile=, or the shell: set -a; . ./.env"},
	{"-u --uid", "use --user NAME"},
	{"-g --gid", "use --group NAME"},
	{"-m", "use --umask OCTAL"},
	{"--check-config --print-config --show-config", "use pyserve check APP"},
	{"--backlog --reuse-port --so-reuseport --sendfile --no-sendfile --worker-tmp-dir --initgroups --thunder-lock --strip-header-spaces --capture-output", "leave it out: the server sees to it by itself"},
	{"-R --enable-stdio-inheritance --paste --paster", "leave it out: there is no such setting"},
	{"--reload-engine --reload-extra-file --reload-dir --reload-include --reload-exclude --extra-files --py-autoreload", "use --reload, which also watches templates"},
	{"--proxy-protocol", "there is no PROXY protocol yet: use --trusted-proxies"},
	// uWSGI
	{"--http --http-socket --socket -s --uwsgi-socket --fastcgi-socket --http11-socket", "use --bind HOST:PORT or --bind unix:PATH, which speak HTTP"},
	{"--wsgi-file --file --module --wsgi --callable --app -A --app-module", "name the application as the argument: pyserve module:callable, or pyserve FILE.py:callable"},
	{"--processes", "use --workers N"},
	{"-M --master --enable-threads --lazy-apps --lazy --need-app --die-on-term --vacuum --single-interpreter --plugin --plugins --no-default-app --honour-stdin", "leave it out: pyserve does so by itself"},
	{"-H --home --virtualenv --pyhome", "use --venv DIR"},
	{"--harakiri --timeout-worker-healthcheck", "use --timeout TIME"},
	{"--chmod-socket --chown-socket --unix-socket-perms", "use --bind unix:PATH,mode=660,owner=USER,group=GROUP"},
	{"--static-map --check-static --static-folder", "static files belong to the proxy in front, or to the application (WhiteNoise)"},
	{"--touch-reload --fs-reload", "use pyserve reload --pid-file PATH, or the signal HUP"},
	{"--max-worker-lifetime --workers-lifetime", "use --max-age TIME"},
	{"--reload-on-rss --reload-on-as --evil-reload-on-rss --workers-max-rss", "use --max-memory SIZE"},
	{"--post-buffering", "use --body-buffer SIZE"},
	{"--limit-post --max-request-body-size", "use --max-body SIZE"},
	{"--stats --stats-server", "use pyserve status --pid-file PATH"},
	{"--pp --python-path --app-dir", "use --pythonpath DIR, or --chdir DIR"},
	{"--pyargv", "write the application's arguments behind --: pyserve APP -- ARGUMENTS"},
	{"--master-fifo --cheaper --emperor --mule --spooler --cron", "there is no counterpart"},
	// waitress, uvicorn, hypercorn, Flask, Granian
	{"--listen", "use --bind HOST:PORT (the length of the kernel's queue, uWSGI's --listen, cannot be set)"},
	{"--host --port", "use --bind HOST:PORT"},
	{"--unix-socket --uds", "use --bind unix:PATH"},
	{"--fd", "use --bind fd://N, or systemd's socket activation (deploy/)"},
	{"--call --factory", "write the parentheses: pyserve 'module:create_app()'"},
	{"--url-prefix --root-path --script-name --url-path-prefix", "use --mount /PREFIX"},
	{"--url-scheme", "use --trusted-proxies ADDRESS: the proxy says the scheme by X-Forwarded-Proto"},
	{"--channel-timeout --timeout-keep-alive --keep-alive-timeout", "use --keep-alive TIME"},
	{"--timeout-graceful-shutdown --shutdown-timeout", "use --graceful-timeout TIME"},
	{"--limit-max-requests", "use --max-requests N"},
	{"--limit-max-requests-jitter", "use --max-requests-jitter N"},
	{"--expose-tracebacks --debugger --with-debugger", "use --debug"},
	{"--blocking-threads --with-threads --without-threads --cpu-affinity", "use --threads N"},
	{"--loop --ws --lifespan --asgi --interface --no-ws --workers-kill-timeout --opt --runtime-mode --runtime-threads", "leave it out: that is for ASGI servers"},
	{"--no-access-log --no-reload --no-debugger", "leave it out: it is off unless you ask for it"},
	{"--ident --server-header --no-server-header --date-header --no-date-header", "leave it out: the application may set the fields Server and Date itself"},
}

// insteadOf returns what to write in the place of each argument that is another server's flag.
func insteadOf(args []string, model *kong.Application) (lines []string) {
	known := knownFlags(model)
	for _, arg := range args {
		name, _, _ := strings.Cut(arg, "=")
		if len(name) > 2 && name[0] == '-' && name[1] != '-' {
			name = name[:2] // -kgevent
		}
		if len(name) < 2 || name[0] != '-' || known[name] {
			continue
		}
		for _, f := range foreign {
			if line := fmt.Sprintf("there is no flag %s: %s", name, f.instead); slices.Contains(strings.Fields(f.flags), name) && !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// knownFlags are the names of this program's own flags, as they are written.
func knownFlags(model *kong.Application) map[string]bool {
	known := map[string]bool{}
	for _, flags := range model.AllFlags(false) {
		for _, flag := range flags {
			known["--"+flag.Name] = true
			if flag.Short != 0 {
				known["-"+string(flag.Short)] = true
			}
		}
	}
	return known
}

// mistaken explains what kong says of a command line that it could not take apart.
func mistaken(err error, args []string, model *kong.Application) []string {
	const flag, argument = "unknown flag ", "unexpected argument "
	text := err.Error()
	if rest, ok := strings.CutPrefix(text, argument); ok {
		word, _, _ := strings.Cut(rest, ",")
		for _, command := range []string{"run", "start", "runserver", "server"} {
			if slices.Contains(args, command) {
				return []string{fmt.Sprintf("there is no command %s: pyserve %s serves", command, word)}
			}
		}
		return []string{fmt.Sprintf("unexpected argument %s: name one application, as module:callable; its own arguments follow --, as in: pyserve shop:app -- %s", word, word)}
	}
	name, ok := strings.CutPrefix(text, flag)
	if !ok {
		return []string{text}
	}
	name, _, suggests := strings.Cut(name, ",")
	lines := insteadOf(args, model)
	switch {
	case len(insteadOf([]string{name}, model)) > 0:
		return lines
	case !suggests:
		text += "; flags of the application itself follow --, as in: pyserve shop:app -- " + name
	}
	return append(lines, text)
}
