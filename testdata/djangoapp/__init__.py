"""The Django project of the end-to-end tests: `djangoapp.wsgi:application`. Project and app are one."""
