"""Real applications inside the strictest middleware there is: Werkzeug's and Paste's lint.

Needs Flask, Werkzeug and Paste. What lint finds becomes an exception, so a 500. `app` serves
/werkzeug/flask/…, /werkzeug/simple, /paste/flask/…, /paste/simple.
"""

import warnings

import paste.lint
from flaskapp import app as flask_app
from werkzeug.middleware.lint import HTTPWarning, LintMiddleware, WSGIWarning

from apps.dispatch import by_path
from apps.kinds import function, generator_function

# Werkzeug only warns, and a warning in a log is easily overlooked.
# HTTPWarning is about the application's taste in HTTP (it knows only absolute redirects), not about WSGI.
for category in (WSGIWarning, paste.lint.WSGIWarning):
    warnings.simplefilter("error", category)
warnings.simplefilter("ignore", HTTPWarning)

werkzeug_flask = LintMiddleware(flask_app)
werkzeug_simple = LintMiddleware(function)
werkzeug_generator = LintMiddleware(generator_function)
paste_flask = paste.lint.middleware(flask_app)
paste_simple = paste.lint.middleware(function)
paste_generator = paste.lint.middleware(generator_function)

app = by_path(
    {
        "werkzeug": by_path(
            {"flask": werkzeug_flask, "simple": werkzeug_simple, "generator": werkzeug_generator}
        ),
        "paste": by_path(
            {"flask": paste_flask, "simple": paste_simple, "generator": paste_generator}
        ),
    }
)
