/*
 * compat.h lets github.com/go-python/cpy3 v0.2.0, written for CPython 3.7, build on 3.9 to 3.15.
 *
 * The project's python3.pc puts it before every C file (-include), so it must not include Python.h:
 * cgo's generated wrappers would then clash. patchlevel.h gives the version. Each stub stands for a
 * function that CPython took away (or never exported) and that pyserve does not call; cpy3 refers to
 * it, so it must compile and link.
 */
#ifndef PYSERVE_COMPAT_H
#define PYSERVE_COMPAT_H

#include <patchlevel.h>
#include <wchar.h>

#define PYSERVE_STUB static inline __attribute__((unused))

/* Gone since 3.9. */
PYSERVE_STUB int PyDict_ClearFreeList(void) { return 0; }
PYSERVE_STUB int PyList_ClearFreeList(void) { return 0; }
PYSERVE_STUB int PyFloat_ClearFreeList(void) { return 0; }
#if PY_VERSION_HEX >= 0x03090000
PYSERVE_STUB void PyEval_ReInitThreads(void) {}
#endif

/* Declared but hidden in libpython until 3.12: a link error, not a compile error. */
#if PY_VERSION_HEX < 0x030D0000
#define PySignal_SetWakeupFd pyserve_compat_PySignal_SetWakeupFd
PYSERVE_STUB int PySignal_SetWakeupFd(int fd) { (void)fd; return -1; }
#endif

#if PY_VERSION_HEX >= 0x030D0000
PYSERVE_STUB int PyEval_ThreadsInitialized(void) { return 1; }
PYSERVE_STUB int Py_SetStandardStreamEncoding(const char *encoding, const char *errors)
{
    (void)encoding;
    (void)errors;
    return -1;
}
PYSERVE_STUB void Py_SetPath(const wchar_t *path) { (void)path; }
PYSERVE_STUB void PySys_SetPath(const wchar_t *path) { (void)path; }
PYSERVE_STUB void PySys_AddWarnOption(const wchar_t *option) { (void)option; }
PYSERVE_STUB void PySys_AddXOption(const wchar_t *option) { (void)option; }
#endif

#if PY_VERSION_HEX >= 0x030F0000
PYSERVE_STUB wchar_t *Py_GetProgramName(void) { return 0; }
PYSERVE_STUB wchar_t *Py_GetProgramFullPath(void) { return 0; }
PYSERVE_STUB wchar_t *Py_GetPrefix(void) { return 0; }
PYSERVE_STUB wchar_t *Py_GetExecPrefix(void) { return 0; }
PYSERVE_STUB wchar_t *Py_GetPath(void) { return 0; }
PYSERVE_STUB wchar_t *Py_GetPythonHome(void) { return 0; }
PYSERVE_STUB void PySys_ResetWarnOptions(void) {}
#endif

#endif
