/*
 * A poor link between two network namespaces: narrow, slow and lossy, packet by packet, so that TCP on both
 * sides meets it. What `tc netem` does, where the kernel has none: a TUN device in each namespace, and this
 * program between the two. Needs root, and /dev/net/tun.
 *
 *   poor-link NAMESPACE_A NAMESPACE_B DEVICE BYTES_PER_SECOND LOSS_PERCENT DELAY_MS QUEUE_MS SEED
 *
 * BYTES_PER_SECOND and DELAY_MS are of each direction. A packet first waits for its turn, at most QUEUE_MS (one
 * that would wait longer is dropped, as by a full modem), takes its length in time, is lost by chance, and
 * arrives DELAY_MS later; order is kept. Prints a line when both devices are there; on SIGTERM, what passed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX 2048

struct packet {
  struct packet *next;
  double due_ms;
  size_t length;
  unsigned char bytes[];
};

struct direction {
  int from, to;
  double busy_until_ms;
  struct packet *head, **tail;
  unsigned long sent, lost, dropped;
};

static volatile sig_atomic_t ending;
static double bytes_per_ms, loss, delay_ms, queue_ms;
static uint64_t chance;

static void end(int signal) { (void)signal; ending = 1; }

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* splitmix64: the same losses for the same packets with the same seed. */
static double unit(void) {
  uint64_t z = (chance += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return ((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

/* A device belongs to the namespace in which it was made; its descriptor works from anywhere. */
static int device_in(const char *namespace, const char *name) {
  char path[256];
  snprintf(path, sizeof path, "/run/netns/%s", namespace);
  int space = open(path, O_RDONLY | O_CLOEXEC);
  if (space < 0 || setns(space, CLONE_NEWNET) < 0) fail(path);
  close(space);
  int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (device < 0) fail("/dev/net/tun");
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(device, TUNSETIFF, &request) < 0) fail("TUNSETIFF");
  return device;
}

static void take(struct direction *d) {
  static unsigned char bytes[PACKET_MAX];
  for (ssize_t length; (length = read(d->from, bytes, sizeof bytes)) > 0;) {
    double now = now_ms(), start = d->busy_until_ms > now ? d->busy_until_ms : now;
    if (start - now > queue_ms) { d->dropped++; continue; }
    d->busy_until_ms = start + length / bytes_per_ms;
    if (unit() < loss) { d->lost++; continue; }
    struct packet *packet = malloc(sizeof *packet + length);
    if (packet == NULL) fail("malloc");
    packet->next = NULL;
    packet->due_ms = d->busy_until_ms + delay_ms;
    packet->length = length;
    memcpy(packet->bytes, bytes, length);
    *d->tail = packet;
    d->tail = &packet->next;
  }
}

static void deliver(struct direction *d, double now) {
  while (d->head != NULL && d->head->due_ms <= now) {
    struct packet *packet = d->head;
    /* A device that is down refuses it: lost, too. */
    if (write(d->to, packet->bytes, packet->length) > 0) d->sent++;
    else d->lost++;
    d->head = packet->next;
    if (d->head == NULL) d->tail = &d->head;
    free(packet);
  }
}

static void show(const char *name, const struct direction *d) {
  printf("\"%s\":{\"sent\":%lu,\"lost\":%lu,\"dropped\":%lu}", name, d->sent, d->lost, d->dropped);
}

int main(int argc, char **argv) {
  if (argc != 9) {
    fputs("usage: poor-link NAMESPACE_A NAMESPACE_B DEVICE BYTES_PER_SECOND LOSS_PERCENT DELAY_MS QUEUE_MS SEED\n", stderr);
    return 2;
  }
  bytes_per_ms = atof(argv[4]) / 1e3;
  loss = atof(argv[5]) / 100;
  delay_ms = atof(argv[6]);
  queue_ms = atof(argv[7]);
  chance = strtoull(argv[8], NULL, 10);
  int a = device_in(argv[1], argv[3]), b = device_in(argv[2], argv[3]);
  struct direction up = {.from = a, .to = b}, down = {.from = b, .to = a};
  up.tail = &up.head;
  down.tail = &down.head;
  struct sigaction action = {.sa_handler = end};
  sigaction(SIGTERM, &action, NULL);
  puts("ready");
  fflush(stdout);
  while (!ending) {
    double now = now_ms(), next = now + 1000;
    if (up.head != NULL && up.head->due_ms < next) next = up.head->due_ms;
    if (down.head != NULL && down.head->due_ms < next) next = down.head->due_ms;
    double wait = next > now ? next - now : 0;
    struct timespec timeout = {wait / 1e3, (long)(wait * 1e6) % 1000000000};
    struct pollfd devices[] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
    if (ppoll(devices, 2, &timeout, NULL) < 0 && errno != EINTR) fail("ppoll");
    take(&up);
    take(&down);
    deliver(&up, now_ms());
    deliver(&down, now_ms());
  }
  putchar('{');
  show("up", &up);
  putchar(',');
  show("down", &down);
  puts("}");
  return 0;
}
