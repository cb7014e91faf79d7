"""Every route of the project. Static files come from the staticfiles finders, DEBUG or not."""

from django.contrib import admin
from django.contrib.staticfiles.views import serve
from django.urls import path

from djangoapp import views

urlpatterns = [
    path("", views.hello),
    path("hello", views.hello, name="hello"),
    path("form", views.form, name="form"),
    path("upload", views.upload),
    path("raw", views.raw),
    path("session", views.session),
    path("messages", views.flash),
    path("notes", views.notes),
    path("notes/add", views.add_note),
    path("stream", views.stream),
    path("stream/notes", views.stream_notes),
    path("file", views.file),
    path("redirect", views.redirect),
    path("urls", views.urls),
    path("raise", views.raise_error),
    path("slow", views.slow),
    path("static/<path:path>", serve, {"insecure": True}),
    path("admin/", admin.site.urls),
]
