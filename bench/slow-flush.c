/*
 * A slow disk: preloaded, it lets each flush of a file below a folder take a given time at least.
 *
 *   LD_PRELOAD=slow-flush.so SLOW_FLUSH_FOLDER=/absolute/folder SLOW_FLUSH_MS=10 program
 *
 * The real flush is made; what is missing of the time is slept. One flush at a time, as one disk does it:
 * two threads that flush wait for each other. Covers fsync and fdatasync, which is all that SQLite and
 * Node call here; a file opened with O_SYNC would slip through.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS 1000000L
#define NS_PER_S 1000000000L

static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;

static int is_slow(int fd) {
  const char *folder = getenv("SLOW_FLUSH_FOLDER");
  char link[32], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = folder ? readlink(link, path, sizeof path) : -1;
  size_t wanted = folder ? strlen(folder) : 0;
  return length > 0 && (size_t)length >= wanted && memcmp(path, folder, wanted) == 0;
}

static int flushed(long call, int fd) {
  if (!is_slow(fd)) return syscall(call, fd);
  const char *ms = getenv("SLOW_FLUSH_MS");
  pthread_mutex_lock(&disk);
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  long ns = until.tv_nsec + (long)(atof(ms ? ms : "0") * NS_PER_MS);
  until.tv_sec += ns / NS_PER_S;
  until.tv_nsec = ns % NS_PER_S;
  int result = syscall(call, fd), error = errno;
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {}
  pthread_mutex_unlock(&disk);
  errno = error;
  return result;
}

int fsync(int fd) { return flushed(SYS_fsync, fd); }
int fdatasync(int fd) { return flushed(SYS_fdatasync, fd); }
