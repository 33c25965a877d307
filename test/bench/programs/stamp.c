/* `stamp FILE`: notes in FILE.start when its first instruction ran, waits, and on SIGTERM notes in FILE.end when it ended. CLOCK_MONOTONIC, nanoseconds. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char start_file[4096];
static char end_file[4096];

static void now(struct timespec *at) { clock_gettime(CLOCK_MONOTONIC, at); }

/* Digits by hand: printf is not to be called in a signal handler. */
static void note(const char *file, const struct timespec *at) {
  char text[32];
  int end = sizeof text;
  unsigned long long value = (unsigned long long)at->tv_sec * 1000000000ull + (unsigned long long)at->tv_nsec;
  text[--end] = '\n';
  do {
    text[--end] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || write(fd, text + end, sizeof text - (size_t)end) < 0) _exit(1);
  close(fd);
}

static void finish(int signal) {
  (void)signal;
  struct timespec at;
  now(&at);
  note(end_file, &at);
  _exit(0);
}

int main(int argc, char **argv) {
  struct timespec at;
  now(&at);
  if (argc != 2) return 2;
  snprintf(start_file, sizeof start_file, "%s.start", argv[1]);
  snprintf(end_file, sizeof end_file, "%s.end", argv[1]);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = finish;
  sigaction(SIGTERM, &action, NULL);
  note(start_file, &at);
  for (;;) pause();
}
