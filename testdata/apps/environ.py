"""Prints its environ as JSON: every key with the type and the repr of its value.

wsgiref's demo_app prints one text; this one can be compared key by key and type by type.
"""

from apps.dispatch import answer_json


def wsgiapp(environ, start_response):
    entries = {}
    for key, value in environ.items():
        entries[key] = {"type": type(value).__name__, "repr": repr(value)}
        if isinstance(value, (str, bool, int)):
            entries[key]["value"] = value
    answer = {
        "type": type(environ).__name__,
        "entries": entries,
        "keys_are_str": all(type(key) is str for key in environ),
    }
    return answer_json(start_response, answer)


app = wsgiapp
