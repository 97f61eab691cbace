// The floor: what the kernel needs for the renames alone. Everything else (listing, statx, the hour of each
// file, making folders) is done before the clock starts; the timed loop does nothing but renameat2(2).
//
//     floor CAPTURE         moves every file of a flat capture to its hour folder, prints "files nanoseconds"
//     floor --look CAPTURE  moves nothing: the time of getdents64(2) and statx(2) alone, what a dry run needs
//     floor --pair CAPTURE  the one to beat: two threads that read, look and rename at once, all of it timed; no hot
//                           files, no playlists, no proof, no report

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

struct move {
  int from;
  int to;
  char *name;
};

static struct move *moves;
static size_t count, capacity;

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

static void read_folder(int root, int folder) {
  DIR *stream = fdopendir(openat(folder, ".", O_DIRECTORY | O_RDONLY));
  if (!stream)
    fail("fdopendir");
  for (struct dirent *entry; (entry = readdir(stream));) {
    const char *kind = entry->d_type == DT_REG ? kind_of(entry->d_name) : NULL;
    struct stat status;
    if (!kind || fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
      continue;
    if (count == capacity)
      moves = realloc(moves, (capacity = capacity ? 2 * capacity : 1024) * sizeof *moves);
    int hour = (int)(status.st_mtime / 3600 % 24);
    moves[count++] = (struct move){folder, hour_folders(root, kind)[hour], strdup(entry->d_name)};
  }
  closedir(stream);
}

static struct timespec start, end;

static int print_time(size_t files) {
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%zu %lld\n", files,
         (long long)(end.tv_sec - start.tv_sec) * 1000000000 + (end.tv_nsec - start.tv_nsec));
  return 0;
}

struct entry {
  uint64_t inode;
  int64_t next;
  uint16_t length;
  uint8_t type;
  char name[];
};

static size_t look(int folder) {
  static _Alignas(8) char window[64 << 10];
  size_t files = 0;
  for (long filled; (filled = syscall(SYS_getdents64, folder, window, sizeof window)) > 0;) {
    struct entry *entry;
    for (long at = 0; at < filled; at += entry->length) {
      entry = (struct entry *)(window + at);
      struct statx status;
      if (entry->type != DT_REG)
        continue;
      if (statx(folder, entry->name, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_MTIME, &status) < 0)
        fail(entry->name);
      files++;
    }
  }
  return files;
}

// ------------------------------------------------------------------------------------------------ pair

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
  bool looks = argc == 3 && !strcmp(argv[1], "--look");
  bool pairs = argc == 3 && !strcmp(argv[1], "--pair");
  if (argc != 2 && !looks && !pairs)
    return fprintf(stderr, "usage: floor [--look|--pair] CAPTURE\n"), 64;
  argv += looks || pairs;
  int root = open(argv[1], O_DIRECTORY | O_RDONLY);
  int captures = openat(root, "captures", O_DIRECTORY | O_RDONLY);
  if (root < 0 || captures < 0)
    fail(argv[1]);
  if (looks) {
    clock_gettime(CLOCK_MONOTONIC, &start);
    size_t files = look(captures) + look(root);
    return print_time(files);
  }
  if (pairs) {
    clock_gettime(CLOCK_MONOTONIC, &start);
    size_t files = move_by_pair(root, captures);
    return print_time(files);
  }
  // The order of a migration: it reads the captures first.
  read_folder(root, captures);
  read_folder(root, root);

  clock_gettime(CLOCK_MONOTONIC, &start);
  for (size_t i = 0; i < count; i++) {
    if (syscall(SYS_renameat2, moves[i].from, moves[i].name, moves[i].to, moves[i].name,
                1 /* RENAME_NOREPLACE */) < 0)
      fail(moves[i].name);
  }
  return print_time(count);
}
