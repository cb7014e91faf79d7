/* signals.c keeps the signals that the server acts on the server's, whatever the application does to them, and runs
 * Python's own handlers while its main thread waits in Go. */
#include "internal.h"

/* Python expects SIGPIPE and SIGXFSZ to be ignored; Go itself needs SIGURG. */
static const int server_signals[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGWINCH,
                                     SIGPIPE, SIGXFSZ, SIGURG};
enum { SERVER_SIGNALS = sizeof server_signals / sizeof *server_signals };

int ps_server_uses(int number)
{
    int i = 0;
    while (i < SERVER_SIGNALS && server_signals[i] != number)
        i++;
    return i < SERVER_SIGNALS;
}

static struct sigaction kept[SERVER_SIGNALS];
static struct sigaction go; /* Go's action, the same for every signal; all zero before Go has started */
static stack_t kept_stack;

static int is_go(const struct sigaction *action)
{
    return go.sa_sigaction != NULL && action->sa_sigaction == go.sa_sigaction;
}

void ps_signals_save(void)
{
    struct sigaction urgent;
    if (sigaction(SIGURG, NULL, &urgent) == 0 && urgent.sa_flags & SA_SIGINFO)
        go = urgent;
    for (int i = 0; i < SERVER_SIGNALS; i++)
        sigaction(server_signals[i], NULL, &kept[i]);
    sigaltstack(NULL, &kept_stack);
}

uint64_t ps_signals_restore(uint64_t ignored)
{
    sigaltstack(&kept_stack, NULL); /* faulthandler's is too small for Go */
    return ps_signals_check(ignored);
}

/* A C library that puts a handler back by signal() loses its flags. Go's needs all of them; every other one needs
 * the signal stack, as the thread that it interrupts may be one of Go's. */
static void mend_flags(int number)
{
    struct sigaction now, was;
    if (sigaction(number, NULL, &now) != 0 || now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN)
        return;
    int flags = is_go(&now) ? go.sa_flags : now.sa_flags | SA_ONSTACK;
    if (now.sa_flags == flags)
        return;
    if (is_go(&now))
        now = go;
    now.sa_flags = flags;
    if (sigaction(number, &now, &was) == 0 && was.sa_sigaction != now.sa_sigaction)
        sigaction(number, &was, NULL); /* changed in between: the next look is right */
}

uint64_t ps_signals_check(uint64_t ignored)
{
    static const struct sigaction ignore = {.sa_handler = SIG_IGN};
    uint64_t changed = 0;
    for (int i = 0; i < SERVER_SIGNALS; i++) {
        struct sigaction now;
        const struct sigaction *right = ignored >> server_signals[i] & 1 ? &ignore : &kept[i];
        if (sigaction(server_signals[i], NULL, &now) != 0 || is_go(&now) || now.sa_sigaction == right->sa_sigaction)
            continue;
        changed |= (uint64_t)1 << server_signals[i];
        sigaction(server_signals[i], right, NULL);
    }
    for (int number = 1; number < NSIG; number++)
        mend_flags(number);
    return changed;
}

/* ---- Python's handlers ---- */

int ps_run_pending(void)
{
    int failed = Py_MakePendingCalls();
    ps_leave_child();
    return failed ? PS_EXCEPTION : PS_OK;
}

void ps_signals_block(sigset_t *before)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, before);
}

/* Go's handlers would enter a runtime that has lost its other threads. */
void ps_signals_in_child(void)
{
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) != 0 || !is_go(&action))
            continue;
        action.sa_flags = 0;
        action.sa_handler = number == SIGPIPE || number == SIGXFSZ ? SIG_IGN : SIG_DFL; /* as in any Python process */
        sigaction(number, &action, NULL);
    }
}
