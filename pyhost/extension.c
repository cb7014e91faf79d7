//go:build pyserve_extension

/* extension.c: the extension module pyserve._engine, for an interpreter that is there already. */
#define PY_SSIZE_T_CLEAN
#include "internal.h"

#include <stdlib.h>

#include <signal.h>

extern char **environ;

static char *lent_executable, *lent_prefix;

const char *ps_python_executable(void) { return lent_executable; }
const char *ps_lent_prefix(void) { return lent_prefix; }

int ps_lend(const char *executable, const ps_preload *from)
{
    static const stack_t none = {.ss_flags = SS_DISABLE};
    PyObject *prefix = PySys_GetObject("prefix"), *bytes = NULL;
    if (prefix == NULL || !PyUnicode_FSConverter(prefix, &bytes)) {
        PyErr_SetString(PyExc_RuntimeError, "sys.prefix is not a path");
        return -1;
    }
    lent_prefix = strdup(PyBytes_AS_STRING(bytes));
    lent_executable = strdup(executable);
    Py_DECREF(bytes);
    /* That of -X faulthandler is too small for Go, which then makes one of its own. */
    sigaltstack(&none, NULL);
    if (lent_prefix == NULL || lent_executable == NULL || ps_lend_to_main(from) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

/* A NULL-terminated copy of a list of str, as the file system has them. NULL with an exception. Never freed: the program
 * runs until the process ends. */
static char **copy_strings(PyObject *list)
{
    Py_ssize_t size = PyList_Size(list);
    char **copy = PyMem_RawCalloc((size_t)size + 1, sizeof *copy);
    if (copy == NULL)
        return (char **)PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < size; i++) {
        PyObject *bytes = NULL;
        if (!PyUnicode_FSConverter(PyList_GET_ITEM(list, i), &bytes))
            return NULL;
        copy[i] = strdup(PyBytes_AS_STRING(bytes));
        Py_DECREF(bytes);
        if (copy[i] == NULL)
            return (char **)PyErr_NoMemory();
    }
    return copy;
}

/* run(executable, argv, again, preloaded) -> exit code: runs the program with these arguments, on the calling thread, which
 * has to be Python's main thread. again is the command line by which the process was started, with the interpreter's
 * path. preloaded is None, or what the zygote has: (app, spec, bootstrap, signals). It is called once. */
static PyObject *run(PyObject *module, PyObject *args)
{
    const char *executable;
    PyObject *argv, *again, *preloaded;
    ps_preload from = {0};
    unsigned long long signals = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "sO!O!O:run", &executable, &PyList_Type, &argv, &PyList_Type, &again, &preloaded))
        return NULL;
    if (preloaded != Py_None && !PyArg_ParseTuple(preloaded, "OsOK:run", &from.app, &from.spec, &from.bootstrap, &signals))
        return NULL;
    from.signals = signals;
    char **words = copy_strings(argv), **command = words == NULL ? NULL : copy_strings(again);
    if (command == NULL || ps_lend(executable, preloaded == Py_None ? NULL : &from) < 0)
        return NULL;
    int code = goRun(words, command, environ); /* not attached */
    ps_take_back();
    return PyLong_FromLong(code);
}

static PyMethodDef methods[] = {{"run", run, METH_VARARGS, NULL}, {0}};

static PyModuleDef_Slot slots[] = {
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "pyserve._engine", .m_methods = methods, .m_slots = slots};

__attribute__((visibility("default"))) PyMODINIT_FUNC PyInit__engine(void) { return PyModuleDef_Init(&definition); }
