"""A Django application whose `manage.py runserver` is pyserve: put "pyserve.django" first into INSTALLED_APPS."""
