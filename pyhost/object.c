/* object.c is what the types of this package share. */
#include "internal.h"

#include <string.h>

PyObject *ps_unsupported;

PyTypeObject *ps_type(PyType_Spec *spec)
{
    spec->flags |= Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE;
    PyTypeObject *type = (PyTypeObject *)PyType_FromSpec(spec);
#if PY_VERSION_HEX < 0x030A0000
    if (type != NULL)
        type->tp_new = NULL;
#endif
    return type;
}

PyObject *ps_true(PyObject *self, PyObject *unused) { Py_RETURN_TRUE; }

PyObject *ps_false(PyObject *self, PyObject *unused) { Py_RETURN_FALSE; }

PyObject *ps_none(PyObject *self, PyObject *unused) { Py_RETURN_NONE; }

/* ---- exceptions ---- */

PyObject *ps_raise(int status, const char *message)
{
    PyObject *type = PyExc_SystemError;
    switch (status) {
    case PS_ASSERTION: type = PyExc_AssertionError; break;
    case PS_VALUE: type = PyExc_ValueError; break;
    case PS_OS: type = PyExc_OSError; break;
    case PS_UNSUPPORTED: type = ps_unsupported; break;
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
