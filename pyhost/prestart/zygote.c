/*
 * Where the environment names a descriptor of the master, the process becomes a zygote (pyhost/zygote.c), and only
 * its children go on to the Go runtime. No two variables: the place in the environment's array that the zygote's has
 * left is the only one where Go, which reads the array that the process was started with, sees another.
 */
#include <stdlib.h>
#if defined(__linux__) && defined(__GLIBC__) && !defined(PYSERVE_EXTENSION)
#include <string.h>

/* In package pyhost; absent from a program without it. */
extern char *ps_zygote(int fd) __attribute__((weak));

__attribute__((constructor)) static void become_zygote(int argc, char **argv, char **environment)
{
    static const char name[] = "PYSERVE_ZYGOTE=";
    char **place = environment;
    (void)argc;
    (void)argv;
    while (*place != NULL && strncmp(*place, name, sizeof name - 1) != 0)
        place++;
    if (*place == NULL || ps_zygote == NULL)
        return;
    int fd = atoi(*place + sizeof name - 1);
    for (; place[1] != NULL; place++)
        place[0] = place[1];
    place[0] = NULL; /* neither Python nor the application is to see it */
    place[0] = ps_zygote(fd);
}
#endif
