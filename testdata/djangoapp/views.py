"""One view for each thing a Django project may ask of its server."""

import hashlib
import threading
import time
from pathlib import Path

import django
from django import forms
from django.contrib import messages
from django.db import connection
from django.http import FileResponse, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http import StreamingHttpResponse
from django.shortcuts import redirect as redirect_to
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from djangoapp.models import Note


class NoteForm(forms.Form):
    text = forms.CharField(max_length=200)


def hello(request):
    return HttpResponse("Hello from Django %s\n" % django.get_version(), content_type="text/plain")


def form(request):
    """A form under CSRF protection that saves a note and leaves a message for the next page."""
    if request.method != "POST":
        return render(request, "djangoapp/form.html", {"form": NoteForm()})
    filled = NoteForm(request.POST)
    if not filled.is_valid():
        return render(request, "djangoapp/form.html", {"form": filled}, status=400)
    note = Note.objects.create(text=filled.cleaned_data["text"])
    messages.success(request, "saved note %d" % note.pk)
    return redirect_to("form")


@csrf_exempt
def upload(request):
    """The size, SHA-256 and kind of each uploaded file: in memory or in a temporary file."""
    files = {}
    for name, file in request.FILES.items():
        digest = hashlib.sha256()
        for block in file.chunks():
            digest.update(block)
        files[name] = {
            "filename": file.name,
            "size": file.size,
            "sha256": digest.hexdigest(),
            "kind": type(file).__name__,
        }
    return JsonResponse({"files": files, "fields": request.POST.dict()})


@csrf_exempt
def raw(request):
    body = request.body
    return JsonResponse({"size": len(body), "sha256": hashlib.sha256(body).hexdigest()})


def session(request):
    """Counts the visits of one client, in the database."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JsonResponse({"visits": request.session["visits"]})


def flash(request):
    return JsonResponse({"messages": [str(message) for message in messages.get_messages(request)]})


def notes(request):
    texts = list(Note.objects.order_by("pk").values_list("text", flat=True))
    return JsonResponse({"notes": texts})


@csrf_exempt
def add_note(request):
    """Writes one note; says on which thread, and on which connection object of that thread."""
    note = Note.objects.create(text=request.POST["text"])
    connection.ensure_connection()
    return JsonResponse(
        {
            "id": note.pk,
            "thread": threading.get_ident(),
            "connection": id(connection.connection),
        }
    )


def stream(request):
    count = int(request.GET.get("n", 10))
    return StreamingHttpResponse(
        ("line %d\n" % number for number in range(count)), content_type="text/plain"
    )


def stream_notes(request):
    """Rows read from the open cursor while they are sent: the cursor belongs to one thread."""
    rows = Note.objects.order_by("pk").iterator(chunk_size=2)
    return StreamingHttpResponse((note.text + "\n" for note in rows), content_type="text/plain")


def file(request):
    return FileResponse(Path(__file__).open("rb"), as_attachment=True, filename="views.py")


def redirect(request):
    return HttpResponseRedirect(request.build_absolute_uri(reverse("hello")))


def urls(request):
    """Where the project believes it is: the client's scheme, host, port and mount point."""
    return JsonResponse(
        {
            "external": request.build_absolute_uri(reverse("hello")),
            "relative": reverse("hello"),
            "path": request.path,
            "remote": request.META["REMOTE_ADDR"],
            "secure": request.is_secure(),
        }
    )


def raise_error(request):
    raise ValueError("a secret detail")


def slow(request):
    """Takes as many seconds as asked, waiting."""
    time.sleep(float(request.GET.get("seconds", 1)))
    return HttpResponse("done\n", content_type="text/plain")
