/* init.c configures and starts the interpreter, and prepares the process for signals and forks. */
#include "internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

volatile int ps_forked;

const char *ps_python_executable(void) { return PYSERVE_PYTHON_EXECUTABLE; }
const char *ps_python_linking(void) { return PYSERVE_PYTHON_LINKING; }
const char *ps_python_version(void) { return Py_GetVersion(); }

/* ---- signals ---- */

/* Go itself needs the last two: without its SIGPIPE a client that goes away ends the process. */
static const int server_signals[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGWINCH, SIGPIPE, SIGURG};
enum { SERVER_SIGNALS = sizeof server_signals / sizeof *server_signals };

int ps_server_uses(int number)
{
    int i = 0;
    while (i < SERVER_SIGNALS && server_signals[i] != number)
        i++;
    return i < SERVER_SIGNALS;
}

static struct sigaction saved[SERVER_SIGNALS];
static stack_t saved_stack;

/* Go's own handler: the same function for every signal. */
static void (*go_handler)(int, siginfo_t *, void *);

void ps_signals_save(void)
{
    for (int i = 0; i < SERVER_SIGNALS; i++)
        sigaction(server_signals[i], NULL, &saved[i]);
    sigaltstack(NULL, &saved_stack);
}

/* A handler of the application must run on the signal stack: the thread it hits may be one of Go's. */
static void use_signal_stack(int number)
{
    struct sigaction action;
    if (sigaction(number, NULL, &action) != 0 || action.sa_flags & SA_ONSTACK)
        return;
    if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)
        return;
    action.sa_flags |= SA_ONSTACK;
    sigaction(number, &action, NULL);
}

uint64_t ps_signals_restore(void)
{
    uint64_t changed = 0;
    for (int i = 0; i < SERVER_SIGNALS; i++) {
        struct sigaction now;
        if (sigaction(server_signals[i], NULL, &now) == 0 && now.sa_sigaction != saved[i].sa_sigaction) {
            changed |= (uint64_t)1 << server_signals[i];
            sigaction(server_signals[i], &saved[i], NULL);
        }
    }
    for (int number = 1; number < NSIG; number++)
        use_signal_stack(number);
    sigaltstack(&saved_stack, NULL); /* faulthandler's is too small for Go */
    return changed;
}

/* ---- forks ---- */

enum { FDS = 1 << 16, WORD = 8 * sizeof(unsigned long) };

static _Atomic unsigned long open_fds[FDS / WORD];

void ps_fd_opened(int fd)
{
    if (fd >= 0 && fd < FDS)
        atomic_fetch_or(&open_fds[fd / WORD], 1ul << fd % WORD);
}

void ps_fd_closed(int fd)
{
    if (fd >= 0 && fd < FDS)
        atomic_fetch_and(&open_fds[fd / WORD], ~(1ul << fd % WORD));
}

/* Runs in every child forked by the application, between fork() and Python's own handlers. Only
 * async-signal-safe calls. Go's handlers would enter a runtime that has lost its other threads, and an
 * open connection would keep the client waiting for as long as the child lives. */
static void in_child(void)
{
    if (ps_forked)
        return; /* a child of the child: the numbers of what was closed are the application's now */
    ps_forked = 1;
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) != 0 || !(action.sa_flags & SA_SIGINFO) || action.sa_sigaction != go_handler)
            continue;
        action.sa_flags = 0;
        action.sa_handler = number == SIGPIPE ? SIG_IGN : SIG_DFL; /* as in any Python process */
        sigaction(number, &action, NULL);
    }
    ps_crash_in_child();
    for (int i = 0; i < FDS / WORD; i++) {
        unsigned long word = atomic_load(&open_fds[i]);
        for (int bit = 0; word != 0; bit++, word >>= 1)
            if (word & 1)
                close(i * WORD + bit);
    }
}

/* The exit status that the exception which came back asks for; prints it unless it is SystemExit. */
static int child_status(void)
{
    PyObject *type, *value, *traceback, *code;
    if (PyErr_Occurred() == NULL)
        return 0;
    if (!PyErr_ExceptionMatches(PyExc_SystemExit)) {
        PyErr_Print();
        return 1;
    }
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    code = value != NULL ? PyObject_GetAttrString(value, "code") : NULL;
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

static int prepare_forks(void)
{
    struct sigaction action;
    if (sigaction(SIGURG, NULL, &action) == 0 && action.sa_flags & SA_SIGINFO)
        go_handler = action.sa_sigaction;
    return pthread_atfork(NULL, NULL, in_child);
}

/* ---- the interpreter ---- */

static int explain(PyStatus status, char *message)
{
    snprintf(message, PS_MESSAGE, "%s%s%s", status.func ? status.func : "", status.func ? ": " : "",
             status.err_msg ? status.err_msg : "the interpreter asked to exit");
    return PS_VALUE;
}

/* EMBEDDING: the regular configuration, not the isolated one, so that PYTHON* variables count; the
 * signals stay Go's; print() shows at once under a pipe. */
static PyStatus configure(PyConfig *config, const char *executable, int argc, char *const *argv)
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
    return PyConfig_SetBytesArgv(config, argc, argv);
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
    status = configure(&config, executable, argc, argv);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    return PyStatus_Exception(status) ? explain(status, message) : PS_OK;
}

int ps_enter_main(char *message)
{
    if (prepare_forks() != 0 || (ps_self = PyMem_RawCalloc(1, sizeof *ps_self)) == NULL) {
        snprintf(message, PS_MESSAGE, "out of memory");
        return PS_VALUE;
    }
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

int ps_prepare(char *const *names, int name_count, int multithread, int multiprocess,
               PyObject *file_wrapper, PyObject *file_region)
{
    if (ps_environ_prepare(names, name_count, multithread, multiprocess, file_wrapper) < 0
        || ps_response_prepare() < 0 || ps_input_prepare() < 0 || ps_errors_prepare() < 0
        || ps_call_prepare(file_wrapper, file_region) < 0)
        return PS_EXCEPTION;
    ps_self->values = PyMem_RawCalloc((size_t)name_count, sizeof *ps_self->values);
    if (ps_self->values == NULL) {
        PyErr_NoMemory();
        return PS_EXCEPTION;
    }
    return PS_OK;
}
