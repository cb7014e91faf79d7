/* title.c: what ps(1) shows in place of the command line. */
#include "internal.h"

#ifdef __linux__
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { TITLE = 256 }; /* bytes, with the NUL */

extern char **environ;

/* Titles stand at the end of their room, and the environment follows: that is where programs that set titles of their
 * own, such as Python's setproctitle, expect them. The kernel is informed of where both are, so that the room does not depend on
 * the length of the command line. Where it cannot be informed, the title takes the place of the arguments. */
static struct prctl_mm_map map; /* arg_end is 0 before the first title */
static char *room;              /* TITLE bytes, or NULL */

static int tell_kernel(struct prctl_mm_map *now)
{
    now->brk = (uintptr_t)sbrk(0);
    return prctl(PR_SET_MM, PR_SET_MM_MAP, now, sizeof *now, 0);
}

/* What the kernel has now, from /proc/self/stat (proc(5)): fields 26 to 28 and 45 to 51. */
static void read_map(void)
{
    char text[2048], *at = NULL;
    uint64_t f[52] = {0};
    FILE *file = fopen("/proc/self/stat", "re");
    if (file != NULL && fgets(text, sizeof text, file) != NULL)
        at = strrchr(text, ')'); /* the end of field 2, which may hold anything */
    if (file != NULL)
        fclose(file);
    if (at != NULL && strlen(at) > 3)
        for (int i = 4; i < 52; i++)
            f[i] = strtoul(i == 4 ? at + 3 : at, &at, 10);
    map = (struct prctl_mm_map){f[26], f[27], f[45], f[46], f[47], 0, f[28], f[48], f[49], f[50], f[51], NULL, 0, -1};
}

/* Makes room, with a copy of the environment behind it, if the kernel plays its part. */
static void make_room(void)
{
    size_t count = 0, size = TITLE;
    for (; environ[count] != NULL; count++)
        size += strlen(environ[count]) + 1;
    char **copy = mmap(NULL, (count + 1) * sizeof *copy + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED)
        return;
    char *block = (char *)(copy + count + 1), *at = block + TITLE;
    for (size_t i = 0; i < count; at += strlen(at) + 1, i++)
        copy[i] = strcpy(at, environ[i]);
    struct prctl_mm_map moved = map;
    moved.arg_start = moved.arg_end = (uintptr_t)block;
    moved.env_start = (uintptr_t)block + TITLE;
    moved.env_end = (uintptr_t)at;
    if (tell_kernel(&moved) != 0)
        return;
    map = moved;
    room = block;
    environ = copy;
}

void ps_title(const char *text)
{
    if (map.arg_end == 0) {
        read_map();
        make_room();
    }
    size_t size = room != NULL ? strnlen(text, TITLE - 1) + 1 : map.arg_end - map.arg_start;
    if (room != NULL) {
        map.arg_end = (uintptr_t)room + TITLE;
        map.arg_start = map.arg_end - size;
    }
    if (size > 0)
        strncpy((char *)map.arg_start, text, size - 1);
    tell_kernel(&map);
}
#else
void ps_title(const char *text) { (void)text; }
#endif
