// The one to beat: two threads that read, look and rename at once, all of it timed, and nothing else: no hot files, no playlists, no
// proof, no report. `pair CAPTURE` moves every file of a flat capture to its hour folder and prints "files nanoseconds".
//
// The bare loops, by one thread, are a part of hotcold (CLiburing/bench.c, Sources/Bench).

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static const char *kind_of(const char *name) {
  const char *dot = strrchr(name, '.');
  if (!dot)
    return NULL;
  if (!strncmp(name, "segment_", 8) && !strcmp(dot, ".ts"))
    return "segments";
  if (strncmp(name, "capture_", 8))
    return NULL;
  if (!strcmp(dot, ".json"))
    return "metadata";
  return strstr(name, "_thumbnail") ? "thumbnails" : "captures";
}

/// The folders of the 24 hours of a kind, made when first needed.
static const int *hour_folders(int root, const char *kind) {
  static struct {
    const char *kind;
    int fds[24];
  } cache[4];
  int slot = 0;
  while (cache[slot].kind && strcmp(cache[slot].kind, kind))
    slot++;
  if (!cache[slot].kind) {
    cache[slot].kind = kind;
    mkdirat(root, kind, 0755);
    int place = openat(root, kind, O_DIRECTORY | O_RDONLY);
    for (int h = 0; h < 24; h++) {
      char name[3];
      snprintf(name, sizeof name, "%d", h);
      mkdirat(place, name, 0755);
      if ((cache[slot].fds[h] = openat(place, name, O_DIRECTORY | O_RDONLY)) < 0)
        fail("openat");
    }
  }
  return cache[slot].fds;
}

static struct timespec start, end;

struct entry {
  uint64_t inode;
  int64_t next;
  uint16_t length;
  uint8_t type;
  char name[];
};

enum { WINDOW_BYTES = 1 << 20, SHARE = 64 };
static struct task {
  const char *name;
  int from;
  const int *hours;
} *tasks;
static long task_count;
static _Atomic long next_task;
static pthread_barrier_t barrier;
static bool is_over;

static void move_tasks(void) {
  for (long first; (first = atomic_fetch_add(&next_task, SHARE)) < task_count;) {
    for (long i = first; i < first + SHARE && i < task_count; i++) {
      struct statx status;
      if (statx(tasks[i].from, tasks[i].name, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_MTIME, &status) < 0)
        fail(tasks[i].name);
      int to = tasks[i].hours[status.stx_mtime.tv_sec / 3600 % 24];
      if (syscall(SYS_renameat2, tasks[i].from, tasks[i].name, to, tasks[i].name, 1 /* RENAME_NOREPLACE */) < 0)
        fail(tasks[i].name);
    }
  }
}

static void *second(void *unused) {
  for (;;) {
    pthread_barrier_wait(&barrier);
    if (is_over)
      return unused;
    move_tasks();
    pthread_barrier_wait(&barrier);
  }
}

static size_t move_folder(int root, int folder) {
  static _Alignas(8) char window[WINDOW_BYTES];
  size_t files = 0;
  for (long filled; (filled = syscall(SYS_getdents64, folder, window, sizeof window)) > 0;) {
    task_count = 0;
    next_task = 0;
    struct entry *entry;
    for (long at = 0; at < filled; at += entry->length) {
      entry = (struct entry *)(window + at);
      const char *kind = entry->type == DT_REG ? kind_of(entry->name) : NULL;
      if (kind)
        tasks[task_count++] = (struct task){entry->name, folder, hour_folders(root, kind)};
    }
    files += task_count;
    pthread_barrier_wait(&barrier);
    move_tasks();
    pthread_barrier_wait(&barrier);
  }
  return files;
}

static size_t move_by_pair(int root, int captures) {
  pthread_t thread;
  tasks = malloc(WINDOW_BYTES / sizeof(struct entry) * sizeof *tasks);
  pthread_barrier_init(&barrier, NULL, 2);
  if (pthread_create(&thread, NULL, second, NULL))
    fail("pthread_create");
  size_t files = move_folder(root, captures) + move_folder(root, root);
  is_over = true;
  pthread_barrier_wait(&barrier);
  pthread_join(thread, NULL);
  return files;
}

int main(int argc, char **argv) {
  if (argc != 2)
    return fprintf(stderr, "usage: pair CAPTURE\n"), 64;
  int root = open(argv[1], O_DIRECTORY | O_RDONLY);
  int captures = openat(root, "captures", O_DIRECTORY | O_RDONLY);
  if (root < 0 || captures < 0)
    fail(argv[1]);
  clock_gettime(CLOCK_MONOTONIC, &start);
  size_t files = move_by_pair(root, captures);
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%zu %lld\n", files,
         (long long)(end.tv_sec - start.tv_sec) * 1000000000 + (end.tv_nsec - start.tv_nsec));
  return 0;
}
