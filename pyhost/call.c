/* call.c takes one request through the application: the call, the iteration, close(). */
#include "internal.h"

static PyObject *file_wrapper_type, *file_region_function, *close_name;

int ps_call_prepare(PyObject *file_wrapper, PyObject *file_region)
{
    Py_INCREF(file_wrapper);
    Py_INCREF(file_region);
    file_wrapper_type = file_wrapper;
    file_region_function = file_region;
    close_name = PyUnicode_InternFromString("close");
    return close_name == NULL ? -1 : 0;
}

/* An item of an exact list or tuple needs no iterator, and such an object no close(). */
static int plain(PyObject *body) { return PyList_CheckExact(body) || PyTuple_CheckExact(body); }

static PyObject *plain_item(PyObject *body, Py_ssize_t i)
{
    PyObject *item = NULL;
    if (PyList_CheckExact(body) ? i < PyList_GET_SIZE(body) : i < PyTuple_GET_SIZE(body))
        item = PyList_CheckExact(body) ? PyList_GET_ITEM(body, i) : PyTuple_GET_ITEM(body, i);
    Py_XINCREF(item);
    return item;
}

/* ---- the end ---- */

/* Calls body.close() if there is one: -1 with its exception. */
static int call_close(PyObject *body)
{
    if (plain(body))
        return 0;
    PyObject *method = PyObject_GetAttr(body, close_name);
    if (method == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError))
            return -1;
        PyErr_Clear();
        return 0;
    }
    PyObject *result = PyObject_CallObject(method, NULL);
    Py_DECREF(method);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* Lets go of all that belongs to the request; a set exception stays. */
static void finish(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    ps_interrupt_end(); /* first: destructors are not the request's any more */
    Py_CLEAR(ps_self->chunk);
    Py_CLEAR(ps_self->iterator);
    Py_CLEAR(ps_self->body);
    ps_errors_end(&ps_self->errors);
    if (ps_self->context != NULL && PyContext_Exit(ps_self->context) < 0)
        PyErr_WriteUnraisable(ps_self->context);
    Py_CLEAR(ps_self->context);
    PyErr_Restore(type, value, traceback);
}

/* Detaches, unless an exception has to be taken, and gives back status. What formats the exception must
 * not be interrupted. */
static int back_to_go(int status)
{
    if (status == PS_EXCEPTION) {
        ps_leave_child();
        ps_interrupt_end();
    } else {
        ps_detach();
    }
    return status;
}

int ps_end(void)
{
    ps_attach();
    ps_self->request = ps_self->handle;
    Py_CLEAR(ps_self->chunk);
    int failed = ps_self->body != NULL && call_close(ps_self->body) < 0;
    ps_leave_child();
    finish();
    return back_to_go(failed ? PS_EXCEPTION : PS_OK);
}

/* ---- the iteration ---- */

/* Keeps item, which must be bytes, as the chunk to send. Steals the reference. */
static int take_chunk(PyObject *item, ps_body *out)
{
    if (!PyBytes_Check(item)) {
        PyErr_Format(PyExc_TypeError, "the application's iterable gave %.100s instead of bytes", Py_TYPE(item)->tp_name);
        Py_DECREF(item);
        return PS_EXCEPTION;
    }
    ps_self->chunk = item;
    out->chunk = PyBytes_AS_STRING(item);
    out->size = (size_t)PyBytes_GET_SIZE(item);
    return PS_OK;
}

/* The next non-empty chunk, PS_END, or PS_EXCEPTION. */
static int next_chunk(ps_body *out)
{
    out->chunk = NULL;
    out->size = 0;
    for (;;) {
        Py_CLEAR(ps_self->chunk);
        PyObject *item = ps_self->iterator != NULL ? PyIter_Next(ps_self->iterator)
                                                   : plain_item(ps_self->body, ps_self->position++);
        ps_leave_child();
        if (item == NULL)
            return PyErr_Occurred() ? PS_EXCEPTION : PS_END;
        if (take_chunk(item, out) != PS_OK)
            return PS_EXCEPTION;
        if (out->size > 0)
            return PS_OK;
    }
}

int ps_next(ps_body *out)
{
    ps_attach();
    return back_to_go(next_chunk(out));
}

/* ---- what the application returned ---- */

/* len(body), or -1 where it has none. */
static Py_ssize_t length_of(PyObject *body)
{
    Py_ssize_t length = PyObject_Size(body);
    if (length < 0)
        PyErr_Clear();
    return length;
}

/* Asks the bootstrap module for the descriptor, position and size of a wrapped regular file. */
static int take_file(ps_body *out)
{
    PyObject *region = PyObject_CallFunctionObjArgs(file_region_function, ps_self->body, NULL);
    if (region == NULL)
        return PS_EXCEPTION;
    long long offset = 0, size = 0;
    int fd = -1;
    int ok = region == Py_None || PyArg_ParseTuple(region, "iLL", &fd, &offset, &size);
    Py_DECREF(region);
    out->fd = fd;
    out->offset = offset;
    out->file_size = size;
    return ok ? PS_OK : PS_EXCEPTION;
}

/* The whole of a small plain body goes along, and the request is over as far as Python goes. */
static void hand_over(ps_body *out)
{
    if (out->size > PS_SMALL)
        return;
    if (out->size > 0)
        memcpy(ps_self->small, out->chunk, out->size);
    out->chunk = ps_self->small;
    out->ended = 1;
    finish();
}

static int take_plain(ps_body *out)
{
    PyObject *body = ps_self->body;
    out->length = PyList_CheckExact(body) ? PyList_GET_SIZE(body) : PyTuple_GET_SIZE(body);
    if (out->length > 1)
        return PS_OK;
    PyObject *item = plain_item(body, ps_self->position++);
    if (item != NULL && take_chunk(item, out) != PS_OK)
        return PS_EXCEPTION;
    hand_over(out);
    return PS_OK;
}

static int take_body(ps_body *out)
{
    PyObject *body = ps_self->body;
    if (plain(body))
        return take_plain(out);
    if (body == Py_None || PyUnicode_Check(body) || PyBytes_Check(body)) {
        PyErr_Format(PyExc_TypeError, "the application returned %.100s; it must return an iterable of bytes, such as [b'...']",
                     Py_TYPE(body)->tp_name);
        return PS_EXCEPTION;
    }
    if ((PyObject *)Py_TYPE(body) == file_wrapper_type && take_file(out) != PS_OK)
        return PS_EXCEPTION;
    out->length = length_of(body);
    ps_self->iterator = PyObject_GetIter(body);
    return ps_self->iterator == NULL ? PS_EXCEPTION : PS_OK;
}

/* ---- the call ---- */

/* A new environ dict with everything in it, or NULL with an exception. */
static PyObject *make_environ(uint64_t handle, const char *block, size_t block_size)
{
    PyObject *environ = ps_environ_new(block, block_size);
    PyObject *input = ps_input_new(handle), *disconnected = ps_disconnected_new(handle);
    if (environ == NULL || ps_environ_set(environ, PS_KEY_INPUT, input) < 0
        || ps_environ_set(environ, PS_KEY_ERRORS, ps_self->errors) < 0
        || ps_environ_set(environ, PS_KEY_DISCONNECTED, disconnected) < 0)
        Py_CLEAR(environ);
    Py_XDECREF(input);
    Py_XDECREF(disconnected);
    return environ;
}

/* Every request has a context of its own, so that no contextvar reaches the next one. */
static int enter_context(void)
{
    PyObject *context = PyContext_New();
    if (context == NULL)
        return -1;
    if (PyContext_Enter(context) < 0) {
        Py_DECREF(context);
        return -1;
    }
    ps_self->context = context;
    return 0;
}

static int call(PyObject *app, uint64_t handle, const char *block, size_t block_size)
{
    PyObject *environ = make_environ(handle, block, block_size);
    PyObject *start_response = ps_start_response_new(handle);
    if (environ != NULL && start_response != NULL) {
        PyObject *args[] = {NULL, environ, start_response};
        ps_self->body = PyObject_Vectorcall(app, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
        ps_leave_child();
    }
    Py_XDECREF(environ);
    Py_XDECREF(start_response);
    return ps_self->body == NULL ? PS_EXCEPTION : PS_OK;
}

int ps_call(PyObject *app, uint64_t handle, const char *block, size_t block_size,
            const char *id, size_t id_size, ps_body *out)
{
    *out = (ps_body){.length = -1, .fd = -1};
    ps_attach();
    ps_self->position = 0;
    ps_self->request = ps_self->handle = handle;
    int status = PS_EXCEPTION;
    if (enter_context() == 0 && ps_errors_again(&ps_self->errors, id, id_size) == 0)
        status = call(app, handle, block, block_size);
    if (status == PS_OK)
        status = take_body(out);
    return back_to_go(status);
}
