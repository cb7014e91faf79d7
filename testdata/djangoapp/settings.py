"""Settings for tests and `make serve`: sqlite, no secrets, nothing to install beside Django.

DJANGOAPP_DB is the database file; without it one in the system's temporary folder is used.
DJANGOAPP_PROXIED=1 believes X-Forwarded-Proto, as a project behind a proxy would set it up.
"""

import os
import tempfile
from pathlib import Path

import django

BASE_DIR = Path(__file__).resolve().parent

SECRET_KEY = "only for tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "djangoapp.urls"
WSGI_APPLICATION = "djangoapp.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "djangoapp.apps.DjangoAppConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DJANGOAPP_DB")
        or os.path.join(tempfile.gettempdir(), "djangoapp-%d.sqlite3" % os.getuid()),
        # A connection is kept per thread, as in production; its lock is waited for, not failed on.
        "CONN_MAX_AGE": None,
        "OPTIONS": {"timeout": 30} if django.VERSION < (5, 1) else {"timeout": 30, "transaction_mode": "IMMEDIATE"},
    },
}

# Only for speed: the admin's login would otherwise spend a quarter of a second hashing.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
USE_TZ = True

# Uploads above this size go through a temporary file: the tests send both kinds.
FILE_UPLOAD_MAX_MEMORY_SIZE = 1 << 20

if os.environ.get("DJANGOAPP_PROXIED"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
