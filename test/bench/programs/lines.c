/* `lines BYTES FILE`: writes BYTES of 100-byte lines to standard output, one a write as an unbuffered program does, and then the nanoseconds that took to FILE. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 100 };

int main(int argc, char **argv) {
  char line[LINE];
  struct timespec from, to;
  if (argc != 3) return 2;
  for (int at = 0; at < LINE; at++) line[at] = at == LINE - 1 ? '\n' : (char)('a' + at % 26);
  long long left = atoll(argv[1]);
  clock_gettime(CLOCK_MONOTONIC, &from);
  while (left > 0) {
    ssize_t written = write(1, line, left < LINE ? (size_t)left : (size_t)LINE);
    if (written <= 0) return 1;
    left -= written;
  }
  clock_gettime(CLOCK_MONOTONIC, &to);
  char temporary[4096];
  snprintf(temporary, sizeof temporary, "%s.tmp", argv[2]);
  FILE *file = fopen(temporary, "w");
  if (file == NULL) return 1;
  fprintf(file, "%lld\n", (long long)(to.tv_sec - from.tv_sec) * 1000000000ll + (to.tv_nsec - from.tv_nsec));
  fclose(file);
  return rename(temporary, argv[2]) == 0 ? 0 : 1;
}
