/* errors.c: wsgi.errors, a text stream that goes into the server's log line by line. */
#include "internal.h"

#include <string.h>
#include <unistd.h>

typedef struct {
    PyObject_HEAD
    PyObject *partial; /* a line that has no newline yet, or NULL */
    size_t id_size;
    char id[128];
} errors_object;

static PyTypeObject *errors_type;

/* Hands text to the log. Works in a forked child too, where nothing but the descriptor is left. */
static int emit(errors_object *self, PyObject *text)
{
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    if (bytes == NULL)
        return -1;
    Py_BEGIN_ALLOW_THREADS
    if (!ps_forked)
        goErrors(self->id, self->id_size, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    else if (write(2, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)) < 0)
        (void)0; /* there is nobody left to tell */
    Py_END_ALLOW_THREADS
    Py_DECREF(bytes);
    return 0;
}

/* Keeps what stands after the last newline, and hands the rest to the log. */
static int add(errors_object *self, PyObject *text)
{
    /* An exact str in either case: the destructor of a subclass could write here while partial changes. */
    PyObject *all = self->partial != NULL ? PyUnicode_Concat(self->partial, text) : PyUnicode_FromObject(text);
    if (all == NULL)
        return -1;
    Py_ssize_t length = PyUnicode_GetLength(all);
    Py_ssize_t newline = PyUnicode_FindChar(all, '\n', 0, length, -1);
    if (newline < 0) {
        Py_XDECREF(self->partial);
        self->partial = all;
        return 0;
    }
    PyObject *lines = PyUnicode_Substring(all, 0, newline + 1);
    PyObject *rest = newline + 1 < length ? PyUnicode_Substring(all, newline + 1, length) : NULL;
    int failed = lines == NULL || (rest == NULL && PyErr_Occurred()) ? -1 : 0;
    Py_XDECREF(self->partial);
    self->partial = rest;
    if (!failed)
        failed = emit(self, lines);
    Py_XDECREF(lines);
    Py_DECREF(all);
    return failed;
}

static PyObject *errors_write(PyObject *self, PyObject *text)
{
    if (!PyUnicode_Check(text))
        return PyErr_Format(PyExc_TypeError, "wsgi.errors takes str, not %.100s", Py_TYPE(text)->tp_name);
    if (add((errors_object *)self, text) < 0)
        return NULL;
    return PyLong_FromSsize_t(PyUnicode_GetLength(text));
}

static PyObject *errors_writelines(PyObject *self, PyObject *lines)
{
    PyObject *iterator = PyObject_GetIter(lines), *line;
    if (iterator == NULL)
        return NULL;
    while ((line = PyIter_Next(iterator)) != NULL) {
        PyObject *written = errors_write(self, line);
        Py_DECREF(line);
        Py_XDECREF(written);
        if (written == NULL)
            break;
    }
    Py_DECREF(iterator);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

static int flush(errors_object *self)
{
    PyObject *partial = self->partial;
    self->partial = NULL;
    if (partial == NULL)
        return 0;
    int failed = emit(self, partial);
    Py_DECREF(partial);
    return failed;
}

static PyObject *errors_flush(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (flush((errors_object *)self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* A thread of the application may have let go of the stream while flush waited, and have left a line in it. */
void ps_errors_end(PyObject **kept)
{
    errors_object *self = (errors_object *)*kept;
    if (self == NULL)
        return;
    if (flush(self) < 0)
        PyErr_WriteUnraisable(*kept);
    if (Py_REFCNT(*kept) != 1 || self->partial != NULL)
        Py_CLEAR(*kept);
}

static PyObject *errors_false(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    Py_RETURN_FALSE;
}

static PyObject *errors_true(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    Py_RETURN_TRUE;
}

/* Writes to the descriptor, without the log. */
static void write_last(PyObject *partial)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback); /* an exception may be on its way through */
    PyObject *bytes = PyUnicode_AsEncodedString(partial, "utf-8", "backslashreplace");
    if (bytes != NULL && (write(2, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)) < 0 || write(2, "\n", 1) < 0))
        (void)0; /* there is nobody left to tell */
    Py_XDECREF(bytes);
    PyErr_Restore(type, value, traceback);
}

/* Deallocation never enters Go: a last line that was kept beyond the request goes to the descriptor. */
static void errors_dealloc(PyObject *object)
{
    errors_object *self = (errors_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->partial != NULL)
        write_last(self->partial);
    Py_XDECREF(self->partial);
    type->tp_free(object);
    Py_DECREF(type);
}

int ps_errors_again(PyObject **kept, const char *id, size_t size)
{
    if (*kept == NULL && (*kept = errors_type->tp_alloc(errors_type, 0)) == NULL)
        return -1;
    errors_object *self = (errors_object *)*kept;
    self->id_size = size < sizeof self->id ? size : sizeof self->id;
    memcpy(self->id, id, self->id_size);
    return 0;
}

int ps_errors_prepare(void)
{
    static PyMethodDef methods[] = {
        {"write", errors_write, METH_O, "write(text): add text to the server's log"},
        {"writelines", errors_writelines, METH_O, "writelines(lines): write each of them"},
        {"flush", errors_flush, METH_NOARGS, "flush(): log a line that has no newline yet"},
        {"isatty", errors_false, METH_NOARGS, "isatty() -> False"},
        {"readable", errors_false, METH_NOARGS, "readable() -> False"},
        {"seekable", errors_false, METH_NOARGS, "seekable() -> False"},
        {"writable", errors_true, METH_NOARGS, "writable() -> True"},
        {NULL, NULL, 0, NULL},
    };
    PyType_Slot slots[] = {
        {Py_tp_dealloc, errors_dealloc},
        {Py_tp_methods, methods},
        {Py_tp_doc, "wsgi.errors: a text stream into the server's log"},
        {0, NULL},
    };
    PyType_Spec spec = {"pyserve.Errors", sizeof(errors_object), 0, Py_TPFLAGS_DEFAULT, slots};
    if ((errors_type = ps_type(&spec)) == NULL)
        return -1;
    PyObject *encoding = PyUnicode_InternFromString("utf-8"), *handling = PyUnicode_InternFromString("backslashreplace");
    int failed = encoding == NULL || handling == NULL
        || PyObject_SetAttrString((PyObject *)errors_type, "encoding", encoding) < 0
        || PyObject_SetAttrString((PyObject *)errors_type, "errors", handling) < 0
        || PyObject_SetAttrString((PyObject *)errors_type, "closed", Py_False) < 0;
    Py_XDECREF(encoding);
    Py_XDECREF(handling);
    return failed ? -1 : 0;
}
