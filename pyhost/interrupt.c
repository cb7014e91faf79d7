/* interrupt.c raises an exception in the Python thread that runs a certain request, and in no other one. */
#include "internal.h"

static ps_thread *threads; /* all that there are. It and what it leads to belong to who holds the GIL */
static PyObject *exceptions[2]; /* by ps_interruption */

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

void ps_interrupt_prepare(ps_interruption why, PyObject *type)
{
    Py_INCREF(type);
    exceptions[why] = type;
}

int ps_interrupt(uint64_t request, ps_interruption why)
{
    ps_thread *thread = request != 0 ? threads : NULL;
    while (thread != NULL && thread->request != request)
        thread = thread->next;
    if (thread == NULL || PyThreadState_SetAsyncExc(thread->ident, exceptions[why]) != 1)
        return PS_STALE;
    thread->interrupted = 1;
    return PS_OK;
}

void ps_interrupt_end(void)
{
    ps_self->request = 0;
    if (!ps_self->interrupted)
        return;
    ps_self->interrupted = 0;
    PyThreadState_SetAsyncExc(ps_self->ident, NULL);
}

unsigned long ps_thread_ident(void) { return ps_self->ident; }
