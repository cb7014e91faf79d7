/* versions.h gives what newer versions of CPython have to older ones, under the newer names. */
#ifndef PYSERVE_VERSIONS_H
#define PYSERVE_VERSIONS_H

#if PY_VERSION_HEX < 0x030A0000
#define Py_TPFLAGS_DISALLOW_INSTANTIATION 0ul /* ps_type does it by hand */
#define Py_TPFLAGS_IMMUTABLETYPE 0ul
#endif

#if PY_VERSION_HEX < 0x030C0000
#include <structmember.h>
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_T_STRING T_STRING
#define Py_T_BOOL T_BOOL
#define Py_READONLY READONLY

static inline PyObject *PyErr_GetRaisedException(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(value, traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
}

static inline void PyErr_SetRaisedException(PyObject *value)
{
    PyObject *type = value != NULL ? (PyObject *)Py_TYPE(value) : NULL;
    Py_XINCREF(type);
    PyErr_Restore(type, value, value != NULL ? PyException_GetTraceback(value) : NULL);
}
#endif

#endif
