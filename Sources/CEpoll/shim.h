#ifndef ACKSCOPE_CEPOLL_H
#define ACKSCOPE_CEPOLL_H

// Swift's own module over the C library leaves epoll out.
#ifdef __linux__
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

// Waits with a limit in nanoseconds, which no limit of epoll_wait's comes near; in milliseconds on kernels before 5.11.
// A negative limit waits for ever.
static inline int ackscope_epoll_wait(int queue, struct epoll_event *events, int count, long long nanoseconds) {
  if (nanoseconds <= 0) return epoll_wait(queue, events, count, nanoseconds < 0 ? -1 : 0);
  struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  int found = epoll_pwait2(queue, events, count, &limit, 0);
  if (found < 0 && errno == ENOSYS) {
    found = epoll_wait(queue, events, count, (int)((nanoseconds + 999999) / 1000000));
  }
  return found;
}
#endif

#endif
