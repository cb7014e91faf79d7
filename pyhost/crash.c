/*
 * crash.c writes the Python stacks of all threads when the process crashes, and whenever Go asks for them.
 * CPython's faulthandler does the writing: its two signal handlers are taken from it and called as
 * functions, so that Go's stay where they are.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

/* In package prestart, which only the command has. */
extern void (*ps_prestart_fault)(int number, siginfo_t *info, void *context) __attribute__((weak));

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
enum { FAULTS = sizeof faults / sizeof *faults };

/* The signal by which faulthandler knows stacks, never raised: the last one, where that is none that is in use. */
enum { REGISTERED = NSIG > 34 ? NSIG - 1 : SIGIO };

static struct sigaction gos[FAULTS];
static void (*write_crash)(int number);  /* writes to crash_fd, sets the default action, raises */
static void (*write_stacks)(int number); /* writes to stacks_fd */
static int crash_fd = -1, stacks_fd = -1;

/* ---- crashes ---- */

/* Ends the process by the very signal, after writing the stacks. Of several threads that crash at the same
 * time the first one does it. All signals are blocked: a fault in here is the end, too. */
static void die(int number, siginfo_t *info, void *context)
{
    static atomic_flag dying = ATOMIC_FLAG_INIT;
    sigset_t only;
    (void)info;
    (void)context;
    while (atomic_flag_test_and_set(&dying))
        pause();
    write_crash(number);
    signal(number, SIG_DFL);
    sigemptyset(&only);
    sigaddset(&only, number);
    pthread_sigmask(SIG_UNBLOCK, &only, NULL);
    raise(number);
    _exit(128 + number);
}

/* Only Go knows whether a fault happened in Go; if not, it comes back by ps_prestart_fault. Signals that
 * somebody sent (abort() does) and SIGILL would not come back, and Go cannot recover from them. */
static void on_fault(int number, siginfo_t *info, void *context)
{
    int i = 0;
    while (i < FAULTS && faults[i] != number)
        i++;
    if (ps_forked || info->si_code <= 0 || number == SIGILL || i == FAULTS)
        die(number, info, context);
    gos[i].sa_sigaction(number, info, context);
}

void ps_crash_in_child(void)
{
    if (crash_fd > STDERR_FILENO && dup2(STDERR_FILENO, crash_fd) >= 0)
        fcntl(crash_fd, F_SETFD, FD_CLOEXEC);
}

/* Has faulthandler install its handlers over the default actions, which it goes back to when it has
 * written, and takes them away. */
static int take_handlers(PyObject *start, int fd)
{
    struct sigaction now;
    PyObject *result = PyObject_CallFunction(start, "iii", fd, stacks_fd, REGISTERED);
    if (result == NULL)
        return PS_EXCEPTION;
    Py_DECREF(result);
    sigaction(SIGSEGV, NULL, &now);
    write_crash = now.sa_handler;
    sigaction(REGISTERED, NULL, &now);
    write_stacks = now.sa_handler;
    return PS_OK;
}

int ps_crash_start(PyObject *start, int fd)
{
    int dumps = &ps_prestart_fault != NULL;
    struct sigaction registered, default_action = {.sa_handler = SIG_DFL};
    struct sigaction ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t stack;
    sigfillset(&ours.sa_mask);
    stacks_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    sigaltstack(NULL, &stack); /* faulthandler's is too small for Go */
    sigaction(REGISTERED, NULL, &registered);
    for (int i = 0; i < FAULTS; i++)
        sigaction(faults[i], dumps ? &default_action : NULL, &gos[i]);

    int status = take_handlers(start, dumps ? fd : -1);
    if (dumps && status == PS_OK) {
        crash_fd = fd;
        ps_prestart_fault = die;
    }
    for (int i = 0; i < FAULTS; i++)
        sigaction(faults[i], crash_fd >= 0 ? &ours : &gos[i], NULL);
    sigaction(REGISTERED, &registered, NULL);
    sigaltstack(&stack, NULL);
    return status;
}

/* ---- the stacks on demand ---- */

/* A copy of the process with this thread only, that nobody is notified of: no SIGCHLD, no wait(), no atfork. */
static pid_t copy_process(void)
{
#ifdef __linux__
    return (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
#else
    return fork();
#endif
}

static void write_in_copy(int fd)
{
    enum { SECONDS = 5 };
    sigset_t alarms;
    signal(SIGALRM, SIG_DFL);
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
    alarm(SECONDS); /* whoever reads fd may not be reading */
    if (dup2(fd, stacks_fd) < 0)
        _exit(1);
    write_stacks(REGISTERED);
    _exit(0);
}

int ps_stacks(int fd)
{
#ifdef __linux__
    enum { OPTIONS = __WCLONE };
#else
    enum { OPTIONS = 0 };
#endif
    sigset_t before;
    ps_signals_block(&before);
    pid_t copy = copy_process();
    int failed = copy < 0 ? errno : 0;
    if (copy == 0)
        write_in_copy(fd);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return failed;
    int status = 0;
    while (waitpid(copy, &status, OPTIONS) < 0)
        if (errno != EINTR)
            return errno;
    return status == 0 ? 0 : WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? ETIMEDOUT : EFAULT;
}
