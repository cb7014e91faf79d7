"""An application that, as gevent and eventlet do, puts other functions in the place of the standard library's."""

import _thread
import os
import select
import socket
import sys
import threading
import time


def patched(*arguments, **keywords):
    raise AssertionError("the server calls what the application has patched")


def app(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]


if sys.version_info < (3, 13):  # later, CPython's own hook for os.fork asserts that it is the thread's
    threading.get_ident = lambda: _thread.get_ident() + 2**48  # the number of a greenlet
threading.enumerate = threading.main_thread = patched
del threading.Thread.native_id  # eventlet's have none
os.fork = os.waitpid = os.close = time.sleep = patched
select.poll = select.select = socket.socket = patched
