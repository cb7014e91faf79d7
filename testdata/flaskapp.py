"""The Flask application `make serve` serves, and the one the end-to-end tests drive.

One route for each thing a Flask application may ask of its server. `app` is the Flask object, itself a
WSGI callable; `app.wsgi_app` is the callable middleware wraps and is served by its dotted name too.
"""

import hashlib
import io
import platform
import tempfile

import flask

app = flask.Flask(__name__)
app.secret_key = "only for tests"

# For servers that are given a plain name: the same callable as flaskapp:app.wsgi_app.
wsgiapp = app.wsgi_app

FORM = """<!doctype html><title>Form</title>
<form method=post><input name=name><input name=colour><button>Send</button></form>"""


@app.route("/")
@app.route("/hello")
def hello():
    return "Hello from Flask %s on Python %s\n" % (
        flask_version(),
        platform.python_version(),
    )


def flask_version():
    from importlib.metadata import version

    return version("flask")


@app.route("/form", methods=["GET", "POST"])
def form():
    if flask.request.method == "GET":
        return FORM
    fields = flask.request.form
    return flask.jsonify({name: fields.getlist(name) for name in fields})


@app.route("/upload", methods=["POST"])
def upload():
    """The size and SHA-256 of each file of a multipart form, and its other fields."""
    files = {}
    for name, file in flask.request.files.items():
        digest = hashlib.sha256()
        size = 0
        for block in iter(lambda: file.stream.read(65536), b""):
            digest.update(block)
            size += len(block)
        files[name] = {
            "filename": file.filename,
            "type": file.content_type,
            "size": size,
            "sha256": digest.hexdigest(),
        }
    return flask.jsonify(files=files, fields=flask.request.form.to_dict())


@app.route("/raw", methods=["POST", "PUT", "PATCH", "DELETE"])
def raw():
    """The size and SHA-256 of a body of any type, with what the environ says of its length."""
    body = flask.request.get_data()
    return flask.jsonify(
        method=flask.request.method,
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        content_length=flask.request.environ.get("CONTENT_LENGTH"),
        terminated=bool(flask.request.environ.get("wsgi.input_terminated")),
        transfer_encoding=flask.request.environ.get("HTTP_TRANSFER_ENCODING"),
    )


@app.route("/json", methods=["GET", "POST"])
def json():
    if flask.request.method == "GET":
        return {"message": "Grüße", "numbers": [1, 2.5, None, True]}
    return flask.jsonify(echo=flask.request.get_json())


@app.route("/cookies/set")
def set_cookies():
    """Two Set-Cookie fields, which a server must not join, and one value in quotes."""
    response = flask.make_response("set\n")
    response.set_cookie("plain", flask.request.args.get("value", "1"))
    response.set_cookie("kept", "a b", max_age=3600, httponly=True, samesite="Lax")
    return response


@app.route("/cookies")
def cookies():
    return flask.jsonify(flask.request.cookies)


@app.route("/session")
def session():
    """Counts the visits of one client, in Flask's signed cookie."""
    flask.session["visits"] = flask.session.get("visits", 0) + 1
    return flask.jsonify(visits=flask.session["visits"])


@app.route("/stream")
def stream():
    """n lines, each its own chunk, from a generator that still sees the request."""
    count = flask.request.args.get("n", 10, type=int)

    def lines():
        for number in range(count):
            yield "%d %s\n" % (number, flask.request.path)

    return flask.Response(flask.stream_with_context(lines()), mimetype="text/plain")


@app.route("/stream/broken")
def broken_stream():
    """Raises after its first chunk: the client must not take what it has for the whole."""

    def lines():
        yield "first\n"
        raise RuntimeError("the stream broke")

    return flask.Response(lines(), mimetype="text/plain")


@app.route("/redirect")
def redirect():
    return flask.redirect(flask.url_for("hello"))


@app.route("/urls")
def urls():
    """Where the application believes it is: the client's scheme, host, port and mount point."""
    return flask.jsonify(
        external=flask.url_for("hello", _external=True),
        relative=flask.url_for("hello"),
        url=flask.request.url,
        root=flask.request.url_root,
        remote=flask.request.remote_addr,
        secure=flask.request.is_secure,
    )


@app.route("/raise")
def raise_error():
    raise ValueError("a secret detail")


@app.route("/abort/<int:status>")
def abort(status):
    flask.abort(status)


@app.errorhandler(418)
def teapot(error):
    return flask.Response("short and stout\n", 418, {"X-Pot": "tea"})


@app.route("/empty")
def empty():
    return "", 204


@app.route("/file")
def file():
    """This source file by send_file: conditional requests and ranges come with it."""
    return flask.send_file(__file__, mimetype="text/x-python", conditional=True)


@app.route("/file/memory")
def memory_file():
    body = io.BytesIO(b"in memory\n")
    return flask.send_file(body, mimetype="text/plain", download_name="memory.txt", as_attachment=True)


@app.route("/file/big")
def big_file():
    """size bytes of a repeated pattern, from a real file that has no name any more."""
    size = flask.request.args.get("size", 1 << 20, type=int)
    pattern = bytes(range(256))
    body = tempfile.TemporaryFile()
    for _ in range(size // 256):
        body.write(pattern)
    body.write(pattern[: size % 256])
    body.seek(0)
    return flask.send_file(body, mimetype="application/octet-stream")


@app.route("/headers")
def headers():
    """Response headers whose spelling and bytes must come through as they are."""
    response = flask.make_response("headers\n")
    response.headers["x-LOWER-Upper"] = "kept"
    response.headers["X-Latin"] = "caf\xe9"
    return response


@app.route("/environ", methods=["GET", "POST", "OPTIONS"])
@app.route("/environ/<path:rest>")
def environ(rest=None):
    """The request's environ, strings as they are and everything else as its repr."""
    dump = flask.request.environ.items()
    return flask.jsonify({k: v if isinstance(v, str) else repr(v) for k, v in dump})
