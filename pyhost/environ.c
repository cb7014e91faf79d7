/* environ.c unpacks environ.Block into the environ dict. */
#include "internal.h"

#include <string.h>

/* A value up to this size is kept for the thread's next request: most values of a connection, and many
 * of a site, are the same from request to request. */
enum { REUSE = 64 };

static PyObject **keys;    /* the known names, interned, by their number */
static unsigned char *secret; /* values that must not outlive their request */
static int key_count;

static PyObject *object_keys[PS_KEY_COUNT];
static PyObject *constants; /* the variables that are the same in every request */

int ps_environ_count(void) { return key_count; }

static int set_constant(const char *name, PyObject *value)
{
    if (value == NULL)
        return -1;
    PyObject *key = PyUnicode_InternFromString(name);
    int failed = key == NULL ? -1 : PyDict_SetItem(constants, key, value);
    Py_XDECREF(key);
    Py_DECREF(value);
    return failed;
}

static int make_constants(int multithread, int multiprocess, PyObject *file_wrapper)
{
    if ((constants = PyDict_New()) == NULL)
        return -1;
    Py_INCREF(file_wrapper);
    if (set_constant("wsgi.file_wrapper", file_wrapper) < 0
        || set_constant("wsgi.version", Py_BuildValue("(ii)", 1, 0)) < 0
        || set_constant("wsgi.multithread", PyBool_FromLong(multithread)) < 0
        || set_constant("wsgi.multiprocess", PyBool_FromLong(multiprocess)) < 0
        || set_constant("wsgi.run_once", PyBool_FromLong(0)) < 0
        || set_constant("wsgi.input_terminated", PyBool_FromLong(1)) < 0)
        return -1;
    return 0;
}

int ps_environ_prepare(char *const *names, int count, int multithread, int multiprocess, PyObject *file_wrapper)
{
    static const char *const object_names[] = {"wsgi.input", "wsgi.errors", "pyserve.client_disconnected"};
    for (int i = 0; i < PS_KEY_COUNT; i++)
        if ((object_keys[i] = PyUnicode_InternFromString(object_names[i])) == NULL)
            return -1;
    keys = PyMem_RawCalloc((size_t)count, sizeof *keys);
    secret = PyMem_RawCalloc((size_t)count, 1);
    if (keys == NULL || secret == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (int i = 0; i < count; i++) {
        if ((keys[i] = PyUnicode_InternFromString(names[i])) == NULL)
            return -1;
        secret[i] = strstr(names[i], "COOKIE") != NULL || strstr(names[i], "AUTHORIZATION") != NULL;
    }
    key_count = count;
    return make_constants(multithread, multiprocess, file_wrapper);
}

/* A str for the value of a known variable: the one of the last request if it is the same. */
static PyObject *known_value(int number, const char *bytes, Py_ssize_t size)
{
    PyObject **last = &ps_self->values[number];
    if (size > REUSE || secret[number])
        return PyUnicode_DecodeLatin1(bytes, size, NULL);
    if (*last == NULL || PyUnicode_GET_LENGTH(*last) != size || memcmp(PyUnicode_1BYTE_DATA(*last), bytes, (size_t)size) != 0) {
        PyObject *value = PyUnicode_DecodeLatin1(bytes, size, NULL);
        if (value == NULL)
            return NULL;
        Py_XDECREF(*last);
        *last = value;
    }
    Py_INCREF(*last);
    return *last;
}

/* Reads over a block; every read is checked, as a Go mistake must not become a memory error. */
typedef struct {
    const char *at;
    size_t left;
} cursor;

static const char *take(cursor *c, size_t size)
{
    if (c->left < size)
        return NULL;
    const char *bytes = c->at;
    c->at += size;
    c->left -= size;
    return bytes;
}

static const char *take_sized(cursor *c, size_t width, size_t *size)
{
    uint16_t narrow = 0;
    uint32_t wide = 0;
    const char *prefix = take(c, width);
    if (prefix == NULL)
        return NULL;
    memcpy(width == 2 ? (void *)&narrow : (void *)&wide, prefix, width);
    *size = width == 2 ? narrow : wide;
    return take(c, *size);
}

/* Sets the next variable of the block. */
static int unpack_one(PyObject *environ, cursor *c)
{
    enum { UNKNOWN = 0xFFFF };
    uint16_t number;
    size_t name_size = 0, size;
    const char *name = NULL, *prefix = take(c, sizeof number);
    if (prefix == NULL)
        goto corrupt;
    memcpy(&number, prefix, sizeof number);
    if (number == UNKNOWN ? (name = take_sized(c, 2, &name_size)) == NULL : number >= key_count)
        goto corrupt;
    const char *bytes = take_sized(c, 4, &size);
    if (bytes == NULL)
        goto corrupt;

    PyObject *key, *value;
    if (number == UNKNOWN) {
        key = PyUnicode_DecodeLatin1(name, (Py_ssize_t)name_size, NULL);
        value = PyUnicode_DecodeLatin1(bytes, (Py_ssize_t)size, NULL);
    } else {
        key = keys[number];
        Py_INCREF(key);
        value = known_value(number, bytes, (Py_ssize_t)size);
    }
    int failed = key == NULL || value == NULL ? -1 : PyDict_SetItem(environ, key, value);
    Py_XDECREF(key);
    Py_XDECREF(value);
    return failed;

corrupt:
    PyErr_SetString(PyExc_SystemError, "pyserve: the environ block is corrupt");
    return -1;
}

PyObject *ps_environ_new(const char *block, size_t size)
{
    PyObject *environ = PyDict_Copy(constants);
    cursor c = {block, size};
    while (environ != NULL && c.left > 0)
        if (unpack_one(environ, &c) < 0)
            Py_CLEAR(environ);
    return environ;
}

int ps_environ_set(PyObject *environ, ps_key key, PyObject *value)
{
    return value == NULL ? -1 : PyDict_SetItem(environ, object_keys[key], value);
}
