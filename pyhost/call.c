/* call.c takes one request through the application: the call, the iteration, close(). */
#include "internal.h"

#include <fcntl.h>

static PyObject *file_wrapper_type, *file_region_function, *close_name;
static PyObject *make_context; /* what makes the contexts of requests, NULL while they are empty */

int ps_call_prepare(PyObject *file_wrapper, PyObject *file_region)
{
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
    PyObject *raised = PyErr_GetRaisedException();
    ps_interrupt_end(); /* first: destructors are not the request's any more */
    Py_CLEAR(ps_self->chunk);
    Py_CLEAR(ps_self->iterator);
    Py_CLEAR(ps_self->body);
    if (ps_self->errors != NULL)
        ps_errors_flush(ps_self->errors);
    Py_CLEAR(ps_self->errors);
    if (ps_self->context != NULL && PyContext_Exit(ps_self->context) < 0)
        PyErr_WriteUnraisable(ps_self->context);
    Py_CLEAR(ps_self->context);
    PyErr_SetRaisedException(raised);
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

/* The next chunk, which may be empty, PS_END, or PS_EXCEPTION. No loop looks for one that is not: where the iterable
 * is C code, no other thread would get the GIL meanwhile. */
static int next_chunk(ps_body *out)
{
    out->chunk = NULL;
    out->size = 0;
    Py_CLEAR(ps_self->chunk);
    PyObject *item = ps_self->iterator != NULL ? PyIter_Next(ps_self->iterator)
                                               : plain_item(ps_self->body, ps_self->position++);
    ps_leave_child();
    if (item == NULL)
        return PyErr_Occurred() ? PS_EXCEPTION : PS_END;
    return take_chunk(item, out);
}

int ps_next(ps_body *out)
{
    ps_attach();
    return back_to_go(next_chunk(out));
}

/* ---- what the application returned ---- */

/* Puts len(body) into *length, -1 where it has none. As in wsgiref, three exceptions mean that; all others are faults. */
static int take_length(PyObject *body, int64_t *length)
{
    PyTypeObject *type = Py_TYPE(body);
    *length = -1;
    if ((type->tp_as_sequence == NULL || type->tp_as_sequence->sq_length == NULL)
        && (type->tp_as_mapping == NULL || type->tp_as_mapping->mp_length == NULL))
        return PS_OK;
    *length = PyObject_Size(body);
    if (*length >= 0)
        return PS_OK;
    if (!PyErr_ExceptionMatches(PyExc_TypeError) && !PyErr_ExceptionMatches(PyExc_AttributeError)
        && !PyErr_ExceptionMatches(PyExc_NotImplementedError))
        return PS_EXCEPTION;
    PyErr_Clear();
    return PS_OK;
}

/* Asks the bootstrap module for the descriptor, position and size of a wrapped regular file. The descriptor is
 * duplicated now, as a thread of the application may close the file as soon as the GIL is free. */
static int take_file(ps_body *out)
{
    PyObject *region = PyObject_CallFunctionObjArgs(file_region_function, ps_self->body, NULL);
    if (region == NULL)
        return PS_EXCEPTION;
    long long offset = 0, size = 0;
    int fd = -1;
    int ok = region == Py_None || PyArg_ParseTuple(region, "iLL", &fd, &offset, &size);
    out->fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    Py_DECREF(region);
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
        out->chunk = memcpy(ps_self->small, out->chunk, out->size);
    else
        out->chunk = NULL;
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
    if (take_length(body, &out->length) != PS_OK)
        return PS_EXCEPTION;
    ps_self->iterator = PyObject_GetIter(body);
    return ps_self->iterator == NULL ? PS_EXCEPTION : PS_OK;
}

/* ---- the call ---- */

/* A new environ dict with everything in it, or NULL with an exception. */
static PyObject *make_environ(PyObject *request, const char *block, size_t block_size)
{
    PyObject *environ = ps_environ_new(block, block_size), *disconnected = ps_disconnected_new(request);
    if (environ == NULL || ps_environ_set(environ, PS_KEY_INPUT, request) < 0
        || ps_environ_set(environ, PS_KEY_ERRORS, ps_self->errors) < 0
        || ps_environ_set(environ, PS_KEY_DISCONNECTED, disconnected) < 0)
        Py_CLEAR(environ);
    Py_XDECREF(disconnected);
    return environ;
}

void ps_keep_context(PyObject *make)
{
    Py_INCREF(make);
    Py_XDECREF(make_context);
    make_context = make;
}

/* Every request has a context of its own, so that no contextvar reaches the next one. */
static int enter_context(void)
{
    PyObject *context = make_context != NULL ? PyObject_CallNoArgs(make_context) : PyContext_New();
    if (context == NULL || PyContext_Enter(context) < 0) {
        Py_XDECREF(context);
        return -1;
    }
    ps_self->context = context;
    return 0;
}

static int call(PyObject *app, uint64_t handle, const char *block, size_t block_size)
{
    PyObject *request = ps_input_new(handle);
    PyObject *environ = request == NULL ? NULL : make_environ(request, block, block_size);
    PyObject *start_response = request == NULL ? NULL : ps_start_response_new(request);
    Py_XDECREF(request);
    ps_leave_child(); /* a collection may have run a finalizer that forks */
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
    if (enter_context() == 0 && (ps_self->errors = ps_errors_new(id, id_size)) != NULL)
        status = call(app, handle, block, block_size);
    if (status == PS_OK)
        status = take_body(out);
    return back_to_go(status);
}
