/* errors.c: wsgi.errors, a text stream that goes into the server's log line by line. */
#include "internal.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* A line without newline is kept up to this size. */
enum { LONGEST_LINE = 64 * 1024 };

typedef struct {
    PyObject_HEAD
    PyObject *references; /* weak ones to it */
    char *line;           /* UTF-8 that waits for its newline */
    size_t used, room;
    const char *encoding, *handling;
    char closed; /* never */
    size_t id_size;
    char id[128];
} errors_object;

static PyTypeObject *errors_type;
static PyObject *write_lines; /* bootstrap.py's */

/* Hands text to the log. Works in a forked child too, where nothing but the descriptor is left. The GIL is free
 * meanwhile: whoever reads the log may not be reading. */
static void emit(errors_object *self, const char *text, size_t size)
{
    Py_BEGIN_ALLOW_THREADS
    if (!ps_forked)
        goErrors(self->id, self->id_size, (char *)text, size);
    while (ps_forked && size > 0) {
        ssize_t n = write(2, text, size);
        if (n < 0 && errno != EINTR)
            break; /* there is nobody left to tell */
        text += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    Py_END_ALLOW_THREADS
}

/* Adds text to the line: -1 without an exception when memory ran out. */
static int append(errors_object *self, const char *text, size_t size)
{
    if (self->used + size > self->room) {
        size_t room = (self->used + size) * 2;
        char *grown = PyMem_RawRealloc(self->line, room);
        if (grown == NULL)
            return -1;
        self->line = grown;
        self->room = room;
    }
    if (size > 0)
        memcpy(self->line + self->used, text, size);
    self->used += size;
    return 0;
}

/* Takes the line away, which the caller frees. */
static char *take_line(errors_object *self, size_t *size)
{
    char *line = self->line;
    *size = self->used;
    self->line = NULL;
    self->used = self->room = 0;
    return line;
}

/* Keeps what stands after the last newline, and hands the rest to the log. No other thread comes in between but in
 * emit, when self is as it will be. */
static int add(errors_object *self, const char *text, size_t size)
{
    size_t whole = size, ready = 0;
    char *lines = NULL;
    while (whole > 0 && text[whole - 1] != '\n')
        whole--;
    if (whole == 0 && self->used + size > LONGEST_LINE)
        whole = size;
    int failed = append(self, text, whole);
    if (!failed && whole > 0)
        lines = take_line(self, &ready);
    if (!failed)
        failed = append(self, text + whole, size - whole);
    if (lines != NULL)
        emit(self, lines, ready);
    PyMem_RawFree(lines);
    if (failed)
        PyErr_NoMemory();
    return failed;
}

static PyObject *errors_write(PyObject *self, PyObject *text)
{
    if (!PyUnicode_Check(text))
        return PyErr_Format(PyExc_TypeError, "wsgi.errors takes str, not %.100s", Py_TYPE(text)->tp_name);
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    if (bytes == NULL)
        return NULL;
    int failed = add((errors_object *)self, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    return failed ? NULL : PyLong_FromSsize_t(PyUnicode_GetLength(text));
}

/* The loop over the lines is Python's, as they may have no end. */
static PyObject *errors_writelines(PyObject *self, PyObject *lines)
{
    return PyObject_CallFunctionObjArgs(write_lines, self, lines, NULL);
}

void ps_errors_flush(PyObject *errors)
{
    size_t size;
    char *line = take_line((errors_object *)errors, &size);
    if (size > 0)
        emit((errors_object *)errors, line, size);
    PyMem_RawFree(line);
}

static PyObject *errors_flush(PyObject *self, PyObject *unused)
{
    ps_errors_flush(self);
    Py_RETURN_NONE;
}

static void errors_dealloc(PyObject *object)
{
    errors_object *self = (errors_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->references != NULL)
        PyObject_ClearWeakRefs(object);
    if (self->used > 0)
        emit(self, self->line, self->used);
    PyMem_RawFree(self->line);
    type->tp_free(object);
    Py_DECREF(type);
}

PyObject *ps_errors_new(const char *id, size_t size)
{
    errors_object *self = PyObject_New(errors_object, errors_type);
    if (self == NULL)
        return NULL;
    self->references = NULL;
    self->line = NULL;
    self->used = self->room = 0;
    self->encoding = "utf-8";
    self->handling = "backslashreplace";
    self->closed = 0;
    self->id_size = size < sizeof self->id ? size : sizeof self->id;
    memcpy(self->id, id, self->id_size);
    return (PyObject *)self;
}

int ps_errors_prepare(PyObject *lines_function)
{
    static PyMethodDef methods[] = {
        {"write", errors_write, METH_O, "write($self, text, /)\n--\n\nAdd text to the server's log."},
        {"writelines", errors_writelines, METH_O, "writelines($self, lines, /)\n--\n\nWrite each of them."},
        {"flush", errors_flush, METH_NOARGS, "flush($self)\n--\n\nLog a line that has no newline yet."},
        {"isatty", ps_false, METH_NOARGS, "isatty($self)\n--\n\nFalse"},
        {"readable", ps_false, METH_NOARGS, "readable($self)\n--\n\nFalse"},
        {"seekable", ps_false, METH_NOARGS, "seekable($self)\n--\n\nFalse"},
        {"writable", ps_true, METH_NOARGS, "writable($self)\n--\n\nTrue"},
        {NULL, NULL, 0, NULL},
    };
    static PyMemberDef members[] = {
        {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(errors_object, references), Py_READONLY, NULL},
        {"encoding", Py_T_STRING, offsetof(errors_object, encoding), Py_READONLY, NULL},
        {"errors", Py_T_STRING, offsetof(errors_object, handling), Py_READONLY, NULL},
        {"closed", Py_T_BOOL, offsetof(errors_object, closed), Py_READONLY, NULL},
        {NULL, 0, 0, 0, NULL},
    };
    PyType_Slot slots[] = {
        {Py_tp_dealloc, errors_dealloc},
        {Py_tp_methods, methods},
        {Py_tp_members, members},
        {Py_tp_doc, "wsgi.errors: a text stream into the server's log"},
        {0, NULL},
    };
    PyType_Spec spec = {"pyserve.Errors", sizeof(errors_object), 0, 0, slots};
    write_lines = lines_function;
    errors_type = ps_type(&spec);
    return errors_type == NULL ? -1 : 0;
}
