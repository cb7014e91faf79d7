"""Becomes a server of its own while it is imported, until the file that UNTIL names is there."""

import os
import socket
import time

own = socket.create_server(("127.0.0.1", 0))
while not os.path.exists(os.environ["UNTIL"]):
    time.sleep(0.01)
PORT = own.getsockname()[1]
own.close()


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % PORT]
