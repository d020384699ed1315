// A slow disk, for chaos.py: preloaded, it makes each fsync, link and rename wait for so many milliseconds as the file
// says that SLOW_DISK names; not at all while there is no such file.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_a_little(void) {
  const char* path = getenv("SLOW_DISK");
  FILE* file = path ? fopen(path, "re") : NULL;
  int ms = 0;
  if (!file) return;
  if (fscanf(file, "%d", &ms) == 1 && ms > 0) usleep((useconds_t)ms * 1000);
  fclose(file);
}

#define SLOW(name, parameters, arguments)                  \
  int name parameters {                                    \
    int(*real) parameters;                                 \
    *(void**)(&real) = dlsym(RTLD_NEXT, #name);            \
    wait_a_little();                                       \
    return real arguments;                                 \
  }
SLOW(fsync, (int fd), (fd))
SLOW(fdatasync, (int fd), (fd))
SLOW(link, (const char* from, const char* to), (from, to))
SLOW(rename, (const char* from, const char* to), (from, to))
