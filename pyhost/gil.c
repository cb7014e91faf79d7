/* gil.c looks at the GIL from outside: is it held by one of our threads? A relaxed load of CPython's own flag,
 * whose place depends on the exact version: where the library is not the one that the headers are of, or its
 * internal headers are not installed, this is not known. */
#define Py_BUILD_CORE 1
#include <Python.h>
/* From 3.13 on the first needs the second, which not everybody installs. */
#if __has_include(<internal/pycore_interp.h>) && (PY_VERSION_HEX < 0x030D0000 || __has_include(<internal/mimalloc/mimalloc.h>))
#include <internal/pycore_interp.h>
#include <internal/pycore_runtime.h>
#define KNOWN
#endif

#include <stdatomic.h>
#include <string.h>

#include "internal.h"

enum { THREADS = 1024 };

static _Atomic(PyThreadState *) ours[THREADS];
static _Atomic int used; /* no entry from here on was ever set */

void ps_gil_watch(void *state)
{
    for (int i = 0; i < THREADS; i++) {
        PyThreadState *empty = NULL;
        if (atomic_compare_exchange_strong(&ours[i], &empty, (PyThreadState *)state)) {
            if (i >= atomic_load(&used))
                atomic_store(&used, i + 1);
            return;
        }
    }
}

void ps_gil_unwatch(void *state)
{
    for (int i = 0; i < THREADS; i++)
        if (atomic_load(&ours[i]) == state)
            atomic_store(&ours[i], NULL);
}

#if defined(KNOWN) && !defined(Py_GIL_DISABLED)
static struct _gil_runtime_state *gil(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyInterpreterState_Main()->ceval.gil;
#else
    return &_PyRuntime.ceval.gil;
#endif
}

#ifdef PYSERVE_EXTENSION
/* One build is for all patch versions: what the headers say is believed if it is true of the thread that holds the GIL. */
static int fits_version(void *holder)
{
    static const char minor[] = Py_STRINGIFY(PY_MAJOR_VERSION) "." Py_STRINGIFY(PY_MINOR_VERSION) ".";
    return strncmp(Py_GetVersion(), minor, sizeof minor - 1) == 0 && gil() != NULL
        && __atomic_load_n((const int *)&gil()->locked, __ATOMIC_RELAXED) == 1
        && __atomic_load_n((void *const *)&gil()->last_holder, __ATOMIC_RELAXED) == holder;
}
#else
static int fits_version(void *holder)
{
    size_t length = strlen(PY_VERSION);
    const char *running = Py_GetVersion();
    (void)holder;
    return strncmp(running, PY_VERSION, length) == 0 && strchr(" +", running[length]) != NULL;
}
#endif

static _Atomic int known;

void ps_gil_check(void *state) { known = fits_version(state); }

int ps_gil_held(void)
{
    if (!known || __atomic_load_n((const int *)&gil()->locked, __ATOMIC_RELAXED) != 1)
        return 0;
    void *holder = __atomic_load_n((void *const *)&gil()->last_holder, __ATOMIC_RELAXED);
    for (int i = 0; i < atomic_load(&used); i++)
        if (atomic_load_explicit(&ours[i], memory_order_relaxed) == holder)
            return holder != NULL;
    return 0;
}
#else
void ps_gil_check(void *state) { (void)state; }

int ps_gil_held(void) { return 0; }
#endif
