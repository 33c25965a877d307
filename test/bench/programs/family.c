/* `family SHAPE FILE`: makes a child of the given shape and waits. The parent and the child each add their pid to FILE.pids as one line. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char pids_file[4096];

static void note_pid(void) {
  char line[32];
  int length = snprintf(line, sizeof line, "%d\n", (int)getpid());
  int fd = open(pids_file, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (fd < 0 || write(fd, line, (size_t)length) < 0) _exit(1);
  close(fd);
}

static void wait_forever(void) {
  for (;;) pause();
}

static void ignore_signals(void) {
  signal(SIGTERM, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
}

static void be_child(const char *shape, char **argv) {
  int is_deaf = strstr(shape, "deaf") != NULL;
  if (strstr(shape, "setsid") != NULL) setsid();
  if (strstr(shape, "twice") != NULL && fork() != 0) _exit(0);
  if (is_deaf) ignore_signals();
  if (strstr(shape, "closed") != NULL)
    for (int fd = 0; fd < 3; fd++) close(fd);
  if (strstr(shape, "bare") != NULL) {
    char *nothing[] = {NULL};
    char *again[] = {argv[0], "alone", argv[2], NULL};
    execve(argv[0], again, nothing);
    _exit(1);
  }
  note_pid();
  wait_forever();
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  snprintf(pids_file, sizeof pids_file, "%s.pids", argv[2]);
  if (strcmp(argv[1], "alone") != 0 && fork() == 0) be_child(argv[1], argv);
  note_pid();
  wait_forever();
}
