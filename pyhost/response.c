/* response.c: the start_response and write callables, and pyserve.client_disconnected. */
#include "internal.h"

#include <string.h>

/* The bytes of a str that fits in Latin-1, borrowed; -1 with an exception that names what it is. */
static int latin1(PyObject *text, const char *what, const char **bytes, Py_ssize_t *size)
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

static PyObject *write_call(PyObject *self, PyObject *data)
{
    char message[PS_MESSAGE] = "";
    if (!PyBytes_Check(data))
        return PyErr_Format(PyExc_TypeError, "write() takes bytes, not %.100s", Py_TYPE(data)->tp_name);
    if (ps_refuse_child())
        return NULL;
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = goWrite(HANDLE(self), PyBytes_AS_STRING(data), (size_t)PyBytes_GET_SIZE(data), message);
    Py_END_ALLOW_THREADS
    if (status != PS_OK)
        return ps_raise(status, message);
    Py_RETURN_NONE;
}

static PyMethodDef write_method = {"write", write_call, METH_O, "write($self, data, /)\n--\n\nSend data, which is bytes."};

/* ---- start_response ---- */

/* No client takes more than this; and to pack and check it may not hold up the other threads. */
enum { LARGEST_HEAD = 1024 * 1024 };

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
    if (latin1(text, what, &bytes, &size) < 0)
        return -1;
    uint32_t prefix = (uint32_t)size;
    size_t wanted = p->used + sizeof prefix + (size_t)size;
    if (wanted > LARGEST_HEAD) {
        PyErr_Format(PyExc_ValueError, "the status and the response headers are larger than %d bytes", LARGEST_HEAD);
        return -1;
    }
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

static PyObject *start_response(PyObject *self, PyObject *status, PyObject *headers, PyObject *exc_info)
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
    int result = p.bytes == p.first ? goStartResponse(HANDLE(self), p.bytes, p.used, exc_info != NULL, 0, message) : PS_BUSY;
    if (result == PS_BUSY) { /* or it is large, and takes its time */
        Py_BEGIN_ALLOW_THREADS
        result = goStartResponse(HANDLE(self), p.bytes, p.used, exc_info != NULL, 1, message);
        Py_END_ALLOW_THREADS
    }
    pack_free(&p);
    if (result == PS_HEADERS_SENT)
        return raise_again(exc_info);
    if (result != PS_OK)
        return ps_raise(result, message);
    return PyCFunction_New(&write_method, self);
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

static PyObject *start_response_call(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
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
    return start_response(self, slots[0], slots[1], slots[2]);
}

PyObject *ps_start_response_new(PyObject *request)
{
    static PyMethodDef method = {"start_response", (PyCFunction)(void (*)(void))start_response_call, METH_FASTCALL | METH_KEYWORDS,
                                 "start_response($self, status, response_headers, exc_info=None)\n--\n\nReturns write(data)."};
    return PyCFunction_New(&method, request);
}

/* ---- pyserve.client_disconnected ---- */

static PyObject *disconnected_call(PyObject *self, PyObject *unused)
{
    int answer;
    if (ps_refuse_child())
        return NULL;
    Py_BEGIN_ALLOW_THREADS /* C code may call it in a loop, as iter() does */
    answer = goDisconnected(HANDLE(self));
    Py_END_ALLOW_THREADS
    return answer < 0 ? ps_raise(answer, "") : PyBool_FromLong(answer);
}

PyObject *ps_disconnected_new(PyObject *request)
{
    static PyMethodDef method = {"client_disconnected", disconnected_call, METH_NOARGS, "client_disconnected($self)\n--\n\n"};
    return PyCFunction_New(&method, request);
}
