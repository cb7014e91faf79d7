/* title.c: what ps(1) shows in place of the command line. */
#include "internal.h"

#ifdef __linux__
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { TITLE = 256 }; /* bytes, with the NUL */

extern char **environ;

/* Titles stand at the end of their room, and the environment follows: that is where programs that set titles of their
 * own, such as Python's setproctitle, expect them. The kernel is told where both are, so that the room does not depend on
 * the length of the command line. Where it cannot be told, the title takes the place of the arguments. */
static struct prctl_mm_map map; /* arg_end is 0 before the first title */
static char *room;              /* TITLE bytes, or NULL */

static int tell_kernel(void)
{
    map.brk = (uintptr_t)sbrk(0);
    return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0);
}

/* What the kernel has now, from /proc/self/stat (proc(5)): fields 26 to 28 and 45 to 51. */
static int read_map(void)
{
    char text[2048];
    unsigned long f[52] = {0};
    FILE *file = fopen("/proc/self/stat", "re");
    char *at = file != NULL ? fgets(text, sizeof text, file) : NULL;
    if (file != NULL)
        fclose(file);
    at = at != NULL ? strrchr(at, ')') : NULL; /* the end of field 2, which may hold anything */
    if (at == NULL || strlen(at) < 3)
        return -1;
    at += 3; /* the state */
    for (int i = 4; i < 52; i++)
        f[i] = strtoul(at + 1, &at, 10);
    map = (struct prctl_mm_map){
        .start_code = f[26], .end_code = f[27], .start_stack = f[28], .start_data = f[45], .end_data = f[46], .start_brk = f[47],
        .arg_start = f[48], .arg_end = f[49], .env_start = f[50], .env_end = f[51], .exe_fd = -1,
    };
    return f[48] != 0 && f[49] > f[48] ? 0 : -1;
}

/* Makes room, with a copy of the environment behind it. */
static void make_room(void)
{
    size_t count = 0, size = TITLE;
    for (; environ[count] != NULL; count++)
        size += strlen(environ[count]) + 1;
    char *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char **copy = malloc((count + 1) * sizeof *copy);
    if (block == MAP_FAILED || copy == NULL)
        return;
    char *at = block + TITLE;
    for (size_t i = 0; i < count; i++) {
        copy[i] = strcpy(at, environ[i]);
        at += strlen(at) + 1;
    }
    copy[count] = NULL;
    struct prctl_mm_map before = map;
    map.arg_start = map.arg_end = (uintptr_t)block;
    map.env_start = (uintptr_t)block + TITLE;
    map.env_end = (uintptr_t)at;
    if (tell_kernel() == 0) {
        room = block;
        environ = copy;
        return;
    }
    map = before;
    free(copy);
    munmap(block, size);
}

void ps_title(const char *text)
{
    if (map.arg_end == 0) {
        if (read_map() != 0)
            return;
        make_room();
    }
    if (room == NULL) {
        size_t size = map.arg_end - map.arg_start;
        memset((char *)map.arg_start, 0, size);
        strncpy((char *)map.arg_start, text, size - 1);
        return;
    }
    size_t size = strnlen(text, TITLE - 1) + 1;
    map.arg_end = (uintptr_t)room + TITLE;
    map.arg_start = map.arg_end - size;
    memcpy((char *)map.arg_start, text, size - 1);
    room[TITLE - 1] = 0;
    tell_kernel();
}
#else
void ps_title(const char *text) { (void)text; }
#endif
