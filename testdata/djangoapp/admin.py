"""The admin of notes."""

from django.contrib import admin

from djangoapp.models import Note


@admin.register(Note)
class NoteAdmin(admin.ModelAdmin):
    list_display = ["text", "created"]
    search_fields = ["text"]
