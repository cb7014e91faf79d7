/* zygote.c: a process that imports the application before the Go runtime starts, while it has one thread and may
 * fork, and whose children are workers that have it already. Package zygote documents the protocol; zygote.py, which
 * runs here, keeps it. */
#include "internal.h"

#ifdef __linux__
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* The parts of the configuration message, each ended by a NUL; from ARGV on they are sys.argv. The same
 * order is in zygote.go. */
enum { EXECUTABLE, DIRECTORY, PYTHONPATH, SPEC, BOOTSTRAP, ZYGOTE, ARGV, MOST_PARTS = 4096 };

/* What is sent to the whole process group, by a terminal or a service manager, is the master's business, and a zygote
 * has no log to open again. The last two Python expects to be ignored. Go decides about them again in the children. */
static const int ignored[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ};

/* What a child has from the zygote. */
static ps_preload preloaded;
static PyThreadState *main_state;
static pthread_t main_thread;
static struct sigaction actions[NSIG]; /* handlers of the application's, for signals that the server leaves alone */
enum { TIMERS = 3 };                   /* ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF */
static struct itimerval timers[TIMERS];

/* Ends the zygote, with the reason for the master. */
static void fail(int fd, const char *reason)
{
    char packet[PS_MESSAGE + 32];
    int size = snprintf(packet, sizeof packet, "fSystemError%cthe zygote does not start: %.200s%c", 0, reason, 0);
    if (send(fd, packet, (size_t)size, MSG_NOSIGNAL) < 0)
        perror("pyserve: the zygote does not start");
    _exit(1);
}

static void set_ignored(void (*handler)(int))
{
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], handler);
}

/* Takes the configuration message apart into parts; returns their number. They are never freed. */
static int receive_parts(int fd, char **parts)
{
    ssize_t size = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC);
    if (size <= 0)
        _exit(0); /* the master is gone */
    char *text = malloc((size_t)size);
    if (text == NULL || recv(fd, text, (size_t)size, 0) != size || text[size - 1] != 0)
        fail(fd, "its configuration does not arrive");
    int count = 0;
    char *part = text;
    for (; part < text + size && count < MOST_PARTS; part += strlen(part) + 1)
        parts[count++] = part;
    if (count <= ARGV || part < text + size)
        fail(fd, "its configuration is incomplete, or has too many arguments");
    return count;
}

/* Lets zygote.py import the application, with the signals kept as in Host.Load. */
static PyObject *import_application(int fd, char **parts)
{
    preloaded.bootstrap = ps_module("_pyserve", parts[BOOTSTRAP]);
    PyObject *zygote = preloaded.bootstrap == NULL ? NULL : ps_module("_pyserve_zygote", parts[ZYGOTE]);
    if (zygote == NULL)
        return NULL;
    ps_signals_save();
    preloaded.app = PyObject_CallMethod(zygote, "load", "Oiyyy", preloaded.bootstrap, fd, parts[DIRECTORY], parts[PYTHONPATH],
                                        parts[SPEC]);
    preloaded.signals = ps_signals_restore(0);
    preloaded.spec = parts[SPEC];
    return preloaded.app == NULL ? NULL : zygote;
}

/* How Go or a debugger looks at crashes is theirs to say in each process. */
static int is_crash(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL || number == SIGABRT;
}

/* Takes the application's own signal handlers and timers away: they are for the children, where Go's start would
 * replace the handlers, and fork() stops the timers. */
static void put_aside(void)
{
    static const struct itimerval stopped;
    for (int number = 1; number < NSIG; number++)
        if (!ps_server_uses(number) && !is_crash(number) && sigaction(number, NULL, &actions[number]) == 0
            && actions[number].sa_handler != SIG_DFL && actions[number].sa_handler != SIG_IGN)
            signal(number, number == SIGCHLD ? SIG_DFL : SIG_IGN);
    for (int i = 0; i < TIMERS; i++)
        setitimer(i, &stopped, &timers[i]);
}

static void put_back(void)
{
    for (int number = 1; number < NSIG; number++)
        if (actions[number].sa_handler != SIG_DFL && actions[number].sa_handler != SIG_IGN)
            sigaction(number, &actions[number], NULL);
    for (int i = 0; i < TIMERS; i++)
        setitimer(i, &timers[i], NULL);
}

char *ps_zygote(int fd)
{
    char message[PS_MESSAGE] = "", *parts[MOST_PARTS];
    set_ignored(SIG_IGN);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    int count = receive_parts(fd, parts);
    snprintf(message, sizeof message, "pyserve: zygote [%.200s]", parts[SPEC]);
    ps_title(message);
    if (ps_interpreter(parts[EXECUTABLE], count - ARGV, parts + ARGV, message) != PS_OK)
        fail(fd, message);
    PyObject *zygote = import_application(fd, parts);
    put_aside();
    fflush(NULL); /* or every child would write it once more */
    PyObject *variable = zygote == NULL ? NULL : PyObject_CallMethod(zygote, "serve", NULL);
    const char *text = variable == NULL ? NULL : PyUnicode_AsUTF8(variable);
    char *copy = text == NULL ? NULL : strdup(text);
    if (copy == NULL) {
        PyErr_Print();
        fail(fd, "see the traceback on its standard error");
    }
    Py_DECREF(variable);
    Py_DECREF(zygote);
    set_ignored(SIG_DFL);
    main_thread = pthread_self();
    main_state = PyEval_SaveThread();
    return copy;
}

int ps_lend_to_main(const ps_preload *from)
{
    if (from != NULL) {
        preloaded = *from;
        preloaded.spec = strdup(from->spec);
        if (preloaded.spec == NULL)
            return -1;
        Py_INCREF(preloaded.app);
        Py_INCREF(preloaded.bootstrap);
    }
    for (int i = 0; i < TIMERS; i++)
        getitimer(i, &timers[i]); /* they run already: put_back leaves them as they are */
    main_thread = pthread_self();
    main_state = PyEval_SaveThread();
    return 0;
}

void ps_take_back(void) { PyEval_RestoreThread(main_state); }

int ps_adopt(ps_preload *preload, char *message)
{
    if (main_state == NULL)
        return PS_END;
    if (!pthread_equal(main_thread, pthread_self())) {
        snprintf(message, PS_MESSAGE, "a worker of the zygote has to run Python's main thread on the process's main thread");
        return PS_VALUE;
    }
    PyEval_RestoreThread(main_state);
    put_back();
    *preload = preloaded;
    return ps_enter_main(message);
}
#else
int ps_adopt(ps_preload *preload, char *message)
{
    (void)preload;
    (void)message;
    return PS_END;
}
#endif
