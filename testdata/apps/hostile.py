"""An application that speaks to the master of the server in the server's name."""

import os
import socket
import threading
import time
import urllib.parse


def speak(messages, times=1):
    """Sends messages over every socket that may lead to the master."""
    for descriptor in range(3, 64):
        try:
            channel = socket.socket(fileno=os.dup(descriptor))
        except OSError:
            continue
        with channel:
            if channel.family == socket.AF_UNIX and channel.type == socket.SOCK_SEQPACKET:
                for _ in range(times):
                    for message in messages:
                        try:
                            channel.send(message)
                        except OSError:
                            return


def speak_when_told(path):
    while not os.path.exists(path):
        time.sleep(0.01)
    with open(path, "rb") as file:
        speak([file.read()])


def waiting(path):
    """For --preload: speaks in the process that has imported this once there is a file, which holds what to say."""
    threading.Thread(target=speak_when_told, args=(path,), daemon=True).start()
    return app


def speaking(message):
    speak([message.encode()])
    return app


def failing(text):
    raise ValueError(urllib.parse.unquote_plus(text))


def raises(environ, start_response, text):
    raise ValueError(text)


def writes(environ, start_response, text):
    environ["wsgi.errors"].write(text + "\n")
    start_response("200 OK", [])
    return []


class Closing(list):
    def close(self):
        raise ValueError(self[0].decode())


def closes(environ, start_response, text):
    start_response("200 OK", [])
    return Closing([text.encode()])


texts = {"/raise": raises, "/write": writes, "/close": closes}


def app(environ, start_response):
    if environ["PATH_INFO"] == "/speak":
        query = urllib.parse.parse_qs(environ["QUERY_STRING"])
        speak([query["message"][0].encode("latin-1")], int(query.get("times", "1")[0]))
    if environ["PATH_INFO"] in texts:
        return texts[environ["PATH_INFO"]](environ, start_response, urllib.parse.parse_qs(environ["QUERY_STRING"])["text"][0])
    if environ["PATH_INFO"] == "/wait":
        time.sleep(1000)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b"%d" % os.getpid()]
