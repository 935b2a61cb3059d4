/* Makes a fast disk slow, evenly: each fsync and fdatasync takes SLOW_FSYNC_US microseconds longer. Where
 * SLOW_FSYNC_FILE names a file, its text is that number, read anew each time, so that it can be changed while the
 * program runs (overwrite it in place, do not truncate it).
 *
 *   cc -O2 -shared -fPIC -o slow_fsync.so slow_fsync.c
 *   SLOW_FSYNC_US=1000 LD_PRELOAD=./slow_fsync.so program
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static const char *number;

__attribute__((constructor)) static void prepare(void) {
    real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    number = getenv("SLOW_FSYNC_US");
    const char *path = getenv("SLOW_FSYNC_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) {
        void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
        if (page != MAP_FAILED) number = page;
        close(file);
    }
}

static void take_time(void) {
    long us = number ? atol(number) : 0;
    if (us <= 0) return;
    struct timespec left = {us / 1000000, us % 1000000 * 1000};
    prctl(PR_SET_TIMERSLACK, 1); /* otherwise 50 us late */
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
}

int fsync(int file) {
    take_time();
    return real_fsync(file);
}

int fdatasync(int file) {
    take_time();
    return real_fdatasync(file);
}
