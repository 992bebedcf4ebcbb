/*
 * MLLP load: connections that send one ADT^A01, wait for its reply, and send the next.
 *
 * In C, so that on two cores the processor time goes to what is measured. Speaks only what it must: a
 * reply is whole when FS CR ends it, and must be positive. A block that the socket does not take at once
 * goes on when there is room, so that large ones arrive on all connections at the same time.
 *
 *   load PORT CONNECTIONS SECONDS BYTES RATE     RATE: messages a second over all, 0: as fast as replies come
 *
 * Prints one line of JSON: acknowledged, seconds, perSecond, p50Ms, p99Ms, maxMs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define ID_DIGITS 12
/* The head below has 92. */
#define HEAD_MAX 128

/* HEAD is the block up to and with the control id, the only part in which blocks differ; DONE: bytes written. */
struct sender { int fd; double sent, due; int waiting, blocked; size_t done; char head[HEAD_MAX]; };

static int epoll;
static char *block;
static size_t block_size, head_size;
static unsigned long long next_id;
static double *latencies;
static size_t latency_count, latency_room;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void die(const char *what) { perror(what); exit(69); }

static void make_block(size_t bytes) {
  const char *head = "MSH|^~\\&|BENCH|FAC|CLOUD|FAC|20260101120000||ADT^A01^ADT_A01|000000000000|P|2.5\r"
                     "EVN|A01|20260101120000\rPID|1||MRN0001^^^FAC||DOE^JANE||19800101|F\rPV1|1|I\rNTE|1||";
  size_t fixed = strlen(head), filler = bytes > fixed + 1 ? bytes - fixed - 1 : 0;
  block_size = 1 + fixed + filler + 1 + 2;
  block = malloc(block_size);
  block[0] = 0x0b;
  memcpy(block + 1, head, fixed);
  memset(block + 1 + fixed, 'x', filler);
  memcpy(block + 1 + fixed + filler, "\r\x1c\r", 3);
  head_size = strstr(block + 1, "|000000000000|") + 1 + ID_DIGITS - block;
}

/* Waits for room in the socket only while a block is under way: a ready socket would wake us all the time. */
static void watch(struct sender *s, int blocked) {
  if (s->blocked == blocked) return;
  s->blocked = blocked;
  struct epoll_event e = { .events = blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = s };
  if (epoll_ctl(epoll, EPOLL_CTL_MOD, s->fd, &e)) die("epoll_ctl");
}

static void send_more(struct sender *s) {
  while (s->done < block_size) {
    struct iovec parts[2];
    size_t count = 0;
    if (s->done < head_size)
      parts[count++] = (struct iovec){ s->head + s->done, head_size - s->done };
    size_t from = s->done < head_size ? head_size : s->done;
    parts[count++] = (struct iovec){ block + from, block_size - from };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = count };
    ssize_t n = sendmsg(s->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (n <= 0) die("send");
    s->done += n;
  }
  watch(s, s->done < block_size);
}

static void send_next(struct sender *s) {
  char id[ID_DIGITS + 1];
  snprintf(id, sizeof id, "%012llu", next_id++);
  memcpy(s->head, block, head_size - ID_DIGITS);
  memcpy(s->head + head_size - ID_DIGITS, id, ID_DIGITS);
  s->sent = now();
  s->waiting = 1;
  s->done = 0;
  send_more(s);
}

static void note(double latency) {
  if (latency_count == latency_room) {
    latency_room = latency_room ? latency_room * 2 : 65536;
    latencies = realloc(latencies, latency_room * sizeof *latencies);
  }
  latencies[latency_count++] = latency;
}

/* Returns whether a whole positive reply came. Replies are small: one read brings one. */
static int receive(struct sender *s) {
  char reply[4096];
  ssize_t n = recv(s->fd, reply, sizeof reply, 0);
  if (n <= 0) die("the agent closed a connection");
  if (reply[n - 1] != 0x0d || reply[n - 2] != 0x1c) return 0;
  if (!memmem(reply, n, "MSA|AA|", 7)) { fprintf(stderr, "a reply was not positive\n"); exit(65); }
  s->waiting = 0;
  note(now() - s->sent);
  return 1;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
  if (argc != 6) { fprintf(stderr, "usage: load PORT CONNECTIONS SECONDS BYTES RATE\n"); return 64; }
  int count = atoi(argv[2]);
  double seconds = atof(argv[3]), rate = atof(argv[5]), interval = rate > 0 ? count / rate : 0;
  make_block(atol(argv[4]));
  next_id = (unsigned long long)time(NULL) % 100000 * 10000000ULL;
  struct sender *senders = calloc(count, sizeof *senders);
  int alive = 0;
  epoll = epoll_create1(0);
  for (int i = 0; i < count; i++) {
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])) };
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to)) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = &senders[i] };
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
    senders[i].fd = fd;
  }
  double start = now(), until = start + seconds;
  for (int i = 0; i < count; i++) senders[i].due = start + interval * i / count;
  if (interval == 0) for (int i = 0; i < count; i++) { send_next(&senders[i]); alive++; }
  while (interval > 0 || alive > 0) {
    double t = now(), soonest = until;
    if (interval > 0) {
      alive = 0;
      for (int i = 0; i < count; i++) {
        struct sender *s = &senders[i];
        if (!s->waiting && t >= s->due && t < until) { s->due += interval; send_next(s); }
        if (s->waiting) alive = 1; else if (s->due < soonest) soonest = s->due;
      }
      if (t >= until && !alive) break;
    }
    int wait = interval > 0 && soonest > t ? (int)((soonest - t) * 1000) : interval > 0 ? 1 : 1000;
    /* Among many senders somebody is due within the millisecond, always: waiting by turning would take a core. */
    if (wait == 0 && count >= 100) wait = 1;
    struct epoll_event events[256];
    int n = epoll_wait(epoll, events, 256, wait);
    for (int i = 0; i < n; i++) {
      struct sender *s = events[i].data.ptr;
      if (events[i].events & EPOLLOUT) send_more(s);
      if (!(events[i].events & ~EPOLLOUT)) continue;
      if (!receive(s) || interval > 0) continue;
      if (now() < until) send_next(s); else alive--;
    }
  }
  double elapsed = now() - start;
  qsort(latencies, latency_count, sizeof *latencies, by_value);
  printf("{\"acknowledged\":%zu,\"seconds\":%.3f,\"perSecond\":%.0f,\"p50Ms\":%.4f,\"p99Ms\":%.4f,\"maxMs\":%.4f}\n",
         latency_count, elapsed, latency_count / elapsed, latencies[latency_count / 2] * 1e3,
         latencies[latency_count * 99 / 100] * 1e3, latencies[latency_count - 1] * 1e3);
  return 0;
}
