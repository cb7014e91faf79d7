"""Two measurements that wrk cannot make: what a server does in the first moments of a load."""

import selectors
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Callable, Optional

from wrk import LoadFailed

FAST_SECONDS = 1
SLEEP_SECONDS = 0.05


@dataclass(frozen=True)
class Extra:
    """One more column: measure gets the port, the server and the warm-up's outcomes, and returns the number.

    Without measure it is the CPU time a request in percent of what it is without the scenario's crowd.
    """

    title: str
    measure: Optional[Callable] = None
    about: str = ""


def first_second(port, server, warm_up):
    """How many requests the cold server answered in the first second of load, which is the warm-up."""
    return sum(outcome.rate for outcome in warm_up)


def following(port, server, warm_up):
    """Milliseconds until all threads are at work after a change of load, from views that are answered immediately to
    views that sleep: until so many sleeps as there are threads are over, less the one sleep that takes."""
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for _ in range(32):
            client = Client(stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10)))
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.ask("/fast")
        change = time.monotonic() + FAST_SECONDS
        slept = 0
        while slept < server.threads:
            ready = selector.select(timeout=10)
            if not ready:
                raise LoadFailed("no answer for 10 s after a change of load")
            for key, _ in ready:
                body = key.data.receive()
                if body is not None:
                    slept += body == b"slept\n"
                    key.data.ask("/fast" if time.monotonic() < change else "/sleep")
        return (time.monotonic() - change - SLEEP_SECONDS) * 1e3


class Client:
    """A keep-alive connection with one request at a time, for answers of bench/apps/mixed.py: all end in a newline."""

    def __init__(self, connected):
        self.socket = connected
        self.answer = b""

    def ask(self, path):
        self.answer = b""
        self.socket.sendall(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % path.encode())

    def receive(self):
        """Takes in what has come: the body when it is whole, else None."""
        data = self.socket.recv(65536)
        self.answer += data
        head, _, body = self.answer.partition(b"\r\n\r\n")
        if not data or not b"HTTP/1.1 200".startswith(head[:12]):
            raise LoadFailed("answered %r" % self.answer[:80])
        return body if body.endswith(b"\n") else None


FIRST_SECOND = Extra("first second", first_second)
FOLLOWING = Extra("ms to follow", following)
BESIDE_ALONE = Extra("CPU, % of alone", about="the column beside the rate is the CPU time a request, in percent of "
                     "that of the same process just before they came")
