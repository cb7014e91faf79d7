/* environ.c unpacks environ.Block into the environ dict.
 *
 * The requests of a thread mostly have the same variables in the same order, and most of the values too. So a
 * thread keeps a template for the sequences of names that it sees: a dict with every key in its place, of which
 * each request gets a copy. To copy a dict is to copy its table, where to fill one is to grow it several times. */
#include "internal.h"

#include <string.h>

enum {
    REUSE = 64,   /* a value up to this size is kept for the thread's next request */
    TARGET = 16,  /* a path, which may have a token in it, only up to this one */
    PLACES = 64,  /* what a template has room for: the names are the client's */
    NAME = 64,    /* the longest of its unknown names */
    UNKNOWN = 0xFFFF,
};

static PyObject **keys;     /* the known names, interned, by their number */
static unsigned char *most; /* the largest size of a value that may outlive its request */
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

/* Cookies, credentials, keys and tokens of APIs, queries and the URLs of other pages may not be kept at all. */
static unsigned char most_of(const char *name)
{
    static const char *const words[] = {"COOKIE", "AUTHORIZATION", "_KEY", "TOKEN", "QUERY_STRING", "REFERER", "DESTINATION"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(name, words[i]) != NULL)
            return 0;
    return strcmp(name, "PATH_INFO") == 0 || strstr(name, "_URI") != NULL ? TARGET : REUSE;
}

int ps_environ_prepare(char *const *names, int count, int multithread, int multiprocess, PyObject *file_wrapper)
{
    static const char *const object_names[] = {"wsgi.input", "wsgi.errors", "pyserve.client_disconnected"};
    for (int i = 0; i < PS_KEY_COUNT; i++)
        if ((object_keys[i] = PyUnicode_InternFromString(object_names[i])) == NULL)
            return -1;
    keys = PyMem_RawCalloc((size_t)count, sizeof *keys);
    most = PyMem_RawCalloc((size_t)count, 1);
    if (keys == NULL || most == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (int i = 0; i < count; i++) {
        if ((keys[i] = PyUnicode_InternFromString(names[i])) == NULL)
            return -1;
        most[i] = most_of(names[i]);
    }
    key_count = count;
    return make_constants(multithread, multiprocess, file_wrapper);
}

/* ---- the block ---- */

/* One variable, pointing into the block. */
typedef struct {
    uint16_t number; /* or UNKNOWN */
    uint16_t name_size;
    uint32_t size;
    const char *name; /* of an UNKNOWN one */
    const char *bytes;
} variable;

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

/* Copies a number off the block: 0 at its end. */
static int take_number(cursor *c, void *number, size_t width)
{
    const char *bytes = take(c, width);
    if (bytes != NULL)
        memcpy(number, bytes, width);
    return bytes != NULL;
}

static int take_variable(cursor *c, variable *v)
{
    if (!take_number(c, &v->number, sizeof v->number))
        return 0;
    if (v->number != UNKNOWN) {
        if (v->number >= key_count)
            return 0;
    } else if (!take_number(c, &v->name_size, sizeof v->name_size) || (v->name = take(c, v->name_size)) == NULL) {
        return 0;
    }
    return take_number(c, &v->size, sizeof v->size) && (v->bytes = take(c, v->size)) != NULL;
}

/* Takes the block apart into variables, which has room for all: how many there are, or -1 with an exception. */
static int unpack(const char *block, size_t size, variable *variables)
{
    cursor c = {block, size};
    int count = 0;
    while (c.left > 0)
        if (!take_variable(&c, &variables[count++])) {
            PyErr_SetString(PyExc_SystemError, "pyserve: the environ block is corrupt");
            return -1;
        }
    return count;
}

/* ---- keys and values ---- */

static int same_bytes(PyObject *text, const char *bytes, size_t size)
{
    return (size_t)PyUnicode_GET_LENGTH(text) == size && memcmp(PyUnicode_1BYTE_DATA(text), bytes, size) == 0;
}

/* The key of a variable, a new reference. */
static PyObject *key_of(const variable *v)
{
    if (v->number == UNKNOWN)
        return PyUnicode_DecodeLatin1(v->name, v->name_size, NULL);
    Py_INCREF(keys[v->number]);
    return keys[v->number];
}

/* Whether a template may hold the value. Unknown names could mean anything: their values may be secret. */
static int reusable(const variable *v)
{
    return v->number != UNKNOWN && v->size <= most[v->number]
        && (most[v->number] != TARGET || memchr(v->bytes, '?', v->size) == NULL);
}

/* The str for a value, a new reference: the one of the thread's last request if it is the same. */
static PyObject *value_of(const variable *v)
{
    PyObject **last = reusable(v) ? &ps_self->values[v->number] : NULL, *value = last != NULL ? *last : NULL;
    if (value != NULL && same_bytes(value, v->bytes, v->size)) {
        Py_INCREF(value);
        return value;
    }
    value = PyUnicode_DecodeLatin1(v->bytes, (Py_ssize_t)v->size, NULL);
    if (last != NULL && value != NULL) {
        Py_INCREF(value);
        Py_XDECREF(*last);
        *last = value;
    }
    return value;
}

static int set_value(PyObject *dict, PyObject *key, const variable *v)
{
    PyObject *value = value_of(v);
    int failed = value == NULL ? -1 : PyDict_SetItem(dict, key, value);
    Py_XDECREF(value);
    return failed;
}

static PyObject *fill_new(const variable *variables, int count)
{
    PyObject *environ = PyDict_Copy(constants);
    for (int i = 0; environ != NULL && i < count; i++) {
        PyObject *key = key_of(&variables[i]);
        if (key == NULL || set_value(environ, key, &variables[i]) < 0)
            Py_CLEAR(environ);
        Py_XDECREF(key);
    }
    return environ;
}

/* ---- templates ---- */

typedef struct ps_template {
    PyObject *dict; /* reusable values, and None for the others and for the object variables */
    int count;
    struct place {
        uint16_t number;
        PyObject *key;
        PyObject *value; /* the reusable one in dict: borrowed, for comparison only */
    } places[PLACES];
} template;

static void template_free(template *t)
{
    if (t == NULL)
        return;
    Py_XDECREF(t->dict);
    for (int i = 0; i < t->count; i++)
        Py_XDECREF(t->places[i].key);
    PyMem_RawFree(t);
}

static int fits(const template *t, const variable *variables, int count)
{
    if (t == NULL || t->count != count)
        return 0;
    for (int i = 0; i < count; i++) {
        const struct place *p = &t->places[i];
        const variable *v = &variables[i];
        if (p->number != v->number || (p->number == UNKNOWN && !same_bytes(p->key, v->name, v->name_size)))
            return 0;
    }
    return 1;
}

/* Gives every key its place in t->dict: -1 with an exception. */
static int set_places(template *t, const variable *variables, int count)
{
    for (; t->count < count; t->count++) {
        struct place *p = &t->places[t->count];
        p->number = variables[t->count].number;
        if ((p->key = key_of(&variables[t->count])) == NULL)
            return -1;
        if (PyDict_SetItem(t->dict, p->key, Py_None) < 0) {
            Py_CLEAR(p->key);
            return -1;
        }
    }
    for (int i = 0; i < PS_KEY_COUNT; i++)
        if (PyDict_SetItem(t->dict, object_keys[i], Py_None) < 0)
            return -1;
    return 0;
}

/* NULL with an exception, or without one if there can be none for these names. */
static template *template_new(const variable *variables, int count)
{
    template *t = PyMem_RawCalloc(1, sizeof *t);
    if (t == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    if ((t->dict = PyDict_Copy(constants)) != NULL && set_places(t, variables, count) == 0
        && PyDict_GET_SIZE(t->dict) == PyDict_GET_SIZE(constants) + count + PS_KEY_COUNT)
        return t;
    template_free(t); /* or a name comes twice: a copy of the dict would be wrong */
    return NULL;
}

/* The template is brought up to date first: what the copy has from it need not be set again. */
static PyObject *fill_copy(template *t, const variable *variables)
{
    int others[PLACES], other_count = 0; /* what no template may hold */
    for (int i = 0; i < t->count; i++) {
        struct place *p = &t->places[i];
        const variable *v = &variables[i];
        if (p->value != NULL && same_bytes(p->value, v->bytes, v->size))
            continue;
        if (!reusable(v)) {
            others[other_count++] = i;
            continue;
        }
        PyObject *value = value_of(v);
        p->value = value != NULL && PyDict_SetItem(t->dict, p->key, value) == 0 ? value : NULL;
        Py_XDECREF(value);
        if (p->value == NULL)
            return NULL;
    }
    PyObject *environ = PyDict_Copy(t->dict);
    for (int i = 0; environ != NULL && i < other_count; i++)
        if (set_value(environ, t->places[others[i]].key, &variables[others[i]]) < 0)
            Py_CLEAR(environ);
    return environ;
}

/* A number for the sequence of names (FNV-1a), never 0; 0 if a template could not hold it. */
static uint64_t sequence_of(const variable *variables, int count)
{
    uint64_t hash = 14695981039346656037u;
    if (count > PLACES)
        return 0;
    for (int i = 0; i < count; i++) {
        const variable *v = &variables[i];
        hash = (hash ^ v->number) * 1099511628211u;
        if (v->number != UNKNOWN)
            continue;
        if (v->name_size > NAME)
            return 0;
        for (int j = 0; j < v->name_size; j++)
            hash = (hash ^ (unsigned char)v->name[j]) * 1099511628211u;
    }
    return hash | 1;
}

/* The thread's template for these names, or NULL. Names get one, in the place of the template that was used longer
 * ago, when two requests with them come one after the other: it costs more than it saves where requests with many
 * kinds of names take turns. -1 with an exception. */
static int find_template(const variable *variables, int count, template **found)
{
    template **t = ps_self->templates;
    *found = NULL;
    if (!fits(t[0], variables, count)) {
        template *other = t[1];
        if (!fits(other, variables, count)) {
            uint64_t sequence = sequence_of(variables, count), missed = ps_self->missed;
            ps_self->missed = sequence;
            if (sequence == 0 || sequence != missed)
                return 0;
            if ((other = template_new(variables, count)) == NULL)
                return PyErr_Occurred() ? -1 : 0;
            template_free(t[1]);
        }
        t[1] = t[0];
        t[0] = other;
    }
    ps_self->missed = 0;
    *found = t[0];
    return 0;
}

PyObject *ps_environ_new(const char *block, size_t size)
{
    enum { SMALLEST = 6, USUAL = 512 }; /* an entry's least size; how many find room on the stack */
    variable first[USUAL], *variables = first;
    size_t most = (size + SMALLEST - 1) / SMALLEST;
    if (most > USUAL && (variables = PyMem_Malloc(most * sizeof *variables)) == NULL)
        return PyErr_NoMemory();
    template *found;
    PyObject *environ = NULL;
    int count = unpack(block, size, variables);
    if (count >= 0 && find_template(variables, count, &found) == 0)
        environ = found != NULL ? fill_copy(found, variables) : fill_new(variables, count);
    if (variables != first)
        PyMem_Free(variables); /* not kept: they point into Go's memory */
    return environ;
}

void ps_environ_leave(void)
{
    for (int i = 0; i < key_count; i++)
        Py_XDECREF(ps_self->values[i]);
    template_free(ps_self->templates[0]);
    template_free(ps_self->templates[1]);
    PyMem_RawFree(ps_self->values);
}

int ps_environ_set(PyObject *environ, ps_key key, PyObject *value)
{
    return value == NULL ? -1 : PyDict_SetItem(environ, object_keys[key], value);
}
