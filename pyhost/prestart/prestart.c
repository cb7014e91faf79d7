/*
 * The Go runtime's monitor thread (sysmon) sleeps 20 us at a time while goroutines are in C for longer
 * than that, which a Python request always is: some 5,000 timers and switches a second, a tenth of what a
 * Flask request costs. With a larger timer slack the kernel lets them come together. Threads inherit it,
 * so it has to be set before the runtime makes its first; those that run Python, and the reactor's
 * monitor, set theirs back.
 *
 * The net/http engine lives on hand-overs between goroutines, which wait for that monitor: not for it.
 */
#include <stdlib.h> /* defines __GLIBC__, whose constructors are given the arguments */
#if defined(__linux__) && defined(__GLIBC__)
#include <string.h>
#include <sys/prctl.h>

enum { SLACK = 2 * 1000 * 1000 }; /* ns */

static int wants_nethttp(char **words)
{
    for (; *words != NULL; words++)
        if (strcmp(*words, "nethttp") == 0 || strcmp(*words, "--engine=nethttp") == 0
            || strcmp(*words, "PYSERVE_ENGINE=nethttp") == 0)
            return 1;
    return 0;
}

/* Started by /proc/self/exe the process would be called exe; with the extension module, as the interpreter. */
__attribute__((constructor(101))) static void name_process(int argc, char **argv, char **environment)
{
    (void)environment;
    if (argc == 0)
        return;
#ifdef PYSERVE_EXTENSION
    const char *name = "pyserve";
#else
    const char *slash = strrchr(argv[0], '/'), *name = slash != NULL ? slash + 1 : argv[0];
#endif
    prctl(PR_SET_NAME, name, 0, 0, 0);
}

__attribute__((constructor(101))) static void widen_timer_slack(int argc, char **argv, char **environment)
{
    (void)argc;
    if (!wants_nethttp(argv) && !wants_nethttp(environment))
        prctl(PR_SET_TIMERSLACK, SLACK, 0, 0, 0);
}
#endif
