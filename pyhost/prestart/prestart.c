/*
 * The Go runtime's monitor thread (sysmon) sleeps 20 us at a time while goroutines are in C for longer
 * than that, which a Python request always is: some 5,000 timers and switches a second, a tenth of what a
 * Flask request costs. With a larger timer slack the kernel lets them come together. Threads inherit it,
 * so it has to be set before the runtime makes its first; those that run Python, and the reactor's
 * monitor, set theirs back.
 */
#ifdef __linux__
#include <sys/prctl.h>

enum { SLACK = 2 * 1000 * 1000 }; /* ns */

__attribute__((constructor)) static void widen_timer_slack(void)
{
    prctl(PR_SET_TIMERSLACK, SLACK, 0, 0, 0);
}
#endif
