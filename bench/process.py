"""A server under test: started in a session of its own, waited for, measured, and ended with all its children."""

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager

READY_SECONDS = 60
STOP_SECONDS = 3


class ServerFailed(Exception):
    """The server did not start, answered wrongly, or died; the text ends with what it wrote last."""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def running(command, folder, environment, core):
    """The server that command starts, on one core, until the block ends, however that ends."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            ["taskset", "-c", str(core)] + command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        server = Server(process, output)
        try:
            yield server
        finally:
            server.stop()


class Server:
    def __init__(self, process, output):
        self.process = process
        self.output = output

    def wait_ready(self, port, path, expected):
        """Returns when GET path answers 200 with a body that holds expected."""
        deadline = time.monotonic() + READY_SECONDS
        last = "no answer"
        while time.monotonic() < deadline:
            self.check_alive()
            try:
                status, body = get(port, path)
            except (OSError, http.client.HTTPException) as error:
                last = repr(error)
                time.sleep(0.02)
                continue
            if status == 200 and expected in body:
                return
            raise ServerFailed("answered %d %r%s" % (status, body[:80], self.tail()))
        raise ServerFailed("not ready after %d s: %s%s" % (READY_SECONDS, last, self.tail()))

    def check_alive(self):
        code = self.process.poll()
        if code is not None:
            raise ServerFailed("ended with %d%s" % (code, self.tail()))

    def tail(self, lines=8):
        """The last lines the server wrote, indented, for a message."""
        self.output.seek(0)
        text = self.output.read().decode(errors="replace").splitlines()[-lines:]
        return "".join("\n    " + line for line in text)

    def cpu_seconds(self):
        """User and system time of all its processes so far, those that ended and were waited for included."""
        return sum(ticks for _, ticks in self.tree()) / os.sysconf("SC_CLK_TCK")

    def tree(self):
        """Process number and clock ticks of each process of the session, which is the server and all it started."""
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open("/proc/%s/stat" % entry) as stat:
                    # The name, in parentheses, may hold spaces; proc(5) counts it as field 2.
                    fields = stat.read().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            if int(fields[3]) == self.process.pid:
                yield int(entry), sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime

    def stop(self):
        """Asks the server to end, then ends whatever is left of its session."""
        self.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        self.signal(signal.SIGKILL)
        self.process.wait()

    def signal(self, number):
        # The leader may be gone while children of its session live on.
        pids = [pid for pid, _ in self.tree()] if number == signal.SIGKILL else [self.process.pid]
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
