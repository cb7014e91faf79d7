/* init.c configures and starts the interpreter, and prepares the process for signals and forks. */
#include "internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

volatile int ps_forked;

#ifndef PYSERVE_EXTENSION
const char *ps_python_executable(void) { return PYSERVE_PYTHON_EXECUTABLE; }
#endif
const char *ps_python_linking(void) { return PYSERVE_PYTHON_LINKING; }
const char *ps_python_version(void) { return Py_GetVersion(); }

/* ---- forks ---- */

/* A bit for each descriptor. What no descriptor has reached takes no memory. */
enum { FDS = 1 << 26, WORD = 8 * sizeof(unsigned long) };

static _Atomic unsigned long open_fds[FDS / WORD];
static _Atomic int highest_fd; /* that ever was open */

void ps_fd_opened(int fd)
{
    if (fd < 0 || fd >= FDS)
        return;
    atomic_fetch_or(&open_fds[fd / WORD], 1ul << fd % WORD);
    for (int highest = highest_fd; highest < fd && !atomic_compare_exchange_weak(&highest_fd, &highest, fd);)
        ;
}

void ps_fd_closed(int fd)
{
    if (fd >= 0 && fd < FDS)
        atomic_fetch_and(&open_fds[fd / WORD], ~(1ul << fd % WORD));
}

/* A signal that came between fork() and ps_signals_in_child would be lost: Go's handler would take it. So it waits. */
static __thread sigset_t unforked; /* what the thread that forks had blocked */

static void before_fork(void) { ps_signals_block(&unforked); }

static void after_fork(void) { pthread_sigmask(SIG_SETMASK, &unforked, NULL); }

/* Leaves to the parent what is the server's. An open connection would keep the client waiting for as long as the child
 * lives. */
static void leave_to_parent(void)
{
    ps_forked = 1;
    ps_signals_in_child();
    ps_crash_in_child();
    for (int i = 0; i <= highest_fd / WORD; i++) {
        unsigned long word = atomic_load(&open_fds[i]);
        for (int bit = 0; word != 0; bit++, word >>= 1)
            if (word & 1)
                close(i * WORD + bit);
    }
}

/* Runs in every child forked by the application, between fork() and Python's own handlers. Only async-signal-safe calls.
 * In a child of the child, the numbers of what was closed are the application's. */
static void in_child(void)
{
    if (!ps_forked)
        leave_to_parent();
    after_fork();
}

/* The exit status that the exception which came back asks for; prints it unless it is SystemExit. */
static int child_status(void)
{
    if (PyErr_Occurred() == NULL)
        return 0;
    if (!PyErr_ExceptionMatches(PyExc_SystemExit)) {
        PyErr_Print();
        return 1;
    }
    PyObject *value = PyErr_GetRaisedException(), *code = value != NULL ? PyObject_GetAttrString(value, "code") : NULL;
    return code == Py_None ? 0 : code != NULL && PyLong_Check(code) ? (int)PyLong_AsLong(code) : 1;
}

void ps_leave_child(void)
{
    static const char text[] =
        "pyserve: a child process forked by the application came back from it; it ends here. "
        "End such a child with os._exit(), or use subprocess.\n";
    if (!ps_forked)
        return;
    int status = child_status();
    if (write(2, text, sizeof text - 1) < 0 && status == 0)
        status = 1;
    _exit(status);
}

/* ---- the interpreter ---- */

static int explain(PyStatus status, char *message)
{
    snprintf(message, PS_MESSAGE, "%s%s%s", status.func ? status.func : "", status.func ? ": " : "",
             status.err_msg ? status.err_msg : "the interpreter asked to exit");
    return PS_VALUE;
}

/* With these for sys.argv, Py_GetArgcArgv has nothing to tell: what it would tell is not where the process's arguments are,
 * and setproctitle, which looks there, falls back on /proc. */
static char *const no_arguments[] = {""};

static int set_arguments(int argc, char *const *argv)
{
    PyObject *list = PyList_New(argc);
    for (int i = 0; list != NULL && i < argc; i++)
        if (PyList_SetItem(list, i, PyUnicode_DecodeFSDefault(argv[i])) < 0 || PyList_GET_ITEM(list, i) == NULL)
            Py_CLEAR(list);
    int status = list == NULL ? -1 : PySys_SetObject("argv", list);
    Py_XDECREF(list);
    return status;
}

/* The regular configuration, not the isolated one, so that PYTHON* variables count; the
 * signals stay Go's; print() shows immediately under a pipe. */
static PyStatus configure(PyConfig *config, const char *executable)
{
    config->parse_argv = 0;
    config->install_signal_handlers = 0;
    config->faulthandler = 0; /* crash.c has it started */
    config->buffered_stdio = 0;
    PyStatus status = PyConfig_SetBytesString(config, &config->executable, executable);
    if (PyStatus_Exception(status))
        return status;
    status = PyConfig_SetBytesString(config, &config->program_name, executable);
    if (PyStatus_Exception(status))
        return status;
    return PyConfig_SetBytesArgv(config, 1, no_arguments);
}

int ps_interpreter(const char *executable, int argc, char *const *argv, char *message)
{
    PyPreConfig preconfig;
    PyPreConfig_InitPythonConfig(&preconfig);
    preconfig.parse_argv = 0;
    PyStatus status = Py_PreInitialize(&preconfig);
    if (PyStatus_Exception(status))
        return explain(status, message);

    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    status = configure(&config, executable);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status))
        return explain(status, message);
    if (set_arguments(argc, argv) == 0)
        return PS_OK;
    PyErr_Print();
    snprintf(message, PS_MESSAGE, "sys.argv cannot be set");
    return PS_VALUE;
}

int ps_enter_main(char *message)
{
    ps_signals_save();
    if (pthread_atfork(before_fork, after_fork, in_child) != 0 || (ps_self = PyMem_RawCalloc(1, sizeof *ps_self)) == NULL) {
        snprintf(message, PS_MESSAGE, "out of memory");
        return PS_VALUE;
    }
    ps_gil_check(PyThreadState_Get());
    ps_gil_watch(PyThreadState_Get());
    ps_interrupt_watch();
    ps_thread_timers();
    return PS_OK;
}

int ps_initialize(const char *executable, int argc, char *const *argv, char *message)
{
    int status = ps_interpreter(executable, argc, argv, message);
    return status == PS_OK ? ps_enter_main(message) : status;
}

PyObject *ps_module(const char *name, const char *source)
{
    PyObject *code = Py_CompileString(source, "<pyserve>", Py_file_input);
    PyObject *module = code == NULL ? NULL : PyImport_ExecCodeModule(name, code);
    Py_XDECREF(code);
    return module;
}

int ps_prepare(char *const *names, int name_count, int multithread, int multiprocess, PyObject *bootstrap)
{
    static const char *const wanted[] = {"FileWrapper", "file_region", "write_lines", "RequestTimeout", "ServerShutdown", "nothing"};
    enum { WRAPPER, REGION, LINES, TIMEOUT, SHUTDOWN, NOTHING, COUNT };
    PyObject *found[COUNT]; /* kept for the life of the process */
    for (int i = 0; i < COUNT; i++)
        if ((found[i] = PyObject_GetAttrString(bootstrap, wanted[i])) == NULL)
            return PS_EXCEPTION;
    ps_interrupt_prepare(found[TIMEOUT], found[SHUTDOWN], found[NOTHING]);
    if (ps_environ_prepare(names, name_count, multithread, multiprocess, found[WRAPPER]) < 0
        || ps_input_prepare() < 0 || ps_errors_prepare(found[LINES]) < 0
        || ps_call_prepare(found[WRAPPER], found[REGION]) < 0)
        return PS_EXCEPTION;
    ps_self->values = PyMem_RawCalloc((size_t)name_count, sizeof *ps_self->values);
    if (ps_self->values == NULL) {
        PyErr_NoMemory();
        return PS_EXCEPTION;
    }
    return PS_OK;
}
