/*
 * shim.h is the whole surface between Go and C. Go calls the ps_* functions; C calls the goXxx functions
 * of export.go, declared here too.
 *
 * "Attached" means that the calling OS thread holds the GIL through its own PyThreadState. Every pointer
 * is borrowed for the call only, unless its line says otherwise. PyObject pointers given to Go are owned
 * by C. A function that returns PS_EXCEPTION leaves the thread attached with the Python exception set:
 * Go takes the exception and calls ps_detach.
 */
#ifndef PYSERVE_SHIM_H
#define PYSERVE_SHIM_H

#include <stddef.h>
#include <stdint.h>

typedef struct _object PyObject;

/* How a call went. The ones from PS_ASSERTION on name the exception that a goXxx function wants raised. */
enum {
    PS_OK = 0,
    PS_EXCEPTION = -1,    /* a Python exception is set */
    PS_END = -2,          /* the end of the iterable, or of the input */
    PS_BUSY = -3,         /* another thread is inside the same request: wait for it without the GIL */
    PS_HEADERS_SENT = -4, /* raise the application's exc_info again */
    PS_ASSERTION = -10,
    PS_VALUE = -12,
    PS_OS = -13,
    PS_DISCONNECTED = -14, /* ConnectionResetError */
    PS_STALE = -15,        /* RuntimeError: the request is over */
    PS_PANIC = -16,        /* SystemError: Go panicked; the panic goes on when the request is back in Go */
    PS_UNSUPPORTED = -17,  /* io.UnsupportedOperation */
};

enum { PS_MESSAGE = 256 }; /* the size of the buffers that goXxx functions write messages to */

/* ---- the interpreter (init.c) ---- */

/* What the build embeds: constant strings. */
const char *ps_python_executable(void);
const char *ps_python_linking(void);
const char *ps_python_version(void);

/* Initialises CPython on the calling thread, which becomes Python's main thread. argv are
 * argc NUL-terminated strings. Not attached on entry; attached on return if it returns PS_OK. On failure
 * returns PS_VALUE, with the reason in message[PS_MESSAGE]. Once a process. */
int ps_initialize(const char *executable, int argc, char *const *argv, char *message);

/* Runs source, which no file holds, as the module of that name, and returns it, owned by the caller. Attached. NULL
 * with an exception. */
PyObject *ps_module(const char *name, const char *source);

/* Gives the shim what it needs of the bootstrap module. Attached. name_count strings of variable names
 * are interned. PS_OK or PS_EXCEPTION. */
int ps_prepare(char *const *names, int name_count, int multithread, int multiprocess, PyObject *bootstrap);

/* From here on each request runs in the context that make() returns, instead of an empty one. Takes a reference of its
 * own. Attached. */
void ps_keep_context(PyObject *make);

/* Tells which descriptors a forked child has to close. Either state. */
void ps_fd_opened(int fd);
void ps_fd_closed(int fd);

/* ---- signals (signals.c) ---- */

/* Keeps the actions of the signals that the server uses, as the right ones, and the calling thread's signal stack.
 * ps_initialize and ps_adopt do it. Either state. */
void ps_signals_save(void);

/* Puts back the right action of each signal that the server uses, if it is not Go's, whatever stands there now; that
 * of those in ignored, a bit set of 1 << signal number, is to be ignored. Gives every handler in the process
 * the flags that it needs for interrupting a thread of Go. Returns the bit set of the signals whose handlers were
 * put back. Any thread, either state. restore also gives the calling thread its signal stack back. */
uint64_t ps_signals_check(uint64_t ignored);
uint64_t ps_signals_restore(uint64_t ignored);

/* Runs the Python handlers of the signals that have come, and what Py_AddPendingCall has queued. Attached, on Python's
 * main thread. PS_OK, or PS_EXCEPTION: then it is to be called again, as more may be waiting. */
int ps_run_pending(void);

/* ---- the zygote (zygote.c) ---- */

/* Called by a constructor, before the Go runtime starts: makes the process a zygote (package zygote) that answers the
 * master on descriptor fd. It returns in the children only, on their one thread, not attached: NAME=VALUE, the
 * environment variable that the master wants the child to have, for the life of the process. */
char *ps_zygote(int fd);

/* What a child of the zygote has from it. The pointers are borrowed, and valid for the life of the process. */
typedef struct {
    PyObject *bootstrap; /* the bootstrap module */
    PyObject *app;       /* the application */
    const char *spec;    /* what Load would be asked for to get it */
    uint64_t signals;    /* what ps_signals_restore returned after the import */
} ps_preload;

/* In the place of ps_initialize: fills in *preload in a child of the zygote. Not attached on entry, attached on
 * return if PS_OK. PS_END in any other process, where ps_initialize has to follow; PS_VALUE with the reason in
 * message[PS_MESSAGE] when the calling thread is not the process's main one, which the zygote made Python's. */
int ps_adopt(ps_preload *preload, char *message);

/* ---- the extension module (extension.c) ---- */

/* Lends the interpreter that is there to ps_adopt, which then finds no bootstrap module in *preload unless from has it.
 * from may be NULL; references are taken of what it holds. executable is copied. Attached on entry, on Python's main
 * thread, which has to be the process's; not attached on return of 0. -1 with an exception. */
int ps_lend(const char *executable, const ps_preload *from);

/* Ends that: attached on return. */
void ps_take_back(void);

/* sys.prefix of the interpreter that was lent: a constant string. */
const char *ps_lent_prefix(void);

/* ---- threads (thread.c) ---- */

/* Starts a detached OS thread with a stack of 8 MiB that runs goThreadMain(id). Returns 0 or an errno. */
int ps_thread_start(uintptr_t id);

/* Gives the calling OS thread a PyThreadState for life. Not attached on entry; attached on return if
 * PS_OK. PS_VALUE when memory ran out. Not for Python's main thread, which has one. */
int ps_thread_enter(void);

/* Ends what ps_thread_enter began. Not attached on entry or return. */
void ps_thread_leave(void);

void ps_attach(void); /* not attached -> attached; waits for the GIL */
void ps_detach(void); /* attached -> not attached; no exception may be set; ends a forked child */

/* Whether one of the Python threads holds the GIL this moment: 1 or 0. 0 too when that cannot be known, as
 * in a CPython of another version than the headers (gil.c). Either state, never waits. */
int ps_gil_held(void);

/* What the calling Python thread is called in Python, and in dumps. */
unsigned long ps_thread_ident(void);

/* What ps(1) shows for the process; see SetTitle (title.c). Before Python starts, or attached. */
void ps_title(const char *text);

/* ---- dumps and interrupts (crash.c, interrupt.c) ---- */

/* Has the bootstrap's function start prepare faulthandler. From then on a crash of the process writes the
 * Python stacks to fd, which must stay open, if package prestart is linked. Attached. PS_OK or PS_EXCEPTION. */
int ps_crash_start(PyObject *start, int fd);

/* Writes the Python stacks of all threads to fd. Either state, any thread. 0 or an errno. */
int ps_stacks(int fd);

/* Why a request is interrupted: by pyserve.RequestTimeout, or pyserve.ServerShutdown. */
typedef enum { PS_TIMED_OUT, PS_SHUT_DOWN } ps_interruption;

/* Raises it in the thread that runs the request with this handle. Attached. PS_OK; PS_STALE if none does; PS_BUSY if
 * another thread would get it just now. */
int ps_interrupt(uint64_t request, ps_interruption why);

/* ---- one request (call.c): on a Python thread, not attached on entry ---- */

typedef struct {
    const char *chunk; /* the first or next bytestring: valid until the next ps_* call on this thread; or NULL */
    size_t size;       /* its length, which may be 0 */
    int64_t length;    /* len() of the iterable, -1 without one (ps_call only) */
    int fd;            /* a duplicate of a wrapped regular file's descriptor, the caller's to close, or -1 (ps_call only) */
    int64_t offset;    /* the position in it (ps_call only) */
    int64_t file_size; /* its size (ps_call only) */
    int ended;         /* nothing is left: every item was handed out, and ps_end must not be called */
} ps_body;

/* Calls app(environ, start_response) in a fresh context. handle names the request in the callbacks, block
 * holds the string variables in environ.Block's form, id the request's id. May hand out the first chunk.
 * PS_OK, or PS_EXCEPTION; in both cases ps_end must follow unless out->ended is set. */
int ps_call(PyObject *app, uint64_t handle, const char *block, size_t block_size,
            const char *id, size_t id_size, ps_body *out);

/* Asks for the next chunk: PS_OK, PS_END, or PS_EXCEPTION. */
int ps_next(ps_body *out);

/* Calls close() and lets go of all that belongs to the request. PS_OK, or PS_EXCEPTION from close(). */
int ps_end(void);

/* ---- callbacks (export.go) ----
 * Those marked GIL are called attached and never block; the others are called without the GIL. All but
 * goThreadMain can be called on any thread. message has PS_MESSAGE bytes and is NUL-terminated by Go when
 * the function returns PS_ASSERTION or below. None is called in a forked child. */

extern void goThreadMain(uintptr_t id);

/* packed: (uint32 length, bytes)*: the status, then name and value of each header. GIL, unless wait. */
extern int goStartResponse(uint64_t handle, char *packed, size_t size, int exc_info, int wait, char *message);
extern int goWrite(uint64_t handle, char *data, size_t size, char *message);
extern int goDisconnected(uint64_t handle); /* 1, 0 or PS_STALE */
extern int goOver(uint64_t handle);         /* GIL; whether the request is over */
extern void goInterrupted(void);            /* GIL; a request has seen that it was timed out */

/* What to read, into size bytes: all that fits, something once there is some, or a line. *n is how much there was, *left
 * how much there is after it: 0 at the end (of the line), -1 when that is not known. */
typedef enum { PS_ALL, PS_SOME, PS_LINE } ps_reading;
extern int goInputRead(uint64_t handle, char *buffer, size_t size, ps_reading what, size_t *n, int64_t *left, char *message);
extern int goInputSeek(uint64_t handle, int64_t offset, int whence, int64_t *position, char *message);

/* One or more whole lines of wsgi.errors, UTF-8. Works after the request's end too. */
extern void goErrors(char *id, size_t id_size, char *text, size_t size);

/* Runs the program, see Program in extension.go: NULL-terminated lists, valid for the life of the process. Returns the exit
 * code. Not attached. */
extern int goRun(char **argv, char **again, char **environment);

#endif
