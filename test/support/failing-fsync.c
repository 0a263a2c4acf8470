/*
 * Preloaded into a process, lets fsync and fdatasync fail with EIO once a file asks for it, as a failing disk would.
 * FAILING_FSYNC names that file; its content is the end of the names of the files it is about, nothing meaning all.
 * The first failure leaves a file with the suffix .failed beside it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_chosen(int fd, const char *order) {
  char suffix[256] = "", link[64], path[PATH_MAX] = "";
  int file = open(order, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t length = read(file, suffix, sizeof suffix - 1);
  close(file);
  if (length <= 0) return length == 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  if (readlink(link, path, sizeof path - 1) <= 0) return 0;
  size_t end = strlen(path);
  return end >= (size_t)length && strcmp(path + end - length, suffix) == 0;
}

static int sync_or_fail(const char *name, int fd) {
  const char *order = getenv("FAILING_FSYNC");
  if (order != NULL && is_chosen(fd, order)) {
    char mark[PATH_MAX];
    snprintf(mark, sizeof mark, "%s.failed", order);
    int file = open(mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file >= 0) close(file);
    errno = EIO;
    return -1;
  }
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  return next(fd);
}

int fsync(int fd) { return sync_or_fail("fsync", fd); }
int fdatasync(int fd) { return sync_or_fail("fdatasync", fd); }
