"""Sets hooks for tracing and profiling at import, as coverage and profilers do, and tells what they see."""

import sys
import threading

from apps.dispatch import answer_json, by_path, collect

VIEWS = {}
view = collect(VIEWS)
traced, profiled = {}, {}


def note(seen, event, frame):
    if event == "call" and frame.f_code.co_name == "me":
        name = threading.current_thread().name
        seen[name] = seen.get(name, 0) + 1


def trace(frame, event, argument):
    note(traced, event, frame)
    return trace


def profile(frame, event, argument):
    note(profiled, event, frame)


for where in (sys, threading):
    where.settrace(trace)
    where.setprofile(profile)

meeting = threading.Barrier(4)


@view
def me(environ, start_response):
    """Four requests at the same time, and so on four threads."""
    meeting.wait(60)
    return answer_json(start_response, threading.current_thread().name)


@view
def seen(environ, start_response):
    return answer_json(start_response, {"traced": traced, "profiled": profiled})


app = by_path(VIEWS)
