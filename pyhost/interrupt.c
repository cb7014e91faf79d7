/* interrupt.c raises an exception in the Python thread that runs a certain request, and in no other one. */
#include "internal.h"

static ps_thread *threads; /* all that there are. It and what it leads to belong to who holds the GIL */
static PyObject *exceptions[2]; /* by ps_interruption */
static PyObject *nothing; /* a Python function that does nothing */

void ps_interrupt_watch(void)
{
    ps_self->ident = PyThread_get_thread_ident();
    ps_self->next = threads;
    threads = ps_self;
}

void ps_interrupt_unwatch(void)
{
    ps_thread **at = &threads;
    while (*at != NULL && *at != ps_self)
        at = &(*at)->next;
    if (*at != NULL)
        *at = ps_self->next;
}

void ps_interrupt_prepare(PyObject *timeout, PyObject *shutdown, PyObject *function)
{
    exceptions[PS_TIMED_OUT] = timeout;
    exceptions[PS_SHUT_DOWN] = shutdown;
    nothing = function;
}

/* Up to CPython 3.11 a thread that is being started has the ident of the one that starts it until it runs. */
static int has_namesake(unsigned long ident)
{
    int found = 0;
#if PY_VERSION_HEX < 0x030C0000
    PyThreadState *state = PyInterpreterState_ThreadHead(PyThreadState_Get()->interp);
    for (; state != NULL; state = PyThreadState_Next(state))
        found += state->thread_id == ident;
#endif
    return found > 1;
}

int ps_interrupt(uint64_t request, ps_interruption why)
{
    ps_thread *thread = request != 0 ? threads : NULL;
    while (thread != NULL && thread->request != request)
        thread = thread->next;
    if (thread != NULL && has_namesake(thread->ident))
        return PS_BUSY;
    if (thread == NULL || PyThreadState_SetAsyncExc(thread->ident, exceptions[why]) != 1)
        return PS_STALE;
    thread->interrupted = 1 + (int)why;
    return PS_OK;
}

/* Has an exception that waits delivered to nobody. To set NULL in its place would not do: up to CPython 3.12 every thread
 * would look for an exception at each turn of each loop from then on, as only a delivery ends that. */
static void take_delivery(PyThreadState *state)
{
    PyObject *raised = PyErr_GetRaisedException();
    for (int tries = 0; state->async_exc != NULL && tries < 10; tries++) {
        PyObject *result = PyObject_CallNoArgs(nothing);
        if (result == NULL && !PyErr_ExceptionMatches(exceptions[PS_TIMED_OUT]))
            PyErr_WriteUnraisable(nothing); /* the application's own, or of a signal handler */
        PyErr_Clear();
        Py_XDECREF(result);
    }
    PyErr_SetRaisedException(raised);
}

void ps_interrupt_end(void)
{
    ps_self->request = 0;
    if (!ps_self->interrupted)
        return;
    int why = ps_self->interrupted - 1;
    ps_self->interrupted = 0;
    PyThreadState *state = PyThreadState_Get();
    if (state->async_exc != NULL)
        take_delivery(state);
    else if (why == PS_TIMED_OUT) /* a process that shuts down need not be told */
        goInterrupted();
}

unsigned long ps_thread_ident(void) { return ps_self->ident; }
