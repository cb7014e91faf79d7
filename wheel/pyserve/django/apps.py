from django.apps import AppConfig


class PyserveConfig(AppConfig):
    name = "pyserve.django"
    label = "pyserve"
