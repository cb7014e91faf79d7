"""What the applications of behaviours.py share: counts of close(), notes, and short ways to answer."""

import threading

LOCK = threading.Lock()
CLOSED = {}  # name of the application: calls of close()
SEEN = {}  # name of the application: its notes
FILES = []  # (name of the application, file): files count as closed when they are

PLAIN = [("Content-Type", "text/plain")]


def note(name, text):
    with LOCK:
        SEEN.setdefault(name, []).append(text)


def count_close(name):
    with LOCK:
        CLOSED[name] = CLOSED.get(name, 0) + 1


class Counted:
    """An iterable without len() whose close() is counted, and then does what at_close does."""

    def __init__(self, name, chunks, at_close=None):
        self.name, self.chunks, self.at_close = name, iter(chunks), at_close

    def __iter__(self):
        return self.chunks

    def close(self):
        count_close(self.name)
        if self.at_close is not None:
            self.at_close()


class Sized(Counted):
    """One that has a length."""

    def __len__(self):
        return 1


def start(start_response, *more):
    return start_response("200 OK", PLAIN + list(more))


def fail(exception):
    raise exception


def declared(length):
    return ("Content-Length", str(length))


def write_ignoring(name, write, data):
    try:
        write(data)
    except OSError as e:
        note(name, type(e).__name__)
