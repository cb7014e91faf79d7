"""What `manage.py runserver` serves."""

from typing import Any


def application(static: bool) -> Any:
    """The application that WSGI_APPLICATION names; with static, what django.contrib.staticfiles finds, too."""
    import django
    from django.core.servers.basehttp import get_internal_wsgi_application

    django.setup()
    served = get_internal_wsgi_application()
    if static:
        from django.contrib.staticfiles.handlers import StaticFilesHandler

        served = StaticFilesHandler(served)
    return served
