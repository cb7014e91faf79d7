"""Registers the project itself as an application, for its model, templates and static files."""

from django.apps import AppConfig


class DjangoAppConfig(AppConfig):
    name = "djangoapp"
    default_auto_field = "django.db.models.BigAutoField"
