/*
 * A fault in C, such as a null pointer in an extension module, is passed on by Go to the handler that
 * stood before its runtime started; so one has to stand there. It calls what package pyhost puts into
 * ps_prestart_fault (pyhost/crash.c). Before that, the signal has its default effect. Go passes on only
 * these three.
 */
#include <signal.h>
#include <stddef.h>

void (*ps_prestart_fault)(int number, siginfo_t *info, void *context);

static void on_fault(int number, siginfo_t *info, void *context)
{
    if (ps_prestart_fault != NULL)
        ps_prestart_fault(number, info, context);
    else
        signal(number, SIG_DFL); /* the instruction runs once more, and ends the process */
}

__attribute__((constructor(101))) static void stand_before_go(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigaction(faults[i], &action, NULL);
}
