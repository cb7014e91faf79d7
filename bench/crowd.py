"""Clients that hold connections and ask for next to nothing, while others are measured."""

import resource
import socket
import threading
import time
from contextlib import ExitStack, contextmanager

from wrk import LoadFailed

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SLOW_BEGIN = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "


def idle(count):
    """Connections that have made one request and make no other."""

    @contextmanager
    def crowd(port):
        with connections(port, count) as clients:
            for client in clients:
                client.sendall(REQUEST)
                if not client.recv(4096).startswith(b"HTTP/1.1 200"):
                    raise LoadFailed("a connection of the crowd got no answer")
            yield

    return crowd


def slow(count):
    """Connections that send the head of a request at a byte a second, and never come to its end."""

    @contextmanager
    def crowd(port):
        with connections(port, count) as clients:
            for client in clients:
                client.sendall(SLOW_BEGIN)
            stop = threading.Event()
            sender = threading.Thread(target=send_slowly, args=(clients, stop))
            sender.start()
            try:
                yield
            finally:
                stop.set()
                sender.join()

    return crowd


def send_slowly(clients, stop):
    """A byte from each in turn, all once a second, in fifty small batches."""
    batch = max(1, len(clients) // 50)
    at = 0
    while not stop.is_set():
        begin = time.monotonic()
        for client in clients[at : at + batch]:
            try:
                client.send(b"a")
            except OSError:  # its time for the head is over: others are left
                pass
        at = (at + batch) % len(clients)
        stop.wait(max(0.0, batch / len(clients) - (time.monotonic() - begin)))


@contextmanager
def connections(port, count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count + 200:
        raise LoadFailed("%d connections need as many descriptors (ulimit -Hn is %d)" % (count, hard))
    if soft != resource.RLIM_INFINITY and soft < count + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count + 200, hard))
    with ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10)) for _ in range(count)]
