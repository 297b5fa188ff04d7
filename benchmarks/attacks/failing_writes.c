/* Lets the n-th call fail that writes below one folder: open to write, write, sync, rename, mkdir.
   Loaded before the C library, so that it holds for Python and for the libraries it uses.
   arm(n, error): the n-th from now on fails; 0 counts only. counted(): calls since. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static volatile long at = 0, wanted = 0;
static volatile int error_number = ENOSPC;
static char root[PATH_MAX];

void arm(long n, int number, const char *folder) {
    wanted = n;
    at = 0;
    error_number = number;
    snprintf(root, sizeof root, "%s", folder);
}
long counted(void) { return at; }

static int hits(const char *path) {
    if (!root[0] || strncmp(path, root, strlen(root))) return 0;
    long number = __sync_add_and_fetch(&at, 1);
    if (number != wanted) return 0;
    errno = error_number;
    return 1;
}
static int hits_path(int folder, const char *path) {
    char full[2 * PATH_MAX], link[64];
    if (path[0] == '/') return hits(path);
    ssize_t length;
    if (folder == AT_FDCWD) {
        if (!getcwd(full, PATH_MAX)) return 0;
        length = (ssize_t)strlen(full);
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        length = readlink(link, full, PATH_MAX - 1);
        if (length < 0) return 0;
    }
    snprintf(full + length, sizeof full - (size_t)length, "/%s", path);
    return hits(full);
}
static int hits_fd(int fd) {
    char link[64], full[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, full, sizeof full - 1);
    if (length < 0) return 0;
    full[length] = 0;
    return hits(full);
}
#define NEXT(name) static __typeof__(&name) next; if (!next) next = dlsym(RTLD_NEXT, #name)
#define WRITES(flags) ((flags) & (O_CREAT | O_TRUNC) || ((flags) & O_ACCMODE) != O_RDONLY)
#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & O_CREAT) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

int open(const char *path, int flags, ...) {
    NEXT(open); MODE(flags)
    return WRITES(flags) && hits_path(AT_FDCWD, path) ? -1 : next(path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    NEXT(open64); MODE(flags)
    return WRITES(flags) && hits_path(AT_FDCWD, path) ? -1 : next(path, flags, mode);
}
int openat(int folder, const char *path, int flags, ...) {
    NEXT(openat); MODE(flags)
    return WRITES(flags) && hits_path(folder, path) ? -1 : next(folder, path, flags, mode);
}
int openat64(int folder, const char *path, int flags, ...) {
    NEXT(openat64); MODE(flags)
    return WRITES(flags) && hits_path(folder, path) ? -1 : next(folder, path, flags, mode);
}
ssize_t write(int fd, const void *bytes, size_t count) {
    NEXT(write);
    return hits_fd(fd) ? -1 : next(fd, bytes, count);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    NEXT(pwrite64);
    return hits_fd(fd) ? -1 : next(fd, bytes, count, offset);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    NEXT(writev);
    return hits_fd(fd) ? -1 : next(fd, parts, count);
}
int fsync(int fd) {
    NEXT(fsync);
    return hits_fd(fd) ? -1 : next(fd);
}
int ftruncate64(int fd, off64_t length) {
    NEXT(ftruncate64);
    return hits_fd(fd) ? -1 : next(fd, length);
}
int rename(const char *from, const char *to) {
    NEXT(rename);
    return hits_path(AT_FDCWD, to) ? -1 : next(from, to);
}
int renameat(int one, const char *from, int other, const char *to) {
    NEXT(renameat);
    return hits_path(other, to) ? -1 : next(one, from, other, to);
}
int mkdir(const char *path, mode_t mode) {
    NEXT(mkdir);
    return hits_path(AT_FDCWD, path) ? -1 : next(path, mode);
}
int mkdirat(int folder, const char *path, mode_t mode) {
    NEXT(mkdirat);
    return hits_path(folder, path) ? -1 : next(folder, path, mode);
}
