"""A Flask view that returns a string.

Not testdata/flaskapp.py: its hello asks the package metadata for Flask's version at each request, which
costs five times what Flask does and would hide the servers' differences.
"""

import flask

app = flask.Flask(__name__)


@app.route("/hello")
def hello():
    return "Hello from Flask\n"
