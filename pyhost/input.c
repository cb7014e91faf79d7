/* input.c: wsgi.input. Every method that may wait for the client does so without the GIL. */
#include "internal.h"

static PyTypeObject *input_type;

enum { LINE = 8 * 1024, BLOCK = 64 * 1024 };

#define HANDLE(self) (((ps_handle_object *)(self))->handle)

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

/* A bytes object of size bytes, or fewer where the input ends before. */
static PyObject *read_known(PyObject *self, Py_ssize_t size)
{
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, size);
    char message[PS_MESSAGE] = "";
    size_t n = 0;
    int status;
    if (bytes == NULL)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    status = goInputRead(HANDLE(self), PyBytes_AS_STRING(bytes), (size_t)size, &n, message);
    Py_END_ALLOW_THREADS
    if (status != PS_OK) {
        Py_DECREF(bytes);
        return ps_raise(status, message);
    }
    if ((Py_ssize_t)n < size)
        _PyBytes_Resize(&bytes, (Py_ssize_t)n);
    return bytes;
}

/* Reads until the end of a streamed input whose length nobody knows, at most limit bytes (-1: all). */
static PyObject *read_unknown(PyObject *self, Py_ssize_t limit)
{
    PyObject *all = PyByteArray_FromStringAndSize(NULL, 0), *bytes = NULL;
    Py_ssize_t have = 0;
    while (all != NULL && (limit < 0 || have < limit)) {
        Py_ssize_t want = have < BLOCK ? BLOCK : have;
        if (limit >= 0 && want > limit - have)
            want = limit - have;
        PyObject *block = read_known(self, want);
        if (block == NULL || PyByteArray_Resize(all, have + PyBytes_GET_SIZE(block)) < 0) {
            Py_XDECREF(block);
            Py_CLEAR(all);
            break;
        }
        memcpy(PyByteArray_AS_STRING(all) + have, PyBytes_AS_STRING(block), (size_t)PyBytes_GET_SIZE(block));
        have += PyBytes_GET_SIZE(block);
        int end = PyBytes_GET_SIZE(block) < want;
        Py_DECREF(block);
        if (end)
            break;
    }
    if (all != NULL)
        bytes = PyBytes_FromStringAndSize(PyByteArray_AS_STRING(all), have);
    Py_XDECREF(all);
    return bytes;
}

static int remaining(PyObject *self, int64_t *left)
{
    char message[PS_MESSAGE] = "";
    int status;
    if (ps_refuse_child())
        return -1;
    Py_BEGIN_ALLOW_THREADS
    status = goInputRemaining(HANDLE(self), left, message);
    Py_END_ALLOW_THREADS
    if (status == PS_OK)
        return 0;
    ps_raise(status, message);
    return -1;
}

static PyObject *input_read(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    Py_ssize_t size;
    int64_t left;
    if (size_argument(args, count, "read", &size) < 0 || remaining(self, &left) < 0)
        return NULL;
    if (left < 0)
        return read_unknown(self, size);
    if (size < 0 || size > left)
        size = (Py_ssize_t)left;
    return read_known(self, size);
}

static PyObject *input_readinto(PyObject *self, PyObject *target)
{
    Py_buffer view;
    char message[PS_MESSAGE] = "";
    size_t n = 0;
    int status;
    if (ps_refuse_child() || PyObject_GetBuffer(target, &view, PyBUF_WRITABLE) < 0)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    status = goInputRead(HANDLE(self), view.buf, (size_t)view.len, &n, message);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&view);
    return status == PS_OK ? PyLong_FromSize_t(n) : ps_raise(status, message);
}

/* One line of at most limit bytes (-1: as long as it is); empty at the end. */
static PyObject *read_line(PyObject *self, Py_ssize_t limit)
{
    char message[PS_MESSAGE] = "", first[LINE], *buffer = first;
    size_t have = 0, room = sizeof first;
    int status = PS_OK, done = 0;
    PyObject *line = NULL;
    if (ps_refuse_child())
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    while (!done && (limit < 0 || have < (size_t)limit)) {
        size_t n = 0;
        if (have == room) {
            char *grown = PyMem_RawRealloc(buffer == first ? NULL : buffer, room * 2);
            if (grown == NULL) {
                status = PS_PANIC;
                break;
            }
            if (buffer == first)
                memcpy(grown, first, have);
            buffer = grown;
            room *= 2;
        }
        size_t want = room - have;
        if (limit >= 0 && want > (size_t)limit - have)
            want = (size_t)limit - have;
        status = goInputReadLine(HANDLE(self), buffer + have, want, &n, &done, message);
        if (status != PS_OK)
            break;
        have += n;
    }
    Py_END_ALLOW_THREADS
    if (status == PS_OK)
        line = PyBytes_FromStringAndSize(buffer, (Py_ssize_t)have);
    else if (status == PS_PANIC && message[0] == '\0')
        PyErr_NoMemory();
    else
        ps_raise(status, message);
    if (buffer != first)
        PyMem_RawFree(buffer);
    return line;
}

static PyObject *input_readline(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    Py_ssize_t size;
    return size_argument(args, count, "readline", &size) < 0 ? NULL : read_line(self, size);
}

static PyObject *input_next(PyObject *self)
{
    PyObject *line = read_line(self, -1);
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
    return status == PS_OK ? PyLong_FromLongLong(position) : ps_raise(status, message);
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
    (void)unused;
    enum { TELL = -1 };
    return move(self, 0, TELL);
}

static PyObject *input_seekable(PyObject *self, PyObject *unused)
{
    (void)unused;
    enum { SEEKABLE = -2 };
    PyObject *answer = move(self, 0, SEEKABLE);
    if (answer == NULL)
        return NULL;
    int seekable = PyObject_IsTrue(answer);
    Py_DECREF(answer);
    return PyBool_FromLong(seekable);
}

static PyObject *input_true(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    Py_RETURN_TRUE;
}

static PyObject *input_false(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    Py_RETURN_FALSE;
}

/* The connection is the server's to close. */
static PyObject *input_close(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    Py_RETURN_NONE;
}

PyObject *ps_input_new(uint64_t handle)
{
    return ps_handle_again(&ps_self->input, input_type, handle, NULL);
}

int ps_input_prepare(void)
{
    static PyMethodDef methods[] = {
        {"read", (PyCFunction)(void (*)(void))input_read, METH_FASTCALL, "read(size=-1) -> bytes"},
        {"readinto", input_readinto, METH_O, "readinto(buffer) -> int"},
        {"readline", (PyCFunction)(void (*)(void))input_readline, METH_FASTCALL, "readline(size=-1) -> bytes"},
        {"readlines", (PyCFunction)(void (*)(void))input_readlines, METH_FASTCALL, "readlines(hint=-1) -> list"},
        {"seek", input_seek, METH_VARARGS, "seek(offset, whence=0) -> int; only when the request is buffered"},
        {"tell", input_tell, METH_NOARGS, "tell() -> int"},
        {"seekable", input_seekable, METH_NOARGS, "seekable() -> bool"},
        {"readable", input_true, METH_NOARGS, "readable() -> True"},
        {"writable", input_false, METH_NOARGS, "writable() -> False"},
        {"close", input_close, METH_NOARGS, "close() does nothing"},
        {NULL, NULL, 0, NULL},
    };
    PyType_Slot slots[] = {
        {Py_tp_dealloc, ps_handle_dealloc},
        {Py_tp_methods, methods},
        {Py_tp_iter, PyObject_SelfIter},
        {Py_tp_iternext, input_next},
        {Py_tp_doc, "wsgi.input: the content of the request"},
        {0, NULL},
    };
    PyType_Spec spec = {"pyserve.Input", sizeof(ps_handle_object), 0, Py_TPFLAGS_DEFAULT, slots};
    if ((input_type = ps_type(&spec)) == NULL)
        return -1;
    return PyObject_SetAttrString((PyObject *)input_type, "closed", Py_False);
}
