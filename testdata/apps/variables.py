"""Applications for the tests of the environ that each request gets."""

import gc
import json
import sys
import threading

kept = []


def _texts(environ):
    return [(key, value) for key, value in environ.items() if type(value) is str]


def dump(environ, start_response):
    """Everything about the environ that can be told as JSON, in its order."""
    start_response("200 OK", [])
    answer = {
        "texts": _texts(environ),
        "keys": list(environ),
        "exact": type(environ) is dict and all(type(key) is str for key in environ),
        "tracked": gc.is_tracked(environ),
        "handles": [type(environ[key]).__name__ for key in ("wsgi.input", "wsgi.errors", "pyserve.client_disconnected")],
    }
    return [json.dumps(answer).encode()]


def _clear(environ):
    environ.clear()


def _delete(environ):
    for key in list(environ)[::2]:
        del environ[key]


def _replace(environ):
    for key in environ:
        environ[key] = "replaced"


def _add(environ):
    for i in range(200):
        environ["application.%d" % i] = environ


def _reorder(environ):
    items = sorted(environ.items(), reverse=True)
    environ.clear()
    environ.update(items)
    environ.pop("PATH_INFO")


def _other_keys(environ):
    environ.clear()
    environ.update({None: None, 1: 2, ("a",): environ})


def unruly(environ, start_response):
    """Does to its environ what the path asks for."""
    change = globals()[environ["PATH_INFO"].replace("/", "_")]
    change(environ)
    start_response("200 OK", [])
    return [b"done"]


def keep(environ, start_response):
    """Keeps every environ, and answers with what the earlier ones hold now."""
    start_response("200 OK", [])
    answer = json.dumps([_texts(earlier) for earlier in kept]).encode()
    kept.append(environ)
    return [answer]


def keep_nothing(environ, start_response):
    kept.clear()
    start_response("200 OK", [])
    return []


def references(environ, start_response):
    """How many references there are to each value, beyond those to a value that only one dict has."""
    own = {"own": "".join(["a value ", "of its own"])}
    answer = {}
    for key in list(environ):
        answer[key] = sys.getrefcount(environ[key]) - sys.getrefcount(own["own"])
    start_response("200 OK", [])
    return [json.dumps(answer).encode()]


def handles(environ, start_response):
    """Keeps what belongs to the request, and answers how that of the earlier ones fares."""
    earlier = list(kept)
    kept.append((environ["wsgi.input"], start_response, environ["pyserve.client_disconnected"], environ["wsgi.errors"]))
    faults = []
    for content, start, disconnected, errors in earlier:
        errors.write("of an earlier one\n")
        for use in (content.read, disconnected, lambda start=start: start("500 Not mine", [])):
            try:
                faults.append(repr(use()))
            except (RuntimeError, ValueError):
                pass
    own = kept[-1][0].read().decode()
    start_response("200 OK", [])
    return [json.dumps({"faults": faults, "own": own}).encode()]


# A line that is left in wsgi.errors by another thread, after the request had its last one logged.


def unfinished(environ, start_response):
    kept.append(environ["wsgi.errors"])
    environ["wsgi.errors"].write("the end")
    start_response("200 OK", [])
    return []


def late(environ, start_response):
    thread = threading.Thread(target=lambda: kept.pop().write("late"))
    thread.start()
    thread.join()
    start_response("200 OK", [])
    return []


def logs(environ, start_response):
    environ["wsgi.errors"].write("a line of its own\n")
    start_response("200 OK", [])
    return []
