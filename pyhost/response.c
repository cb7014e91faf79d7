/* response.c: the start_response and write callables, and pyserve.client_disconnected. */
#include "internal.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

static PyTypeObject *start_response_type, *write_type, *disconnected_type;

/* ---- what the handle types share ---- */

PyTypeObject *ps_type(PyType_Spec *spec)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromSpec(spec);
    if (type != NULL)
        type->tp_new = NULL; /* made by the server only */
    return type;
}

PyObject *ps_handle_new(PyTypeObject *type, uint64_t handle, vectorcallfunc call)
{
    ps_handle_object *self = PyObject_New(ps_handle_object, type);
    if (self != NULL) {
        self->handle = handle;
        self->call = call;
    }
    return (PyObject *)self;
}

PyObject *ps_handle_again(PyObject **kept, PyTypeObject *type, uint64_t handle, vectorcallfunc call)
{
    if (*kept != NULL && Py_REFCNT(*kept) == 1) {
        ((ps_handle_object *)*kept)->handle = handle;
    } else {
        Py_XDECREF(*kept);
        *kept = ps_handle_new(type, handle, call);
    }
    Py_XINCREF(*kept);
    return *kept;
}

void ps_handle_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

PyObject *ps_raise(int status, const char *message)
{
    PyObject *type = PyExc_SystemError;
    switch (status) {
    case PS_ASSERTION: type = PyExc_AssertionError; break;
    case PS_TYPE: type = PyExc_TypeError; break;
    case PS_VALUE: type = PyExc_ValueError; break;
    case PS_OS: type = PyExc_OSError; break;
    case PS_DISCONNECTED: type = PyExc_ConnectionResetError; break;
    case PS_STALE:
        type = PyExc_RuntimeError;
        message = "the request is over: its start_response, write and wsgi.input cannot be used any more";
        break;
    }
    PyObject *text = PyUnicode_DecodeUTF8(message, (Py_ssize_t)strlen(message), "replace");
    if (text != NULL)
        PyErr_SetObject(type, text);
    Py_XDECREF(text);
    return NULL;
}

int ps_refuse_child(void)
{
    if (ps_forked)
        PyErr_SetString(PyExc_RuntimeError, "a forked child process cannot use the request of its parent");
    return ps_forked;
}

int ps_latin1(PyObject *text, const char *what, const char **bytes, Py_ssize_t *size)
{
    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "%s must be str, not %.100s", what, Py_TYPE(text)->tp_name);
        return -1;
    }
#if PY_VERSION_HEX < 0x030C0000
    if (PyUnicode_READY(text) < 0)
        return -1;
#endif
    if (PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND) {
        PyErr_Format(PyExc_ValueError, "%s %R has characters that Latin-1 has not (PEP 3333, \"Unicode Issues\")", what, text);
        return -1;
    }
    *bytes = (const char *)PyUnicode_1BYTE_DATA(text);
    *size = PyUnicode_GET_LENGTH(text);
    return 0;
}

/* ---- write ---- */

static PyObject *write_call(PyObject *self, PyObject *const *args, size_t flags, PyObject *names)
{
    char message[PS_MESSAGE] = "";
    if (PyVectorcall_NARGS(flags) != 1 || names != NULL) {
        PyErr_SetString(PyExc_TypeError, "write() takes exactly one argument, the bytes to send");
        return NULL;
    }
    if (!PyBytes_Check(args[0])) {
        PyErr_Format(PyExc_TypeError, "write() takes bytes, not %.100s", Py_TYPE(args[0])->tp_name);
        return NULL;
    }
    if (ps_refuse_child())
        return NULL;
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = goWrite(((ps_handle_object *)self)->handle, PyBytes_AS_STRING(args[0]), (size_t)PyBytes_GET_SIZE(args[0]), message);
    Py_END_ALLOW_THREADS
    if (status != PS_OK)
        return ps_raise(status, message);
    Py_RETURN_NONE;
}

/* ---- start_response ---- */

/* A buffer that starts on the C stack. */
typedef struct {
    char *bytes;
    size_t used, room;
    char first[2048];
} packer;

static void pack_free(packer *p)
{
    if (p->bytes != p->first)
        PyMem_Free(p->bytes);
}

static int pack(packer *p, PyObject *text, const char *what)
{
    const char *bytes;
    Py_ssize_t size;
    if (ps_latin1(text, what, &bytes, &size) < 0)
        return -1;
    if (size > INT32_MAX) {
        PyErr_Format(PyExc_ValueError, "%s is too long", what);
        return -1;
    }
    uint32_t prefix = (uint32_t)size;
    size_t wanted = p->used + sizeof prefix + (size_t)size;
    if (wanted > p->room) {
        char *old = p->bytes == p->first ? NULL : p->bytes, *grown = PyMem_Realloc(old, wanted * 2);
        if (grown == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        if (old == NULL)
            memcpy(grown, p->first, p->used);
        p->bytes = grown;
        p->room = wanted * 2;
    }
    memcpy(p->bytes + p->used, &prefix, sizeof prefix);
    memcpy(p->bytes + p->used + sizeof prefix, bytes, (size_t)size);
    p->used = wanted;
    return 0;
}

static int pack_headers(packer *p, PyObject *headers)
{
    if (!PyList_Check(headers)) {
        PyErr_Format(PyExc_TypeError, "the response headers must be a list, not %.100s", Py_TYPE(headers)->tp_name);
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(headers); i++) {
        PyObject *header = PyList_GET_ITEM(headers, i);
        if (!PyTuple_Check(header) || PyTuple_GET_SIZE(header) != 2) {
            Py_INCREF(header); /* its repr() may empty the list */
            PyErr_Format(PyExc_TypeError, "a response header must be a tuple (name, value), not %R", header);
            Py_DECREF(header);
            return -1;
        }
        if (pack(p, PyTuple_GET_ITEM(header, 0), "a response header's name") < 0
            || pack(p, PyTuple_GET_ITEM(header, 1), "a response header's value") < 0)
            return -1;
    }
    return 0;
}

/* Raises exc_info as it was passed ("PEP 3333, The start_response() Callable"). */
static PyObject *raise_again(PyObject *exc_info)
{
    PyObject *value = PyTuple_GET_ITEM(exc_info, 1), *traceback = PyTuple_GET_ITEM(exc_info, 2);
    if (!PyExceptionInstance_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "exc_info must be what sys.exc_info() returns, inside an except block");
        return NULL;
    }
    if (PyTraceBack_Check(traceback) && PyException_SetTraceback(value, traceback) < 0)
        return NULL;
    PyErr_SetObject((PyObject *)Py_TYPE(value), value);
    return NULL;
}

static PyObject *start_response(uint64_t handle, PyObject *status, PyObject *headers, PyObject *exc_info)
{
    packer p; /* not by an initialiser: that would clear all of first */
    p.bytes = p.first;
    p.used = 0;
    p.room = sizeof p.first;
    char message[PS_MESSAGE];
    message[0] = '\0';
    if (exc_info == Py_None)
        exc_info = NULL;
    if (exc_info != NULL && (!PyTuple_Check(exc_info) || PyTuple_GET_SIZE(exc_info) != 3)) {
        PyErr_SetString(PyExc_TypeError, "exc_info must be the tuple that sys.exc_info() returns");
        return NULL;
    }
    if (ps_refuse_child())
        return NULL;
    if (pack(&p, status, "the status") < 0 || pack_headers(&p, headers) < 0) {
        pack_free(&p);
        return NULL;
    }
    int result = goStartResponse(handle, p.bytes, p.used, exc_info != NULL, 0, message);
    if (result == PS_BUSY) {
        Py_BEGIN_ALLOW_THREADS
        result = goStartResponse(handle, p.bytes, p.used, exc_info != NULL, 1, message);
        Py_END_ALLOW_THREADS
    }
    pack_free(&p);
    if (result == PS_HEADERS_SENT)
        return raise_again(exc_info);
    if (result != PS_OK)
        return ps_raise(result, message);
    return ps_handle_new(write_type, handle, write_call);
}

/* Puts a keyword argument into its place: some frameworks call start_response(..., exc_info=...). */
static int take_keyword(PyObject *name, PyObject *value, PyObject **slots)
{
    static const char *const names[] = {"status", "response_headers", "exc_info", "headers"};
    for (int i = 0; i < 4; i++) {
        PyObject **slot = &slots[i == 3 ? 1 : i];
        if (PyUnicode_CompareWithASCIIString(name, names[i]) == 0 && *slot == NULL) {
            *slot = value;
            return 0;
        }
    }
    PyErr_Format(PyExc_TypeError, "start_response() got an unexpected argument %R", name);
    return -1;
}

static PyObject *start_response_call(PyObject *self, PyObject *const *args, size_t flags, PyObject *names)
{
    Py_ssize_t count = PyVectorcall_NARGS(flags);
    PyObject *slots[3] = {NULL, NULL, NULL};
    for (Py_ssize_t i = 0; i < count && i < 3; i++)
        slots[i] = args[i];
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++)
        if (take_keyword(PyTuple_GET_ITEM(names, i), args[count + i], slots) < 0)
            return NULL;
    if (count > 3 || slots[0] == NULL || slots[1] == NULL) {
        PyErr_SetString(PyExc_TypeError, "start_response() takes a status, a list of headers, and optionally exc_info");
        return NULL;
    }
    return start_response(((ps_handle_object *)self)->handle, slots[0], slots[1], slots[2]);
}

PyObject *ps_start_response_new(uint64_t handle)
{
    return ps_handle_again(&ps_self->start_response, start_response_type, handle, start_response_call);
}

/* ---- pyserve.client_disconnected ---- */

static PyObject *disconnected_call(PyObject *self, PyObject *const *args, size_t flags, PyObject *names)
{
    (void)args;
    if (PyVectorcall_NARGS(flags) != 0 || names != NULL) {
        PyErr_SetString(PyExc_TypeError, "client_disconnected() takes no arguments");
        return NULL;
    }
    if (ps_refuse_child())
        return NULL;
    int answer = goDisconnected(((ps_handle_object *)self)->handle);
    return answer < 0 ? ps_raise(answer, "") : PyBool_FromLong(answer);
}

PyObject *ps_disconnected_new(uint64_t handle)
{
    return ps_handle_again(&ps_self->disconnected, disconnected_type, handle, disconnected_call);
}

/* ---- the types ---- */

static PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(ps_handle_object, call), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject *callable_type(const char *name, const char *doc)
{
    PyType_Slot slots[] = {
        {Py_tp_dealloc, ps_handle_dealloc},
        {Py_tp_call, PyVectorcall_Call},
        {Py_tp_members, members},
        {Py_tp_doc, (void *)doc},
        {0, NULL},
    };
    PyType_Spec spec = {name, sizeof(ps_handle_object), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL, slots};
    return ps_type(&spec);
}

int ps_response_prepare(void)
{
    start_response_type = callable_type("pyserve.StartResponse", "start_response(status, headers, exc_info=None) -> write");
    write_type = callable_type("pyserve.Write", "write(data): send data, which is bytes");
    disconnected_type = callable_type("pyserve.ClientDisconnected", "client_disconnected() -> bool");
    return start_response_type == NULL || write_type == NULL || disconnected_type == NULL ? -1 : 0;
}
