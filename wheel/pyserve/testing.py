"""A server for tests, such as those of pytest."""

import atexit
import contextlib
import http.client
import os
import signal
import socket
import traceback
from typing import Any, Dict, Iterator, NoReturn, Union

from pyserve.command import flush
from pyserve.script import Application, run

#: What serve() asks for until the server is there. The server answers it, not the application.
READY = "/.pyserve-testing"


@contextlib.contextmanager
def serve(application: Union[str, Application], **options: Any) -> Iterator[str]:
    """Serves a WSGI application, on a port that is free, while the context lasts. Its value is the URL, without a slash at the end.

        @pytest.fixture(scope="session")
        def url():
            with pyserve.testing.serve(app) as url:
                yield url

    The server is a child process, made by fork: the application is as it was by then. What requests change in its
    memory the test does not see, and what the test changes later, such as by monkeypatch, they do not. application and
    options are those of pyserve.run. Messages from warnings up go to standard error. Errors are of type RuntimeError.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        host, port = listener.getsockname()
        flush()
        process = os.fork()
        if process == 0:
            _child(application, {"log_level": "warning", "graceful_timeout": "5s", "workers": 0, "health_path": READY, **options},
                   listener.fileno())
    # From here on only the child listens, so that connections end when it does.
    ended = False
    try:
        try:
            _await_answer(host, port, options.get("health_path", READY))
        except (OSError, http.client.HTTPException) as error:
            ended = True
            if isinstance(error, socket.timeout):  # else nobody listens: it is ending, and says why
                os.kill(process, signal.SIGKILL)
            status = os.waitpid(process, 0)[1]
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
            raise RuntimeError("pyserve has not started (exit code %d): its messages are on standard error" % code) from None
        yield "http://%s:%d" % (host, port)
    finally:
        if not ended:
            os.kill(process, signal.SIGTERM)
            os.waitpid(process, 0)  # it ends after its graceful_timeout at the latest


def _child(application: Union[str, Application], options: Dict[str, Any], listener: int) -> NoReturn:
    try:
        atexit._clear()  # what is registered is the parent's
        os.set_inheritable(listener, True)
        run(application, bind="fd://%d" % listener, **options)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _await_answer(host: str, port: int, path: str) -> None:
    connection = http.client.HTTPConnection(host, port, timeout=120)
    try:
        connection.request("GET", path)
        connection.getresponse().read()
    finally:
        connection.close()
