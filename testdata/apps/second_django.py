"""A second Django project: it wants settings of its own, which a process cannot have."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "second.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402 (the settings come first)

application = get_wsgi_application()
