/* internal.h is what the C files share among themselves. Everything here is called attached. */
#ifndef PYSERVE_INTERNAL_H
#define PYSERVE_INTERNAL_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <signal.h>

#include "versions.h"

#include "shim.h"

enum { PS_SMALL = 16 * 1024 }; /* bodies up to this size leave Python in one crossing */

/* What one Python thread holds on to. */
typedef struct ps_thread {
    struct ps_thread *next; /* interrupt.c */
    PyThreadState *state; /* while not attached */
    PyObject *context;    /* the request's contextvars context, entered */
    PyObject *body;       /* what the application returned */
    PyObject *iterator;   /* iter(body); NULL for an exact list or tuple */
    Py_ssize_t position;  /* in an exact list or tuple */
    PyObject *chunk;      /* the bytes object that Go is sending */
    PyObject *errors;     /* the request's wsgi.errors */
    PyObject **values;    /* the last value of each known variable */
    struct ps_template *templates[2]; /* environ.c: the one used last first */
    uint64_t missed;                  /* environ.c: the names of the last request, if no template had them */
    uint64_t handle;      /* the request's */
    uint64_t request;     /* the same while the request can be interrupted, else 0 */
    int interrupted;      /* since then an interrupt was set: 1 + its ps_interruption */
    unsigned long ident;  /* the thread's in Python */
    char small[PS_SMALL];
} ps_thread;

extern __thread ps_thread *ps_self;

/* Set in a child forked by the application, which must never enter Go. */
extern volatile int ps_forked;

/* Ends a forked child whose copy of the application came back to the server. It stands before every way
 * back to Go: destructors, __len__ and the like may fork as well as the application itself. */
void ps_leave_child(void);

/* thread.c: gives the calling thread the usual precision of timers back (see package prestart). */
void ps_thread_timers(void);

/* init.c, for the zygote. ps_interpreter starts CPython like ps_initialize, and does nothing else; ps_enter_main is
 * the rest of it: it makes the calling thread, which is attached and stays so, the server's Python main thread.
 * PS_OK, or PS_VALUE with the reason in message[PS_MESSAGE]. */
int ps_interpreter(const char *executable, int argc, char *const *argv, char *message);
int ps_enter_main(char *message);

/* signals.c: whether the server acts on this signal itself. */
int ps_server_uses(int number);
/* signals.c: gives the signals that are Go's the actions that a Python process has. Async-signal-safe. */
void ps_signals_in_child(void);
void ps_signals_block(sigset_t *before); /* all signals, of this thread */

/* gil.c: the thread states of the Python threads, between their first and last moment. */
void ps_gil_check(void *state); /* finds out whether ps_gil_held knows; attached by state */
void ps_gil_watch(void *state);
void ps_gil_unwatch(void *state);

/* interrupt.c: makes the calling thread one that can be interrupted, and undoes it. */
void ps_interrupt_watch(void);
void ps_interrupt_unwatch(void);
/* From here on nothing interrupts the calling thread, until ps_self->request is set again. */
void ps_interrupt_end(void);

/* crash.c: a child's crash is not its parent's: it goes to standard error. Async-signal-safe. */
void ps_crash_in_child(void);

/* environ.c. Each *_prepare is called once, and returns -1 with an exception; each *_new returns NULL with one. */
int ps_environ_prepare(char *const *names, int count, int multithread, int multiprocess, PyObject *file_wrapper);
int ps_environ_count(void);
/* A new dict with the string variables and the constant ones. */
PyObject *ps_environ_new(const char *block, size_t size);
/* environ[name] = value for the interned names of the object variables; -1 with an exception. */
typedef enum { PS_KEY_INPUT, PS_KEY_ERRORS, PS_KEY_DISCONNECTED, PS_KEY_COUNT } ps_key;
int ps_environ_set(PyObject *environ, ps_key key, PyObject *value);
/* Frees what the calling thread keeps for its next environ: it makes none any more. */
void ps_environ_leave(void);

/* The heap types. */
PyObject *ps_start_response_new(PyObject *request);
PyObject *ps_disconnected_new(PyObject *request);
int ps_input_prepare(void);
PyObject *ps_input_new(uint64_t handle);
int ps_errors_prepare(PyObject *write_lines);
PyObject *ps_errors_new(const char *id, size_t size);
/* Logs a last line that has no newline. */
void ps_errors_flush(PyObject *errors);

/* object.c: makes a type that Python code can neither instantiate nor change. */
PyTypeObject *ps_type(PyType_Spec *spec);
/* Methods that return always the same. */
PyObject *ps_true(PyObject *self, PyObject *unused);
PyObject *ps_false(PyObject *self, PyObject *unused);
PyObject *ps_none(PyObject *self, PyObject *unused);

/* wsgi.input, which stands for the request: the callables are bound to it. */
typedef struct {
    PyObject_HEAD
    PyObject *references; /* weak ones to it */
    uint64_t handle;
} ps_request;
#define HANDLE(self) (((ps_request *)(self))->handle)

/* zygote.c: ps_lend without what only the extension module needs. -1 when memory ran out. */
int ps_lend_to_main(const ps_preload *from);

/* call.c: which type a file wrapper has, and who reports the position of its file. */
int ps_call_prepare(PyObject *file_wrapper, PyObject *file_region);

/* interrupt.c: what to raise, and a function to raise it in when it is meant for nobody. */
void ps_interrupt_prepare(PyObject *timeout, PyObject *shutdown, PyObject *nothing);

/* Sets the exception that a goXxx function asked for; returns NULL. */
PyObject *ps_raise(int status, const char *message);
/* io.UnsupportedOperation. */
extern PyObject *ps_unsupported;
/* Raises in a forked child, where Go cannot be entered: 1 if it did. */
int ps_refuse_child(void);

#endif
