/* input.c: wsgi.input. Every method that may wait for the client does so without the GIL. */
#include "internal.h"

#include <stddef.h>

static PyTypeObject *input_type;

enum { BLOCK = 8 * 1024 };

/* The optional size argument of read and its kin: -1 for none, None, or a negative number. */
static int size_argument(PyObject *const *args, Py_ssize_t count, const char *method, Py_ssize_t *size)
{
    *size = -1;
    if (count > 1) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most one argument", method);
        return -1;
    }
    if (count == 0 || args[0] == Py_None)
        return 0;
    *size = PyNumber_AsSsize_t(args[0], PyExc_OverflowError);
    if (*size == -1 && PyErr_Occurred())
        return -1;
    if (*size < 0)
        *size = -1;
    return 0;
}

/* After the request's end it is like a file that was closed. */
static PyObject *fail(int status, const char *message)
{
    if (status != PS_STALE)
        return ps_raise(status, message);
    return ps_raise(PS_VALUE, "I/O operation on closed file: wsgi.input ends with its request");
}

/* goInputRead: -1 with an exception. */
static int read_into(PyObject *self, void *buffer, Py_ssize_t size, ps_reading what, Py_ssize_t *n, int64_t *left)
{
    char message[PS_MESSAGE] = "";
    size_t got = 0;
    int status;
    if (ps_refuse_child())
        return -1;
    Py_BEGIN_ALLOW_THREADS
    status = goInputRead(HANDLE(self), buffer, (size_t)size, what, &got, left, message);
    Py_END_ALLOW_THREADS
    *n = (Py_ssize_t)got;
    if (status == PS_OK)
        return 0;
    fail(status, message);
    return -1;
}

/* At most limit bytes (-1: as many as there are), in one crossing if they are few. */
static PyObject *read_bytes(PyObject *self, Py_ssize_t limit, ps_reading what)
{
    char first[BLOCK];
    Py_ssize_t room = limit < 0 || limit > BLOCK ? BLOCK : limit, have, n;
    int64_t left = 0;
    if (read_into(self, first, room, what, &have, &left) < 0)
        return NULL;
    PyObject *bytes = PyBytes_FromStringAndSize(first, have);
    int end = what == PS_SOME || have < room;
    while (bytes != NULL && !end && left != 0 && have != limit) {
        room = left > 0 ? (Py_ssize_t)left : have;
        if (limit >= 0 && room > limit - have)
            room = limit - have;
        if (_PyBytes_Resize(&bytes, have + room) < 0)
            return NULL;
        if (read_into(self, PyBytes_AS_STRING(bytes) + have, room, what, &n, &left) < 0) {
            Py_DECREF(bytes);
            return NULL;
        }
        have += n;
        end = n < room;
    }
    if (bytes != NULL && PyBytes_GET_SIZE(bytes) > have)
        _PyBytes_Resize(&bytes, have);
    return bytes;
}

#define METHOD(name, what) \
    static PyObject *input_##name(PyObject *self, PyObject *const *args, Py_ssize_t count) \
    { \
        Py_ssize_t size; \
        return size_argument(args, count, #name, &size) < 0 ? NULL : read_bytes(self, size, what); \
    }
METHOD(read, PS_ALL)
METHOD(read1, PS_SOME)
METHOD(readline, PS_LINE)

/* To get the buffer may run Python code, in which a process may fork: read_into looks after that. */
static PyObject *fill(PyObject *self, PyObject *target, ps_reading what)
{
    Py_buffer view;
    Py_ssize_t n;
    int64_t left;
    if (PyObject_GetBuffer(target, &view, PyBUF_WRITABLE) < 0)
        return NULL;
    int failed = read_into(self, view.buf, view.len, what, &n, &left);
    PyBuffer_Release(&view);
    return failed ? NULL : PyLong_FromSsize_t(n);
}

static PyObject *input_readinto(PyObject *self, PyObject *target) { return fill(self, target, PS_ALL); }

static PyObject *input_readinto1(PyObject *self, PyObject *target) { return fill(self, target, PS_SOME); }

static PyObject *input_next(PyObject *self)
{
    PyObject *line = read_bytes(self, -1, PS_LINE);
    if (line != NULL && PyBytes_GET_SIZE(line) == 0)
        Py_CLEAR(line); /* no exception set: the iteration ends */
    return line;
}

static PyObject *input_readlines(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    Py_ssize_t hint, total = 0;
    if (size_argument(args, count, "readlines", &hint) < 0)
        return NULL;
    PyObject *lines = PyList_New(0), *line;
    while (lines != NULL && (hint <= 0 || total < hint) && (line = input_next(self)) != NULL) {
        total += PyBytes_GET_SIZE(line);
        if (PyList_Append(lines, line) < 0)
            Py_CLEAR(lines);
        Py_DECREF(line);
    }
    if (PyErr_Occurred())
        Py_CLEAR(lines);
    return lines;
}

static PyObject *move(PyObject *self, int64_t offset, int whence)
{
    char message[PS_MESSAGE] = "";
    int64_t position = 0;
    int status;
    if (ps_refuse_child())
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    status = goInputSeek(HANDLE(self), offset, whence, &position, message);
    Py_END_ALLOW_THREADS
    return status == PS_OK ? PyLong_FromLongLong(position) : fail(status, message);
}

static PyObject *input_seek(PyObject *self, PyObject *args)
{
    long long offset;
    int whence = 0;
    if (!PyArg_ParseTuple(args, "L|i:seek", &offset, &whence))
        return NULL;
    if (whence < 0) /* TELL and its kin are between us and Go */
        return PyErr_Format(PyExc_ValueError, "invalid whence (%d, should be 0, 1 or 2)", whence);
    return move(self, offset, whence);
}

static PyObject *input_tell(PyObject *self, PyObject *unused)
{
    enum { TELL = -1 };
    return move(self, 0, TELL);
}

static PyObject *input_seekable(PyObject *self, PyObject *unused)
{
    enum { SEEKABLE = -2 };
    PyObject *answer = move(self, 0, SEEKABLE), *seekable = answer != NULL ? PyBool_FromLong(PyObject_IsTrue(answer)) : NULL;
    Py_XDECREF(answer);
    return seekable;
}

static PyObject *input_self(PyObject *self, PyObject *unused)
{
    Py_INCREF(self);
    return self;
}

static PyObject *input_unsupported(PyObject *self, PyObject *unused)
{
    return ps_raise(PS_UNSUPPORTED, "wsgi.input has no descriptor and no detach(), and cannot be written to");
}

static PyObject *input_closed(PyObject *self, void *unused)
{
    return PyBool_FromLong(!ps_forked && goOver(HANDLE(self)));
}

PyObject *ps_input_new(uint64_t handle)
{
    ps_request *self = PyObject_New(ps_request, input_type);
    if (self != NULL) {
        self->references = NULL;
        self->handle = handle;
    }
    return (PyObject *)self;
}

static void input_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (((ps_request *)self)->references != NULL)
        PyObject_ClearWeakRefs(self);
    type->tp_free(self);
    Py_DECREF(type);
}

#define FAST(function) ((PyCFunction)(void (*)(void))(function))

/* io.BufferedIOBase's interface. The connection is the server's to close. */
static PyMethodDef methods[] = {
    {"read", FAST(input_read), METH_FASTCALL, "read($self, size=-1, /)\n--\n\n"},
    {"read1", FAST(input_read1), METH_FASTCALL, "read1($self, size=-1, /)\n--\n\nWhat is there, or comes next."},
    {"readinto", input_readinto, METH_O, "readinto($self, buffer, /)\n--\n\n"},
    {"readinto1", input_readinto1, METH_O, "readinto1($self, buffer, /)\n--\n\nWhat is there, or comes next."},
    {"readline", FAST(input_readline), METH_FASTCALL, "readline($self, size=-1, /)\n--\n\n"},
    {"readlines", FAST(input_readlines), METH_FASTCALL, "readlines($self, hint=-1, /)\n--\n\n"},
    {"seek", input_seek, METH_VARARGS, "seek($self, offset, whence=0, /)\n--\n\nOnly when the request is buffered."},
    {"tell", input_tell, METH_NOARGS, "tell($self)\n--\n\n"},
    {"seekable", input_seekable, METH_NOARGS, "seekable($self)\n--\n\n"},
    {"readable", ps_true, METH_NOARGS, "readable($self)\n--\n\nTrue"},
    {"writable", ps_false, METH_NOARGS, "writable($self)\n--\n\nFalse"},
    {"isatty", ps_false, METH_NOARGS, "isatty($self)\n--\n\nFalse"},
    {"flush", ps_none, METH_NOARGS, "flush($self)\n--\n\nDoes nothing."},
    {"close", ps_none, METH_NOARGS, "close($self)\n--\n\nDoes nothing."},
    {"__enter__", input_self, METH_NOARGS, "__enter__($self)\n--\n\n"},
    {"__exit__", ps_none, METH_VARARGS, "__exit__($self, *exception)\n--\n\n"},
    {"fileno", input_unsupported, METH_VARARGS, "fileno($self)\n--\n\nNot supported."},
    {"detach", input_unsupported, METH_VARARGS, "detach($self)\n--\n\nNot supported."},
    {"truncate", input_unsupported, METH_VARARGS, "truncate($self, size=None, /)\n--\n\nNot supported."},
    {"write", input_unsupported, METH_VARARGS, "write($self, data, /)\n--\n\nNot supported."},
    {"writelines", input_unsupported, METH_VARARGS, "writelines($self, lines, /)\n--\n\nNot supported."},
    {NULL, NULL, 0, NULL},
};

int ps_input_prepare(void)
{
    static PyGetSetDef attributes[] = {
        {"closed", input_closed, NULL, "Whether the request is over.", NULL},
        {NULL, NULL, NULL, NULL, NULL},
    };
    static PyMemberDef members[] = {
        {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(ps_request, references), Py_READONLY, NULL},
        {NULL, 0, 0, 0, NULL},
    };
    PyType_Slot slots[] = {
        {Py_tp_dealloc, input_dealloc},
        {Py_tp_methods, methods},
        {Py_tp_getset, attributes},
        {Py_tp_members, members},
        {Py_tp_iter, PyObject_SelfIter},
        {Py_tp_iternext, input_next},
        {Py_tp_doc, "wsgi.input: the content of the request"},
        {0, NULL},
    };
    PyType_Spec spec = {"pyserve.Input", sizeof(ps_request), 0, 0, slots};
    if ((input_type = ps_type(&spec)) == NULL)
        return -1;
    PyObject *io = PyImport_ImportModule("io"), *base = io == NULL ? NULL : PyObject_GetAttrString(io, "BufferedIOBase");
    PyObject *registered = base == NULL ? NULL : PyObject_CallMethod(base, "register", "O", input_type);
    ps_unsupported = registered == NULL ? NULL : PyObject_GetAttrString(io, "UnsupportedOperation");
    Py_XDECREF(registered);
    Py_XDECREF(base);
    Py_XDECREF(io);
    return ps_unsupported == NULL ? -1 : 0;
}
