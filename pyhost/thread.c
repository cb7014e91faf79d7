/* thread.c: OS threads with room for Python, each with one PyThreadState for life. */
#include "internal.h"

#include <pthread.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

__thread ps_thread *ps_self;

/* CPython 3.13 and older overflow smaller stacks at their own recursion limit, as does OpenBLAS. */
enum { STACK = 8 * 1024 * 1024 };

static void *thread_main(void *id)
{
    goThreadMain((uintptr_t)id);
    return NULL;
}

int ps_thread_start(uintptr_t id)
{
    pthread_t thread;
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);
    if (failed)
        return failed;
    failed = pthread_attr_setstacksize(&attributes, STACK);
    if (!failed)
        failed = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (!failed)
        failed = pthread_create(&thread, &attributes, thread_main, (void *)id);
    pthread_attr_destroy(&attributes);
    return failed;
}

void ps_thread_timers(void)
{
#ifdef __linux__
    enum { SLACK = 50 * 1000 }; /* ns: what the kernel gives by itself */
    prctl(PR_SET_TIMERSLACK, SLACK, 0, 0, 0);
#endif
}

int ps_thread_enter(void)
{
    ps_thread *self = PyMem_RawCalloc(1, sizeof *self);
    if (self == NULL)
        return PS_VALUE;
    self->values = PyMem_RawCalloc((size_t)ps_environ_count(), sizeof *self->values);
    if (self->values == NULL) {
        PyMem_RawFree(self);
        return PS_VALUE;
    }
    ps_self = self;
    ps_thread_timers();
    PyGILState_Ensure(); /* its thread state also serves extensions that use PyGILState_* on this thread */
    ps_gil_watch(PyThreadState_Get());
    ps_interrupt_watch();
    return PS_OK;
}

void ps_thread_leave(void)
{
    ps_attach();
    ps_environ_leave();
    ps_gil_unwatch(PyThreadState_Get());
    ps_interrupt_unwatch();
    PyGILState_Release(PyGILState_UNLOCKED);
    if (ps_forked)
        _exit(0); /* forked by a destructor of what a threading.local has held */
    PyMem_RawFree(ps_self);
    ps_self = NULL;
}

void ps_attach(void) { PyEval_RestoreThread(ps_self->state); }

void ps_detach(void)
{
    ps_leave_child();
    ps_self->state = PyEval_SaveThread();
}
