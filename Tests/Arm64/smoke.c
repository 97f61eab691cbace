// The C part alone, on another architecture: smoke FOLDER rings|no-rings
//
// What it prints must be the same on every architecture; what differs goes to standard error. Ends at the first call that does
// not do what it should.

#define _GNU_SOURCE
#include "CLiburing.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

static void fail(int line, const char *what, long long got) {
  printf("FAILED in line %d: %s (%lld)\n", line, what, got);
  exit(1);
}
#define EXPECT(condition) ((condition) ? (void)0 : fail(__LINE__, #condition, errno))
#define EQUAL(call, expected)                                                                                              \
  do {                                                                                                                     \
    long long got = (long long)(call);                                                                                                \
    if (got != (long long)(expected)) fail(__LINE__, #call " is not " #expected, got);                                                \
  } while (0)

static int make_folder(int dirfd, const char *name) {
  EQUAL(hc_mkdirat(dirfd, name, 0755), 0);
  int fd = hc_open_folder(dirfd, name);
  EXPECT(fd >= 0);
  return fd;
}

static void make_file(int dirfd, const char *name, size_t count, int64_t mtime) {
  int fd = hc_create_file(dirfd, name, 0644);
  EXPECT(fd >= 0);
  uint8_t *bytes = malloc(count + 1);
  for (size_t index = 0; index < count; index++) bytes[index] = (uint8_t)(index * 7 + 0x80);
  if (count > 0) EQUAL(hc_write(fd, bytes, count), (long long)count);
  EQUAL(hc_set_mtime(fd, mtime, 999999999), 0);
  EQUAL(hc_close_written(fd), 0);
  free(bytes);
}

// Structures that cross into Swift.
static void print_layouts(void) {
  printf("hc_stat %zu: mtime_ns %zu, inode %zu, mode %zu, blocks %zu\n", sizeof(hc_stat), offsetof(hc_stat, mtime_ns),
         offsetof(hc_stat, inode), offsetof(hc_stat, mode), offsetof(hc_stat, blocks));
  printf("hc_completion %zu, hc_ring_features %zu, hc_file_system %zu, hc_inotify_event %zu, hc_bare_rename %zu\n",
         sizeof(hc_completion), sizeof(hc_ring_features), sizeof(hc_file_system), sizeof(hc_inotify_event),
         sizeof(hc_bare_rename));
  fprintf(stderr, "char is %s, a page has %ld bytes\n", (char)-1 < 0 ? "signed" : "unsigned", sysconf(_SC_PAGESIZE));
}

// Names of all bytes, times before 1970 and after 2106, in windows of several sizes.
static void list_folders(int root) {
  enum { files = 1000 };
  int folder = make_folder(root, "list");
  for (int index = 0; index < files; index++) {
    char name[64];
    snprintf(name, sizeof name, "%c%c_\xff\x80%06d", 0x80 + index % 0x7f, 1 + index % 45, index);
    make_file(folder, name, index % 3, index % 2 ? -1 - index : 5000000000LL + index);
  }
  static const size_t windows[] = {512, 4096, 16384, 65536, 262144};
  for (size_t window = 0; window < sizeof windows / sizeof *windows; window++) {
    uint8_t *bytes = malloc(windows[window]);
    uint64_t names = 0, found = 0, past = 0;
    EXPECT(lseek(folder, 0, SEEK_SET) == 0);
    int64_t filled;
    while ((filled = hc_getdents64(folder, bytes, windows[window])) > 0) {
      for (int64_t at = 0; at < filled;) {
        // getdents64(2): inode, offset, length of the entry (16 bits), type, name.
        uint16_t length;
        memcpy(&length, bytes + at + 16, sizeof length);
        const uint8_t *name = bytes + at + 19;
        size_t count = hc_name_length(name, length - 19);
        if (bytes[at + 18] == HC_TYPE_REGULAR) {
          hc_stat status;
          EQUAL(hc_statx_mtime(folder, (const char *)name, &status), 0);
          EQUAL(status.type, HC_TYPE_REGULAR);
          EQUAL(status.mtime_ns, 999999999);
          EQUAL(hc_statx(folder, (const char *)name, &status), 0);
          EQUAL(status.links, 1);
          past += status.mtime_s < 0;
          found++;
          for (size_t index = 0; index < count; index++) names = names + name[index];
        }
        at += length;
      }
    }
    EQUAL(filled, 0);
    printf("a window of %zu bytes: %llu files, %llu before 1970, sum of names %llu\n", windows[window], (unsigned long long)found,
           (unsigned long long)past, (unsigned long long)names);
    EQUAL(found, files);
    free(bytes);
  }
  hc_close(folder);
}

static void move(int root) {
  int from = make_folder(root, "from"), to = make_folder(root, "to");
  make_file(from, "a", 1, 1), make_file(from, "b", 2, 2), make_file(to, "b", 3, 3);
  hc_stat status;
  EQUAL(hc_rename_noreplace(from, "a", to, "a"), 0);
  EQUAL(hc_rename_noreplace(from, "b", to, "b"), -EEXIST);
  EQUAL(hc_rename_noreplace(from, "none", to, "c"), -ENOENT);
  EQUAL(hc_statx(to, "b", &status), 0);
  EQUAL(status.size, 3);
  EQUAL(hc_link(to, "a", from, "a"), 0);
  EQUAL(hc_link(to, "a", from, "a"), -EEXIST);
  EQUAL(hc_statx_uncached(from, "a", &status), 0);
  EQUAL(status.links, 2);
  EQUAL(hc_unlink(from, "a"), 0);
  EQUAL(hc_rename_replacing(to, "a", "b"), 0);
  EQUAL(hc_statx(to, "b", &status), 0);
  EQUAL(status.size, 1);
  EQUAL(hc_rmdir(root, "to"), -ENOTEMPTY);
  EQUAL(hc_unlink(to, "b"), 0);
  hc_close(to);
  EQUAL(hc_rmdir(root, "to"), 0);
  EXPECT(symlinkat("from", root, "link") == 0);
  int refused = hc_open_folder(root, "link");
  EXPECT(refused == -ELOOP || refused == -ENOTDIR);
  EXPECT(hc_open_folder(root, "none") == -ENOENT && hc_open_file(from, "none") == -ENOENT);
  hc_close(from);
  puts("moves: none replaces, links are refused");
}

// Copies whose ends lie on, before and behind the ends of pages of 4, 16 and 64 KiB.
static void copy(int root) {
  int folder = make_folder(root, "copies");
  static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 16383, 16384, 16385, 65535, 65536, 65537, 300001};
  enum { capacity = 128 * 1024 };
  uint8_t *buffer = aligned_alloc(4096, capacity);
  for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
    char name[32], copied[32];
    snprintf(name, sizeof name, "%zu", sizes[index]);
    snprintf(copied, sizeof copied, "%zu.copy", sizes[index]);
    make_file(folder, name, sizes[index], -12345);
    int source = hc_open_file(folder, name), target = hc_open_unnamed(folder);
    EXPECT(source >= 0 && target >= 0);
    uint64_t offset = 0;
    int64_t count;
    while ((count = hc_read_at(source, buffer, capacity, offset)) > 0) {
      EQUAL(hc_write_at(target, buffer, (size_t)count, offset), 0);
      offset += (uint64_t)count;
    }
    EQUAL(count, 0);
    hc_stat status;
    EQUAL(hc_statx(source, "", &status), 0);
    EQUAL(hc_set_times(target, &status), 0);
    EQUAL(hc_copy_xattrs(source, target), 0);
    EQUAL(hc_link_unnamed(target, folder, copied), 0);
    EQUAL(hc_link_unnamed(target, folder, copied), -EEXIST);
    for (uint64_t at = 0; at < sizes[index];) {
      int64_t equal = hc_compare_data(source, target, at, sizes[index], buffer, capacity);
      EXPECT(equal > 0);
      at += (uint64_t)equal;
    }
    if (sizes[index] > 0) {
      EQUAL(hc_write_at(target, "\x01\x02", 1, sizes[index] - 1), 0);
      int64_t equal = 1;
      for (uint64_t at = 0; at < sizes[index] && equal > 0; at += (uint64_t)equal)
        equal = hc_compare_data(source, target, at, sizes[index], buffer, capacity);
      EQUAL(equal, 0);
    }
    EQUAL(hc_statx(folder, copied, &status), 0);
    EQUAL(status.mtime_s == -12345 || sizes[index] > 0, 1);
    EXPECT(status.size == sizes[index]);
    hc_close(source), hc_close(target);
  }
  int sparse = hc_create_copy(folder, "sparse");
  EXPECT(sparse >= 0);
  EQUAL(hc_set_size(sparse, 1 << 20), 0);
  EQUAL(hc_write_at(sparse, "data", 4, 512 * 1024), 0);
  EXPECT(hc_is_sparse(sparse));
  size_t data = 1 << 20;
  EQUAL(hc_hole_length(sparse, 0, 1 << 20, &data), 512 * 1024);
  hc_close(sparse);
  free(buffer);
  puts("copies: equal to the last byte, and a byte that differs is seen");
}

static void notice_deletion(int root) {
  int folder = make_folder(root, "watched"), watch = hc_inotify_open();
  EXPECT(watch >= 0);
  int32_t number = hc_inotify_watch_deletions(watch, folder);
  EXPECT(number >= 0);
  make_file(folder, "\xe9\xe9", 0, 0);
  EQUAL(hc_unlink(folder, "\xe9\xe9"), 0);
  _Alignas(8) uint8_t buffer[4096];
  int64_t count = hc_read(watch, buffer, sizeof buffer);
  hc_inotify_event event;
  EXPECT(count > 0 && hc_inotify_parse(buffer, (size_t)count, 0, &event));
  EQUAL(event.watch, number);
  EXPECT(memcmp(buffer + event.name_offset, "\xe9\xe9", 3) == 0);
  hc_close(watch), hc_close(folder);
  puts("a deletion is noticed");
}

// Hand-overs between two threads: what one wrote before, the other must see, on processors that reorder, too.
static _Atomic uint32_t turn;
static uint64_t passed_on;
enum { turns = 200000 };
static void other_side(void *context) {
  for (uint32_t index = 0; index < turns; index++) {
    while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != 2 * index + 1) hc_pause();
    if (passed_on != index) *(bool *)context = false;
    passed_on = ~(uint64_t)index;
    __atomic_store_n(&turn, 2 * index + 2, __ATOMIC_RELEASE);
  }
}
static void ring_bell(void *context) {
  hc_bell_ring(*(int *)context);
}
static void use_threads(void) {
  bool isRight = true;
  uint64_t thread = hc_thread_start(other_side, &isRight);
  EXPECT(thread != 0);
  for (uint32_t index = 0; index < turns; index++) {
    passed_on = index;
    __atomic_store_n(&turn, 2 * index + 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != 2 * index + 2) hc_pause();
    EXPECT(passed_on == ~(uint64_t)index);
  }
  hc_thread_join(thread);
  EXPECT(isRight);
  int bell = hc_bell_open();
  thread = hc_thread_start(ring_bell, &bell);
  hc_bell_wait(bell, 10000000000);
  hc_thread_join(thread);
  uint32_t word = 1;
  hc_futex_wait(&word, 2);
  hc_futex_wake(&word);
  puts("threads hand over what they wrote");
}

static void ask_process(int root) {
  hc_file_system file_system;
  EQUAL(hc_statfs(root, &file_system), 0);
  EXPECT(file_system.bytes > 0);
  printf("names of errors: %s, %s, %s\n", hc_errno_name(ENOSPC), hc_errno_name(EXDEV), hc_errno_name(ELOOP));
  hc_zone_use("CET-1CEST,M3.5.0,M10.5.0/3");
  printf("east of Greenwich: %d s in January, %d s in July\n", hc_zone_offset(1767225600), hc_zone_offset(1783080000));
  EXPECT(hc_kernel_is_at_least(4, 0) && !hc_kernel_is_at_least(99, 0));
  EXPECT(hc_processor_count() >= 1 && hc_peak_resident_bytes() > 0 && hc_descriptor_limit() >= 64);
  char folder[4096];
  EQUAL(hc_working_folder(folder, sizeof folder), 0);
  int watch = hc_clock_watch_open();
  EXPECT(watch >= 0 && !hc_clock_watch_fired(watch));
  EXPECT(hc_clock_monotonic_ns() > 0 && hc_clock_boottime_ns() > 0 && hc_clock_realtime_ns() > 1500000000LL * 1000000000);
  hc_signals_install();
  EQUAL(hc_signals_pending(), 0);
  raise(SIGTERM);
  EQUAL(hc_signals_pending(), SIGTERM);
  puts("clocks, zone, limits, signals");
}

static uint32_t complete(hc_ring *ring, hc_completion *completions, uint32_t count) {
  EQUAL(hc_ring_submit(ring), count);
  EQUAL(hc_ring_wait(ring, count, 10000), 0);
  uint32_t reaped = 0;
  while (reaped < count) reaped += hc_ring_reap(ring, completions + reaped, count - reaped);
  return reaped;
}

static void use_ring(int root) {
  enum { requests = 64, rounds = 50 };
  hc_ring *ring;
  hc_ring_features features;
  int opened = hc_ring_open(requests, 4, &ring, &features);
  if (opened != 0) fail(__LINE__, "no ring", opened);
  fprintf(stderr, "a ring: single issuer %d, deferred work %d, all of a batch %d, bounded workers %d\n", features.single_issuer,
          features.defer_taskrun, features.submit_all, features.bounded_workers);
  int from = make_folder(root, "ring-from");
  hc_completion done[requests];
  EQUAL(hc_ring_prepare_mkdir(ring, root, "ring-to", 0755, 7), 0);
  complete(ring, done, 1);
  EXPECT(done[0].tag == 7 && done[0].result == 0);
  int to = hc_open_folder(root, "ring-to");
  EXPECT(to >= 0);
  uint64_t moved = 0, refused = 0, removed = 0, tags = 0;
  for (int round = 0; round < rounds; round++) {
    char names[requests][32];
    for (int index = 0; index < requests; index++) {
      snprintf(names[index], sizeof names[index], "\xc3%d_%d", round, index);
      make_file(from, names[index], 1, 0);
      if (index % 8 == 0) make_file(to, names[index], 2, 0);
      EQUAL(hc_ring_prepare_rename(ring, from, names[index], to, names[index], hc_flag_noreplace(), (uint64_t)index << 40), 0);
    }
    EQUAL(hc_ring_prepare_unlink(ring, from, "none", 0), -EAGAIN);
    complete(ring, done, requests);
    for (int index = 0; index < requests; index++) {
      moved += done[index].result == 0, refused += done[index].result == -EEXIST, tags += done[index].tag >> 40;
    }
    for (int index = 0; index < requests; index += 8) EQUAL(hc_ring_prepare_unlink(ring, from, names[index], 1), 0);
    complete(ring, done, requests / 8);
    for (int index = 0; index < requests / 8; index++) removed += done[index].result == 0;
  }
  EQUAL(hc_ring_wait(ring, 1, 1), -ETIME);
  printf("ring: %llu moved, %llu refused, %llu removed, sum of tags %llu\n", (unsigned long long)moved, (unsigned long long)refused,
         (unsigned long long)removed, (unsigned long long)tags);
  hc_ring_close(ring);
}

int main(int count, char **arguments) {
  if (count != 3) return 64;
  int root = hc_open_path(arguments[1]);
  EXPECT(root >= 0);
  print_layouts();
  list_folders(root);
  move(root);
  copy(root);
  notice_deletion(root);
  use_threads();
  ask_process(root);
  if (strcmp(arguments[2], "rings") == 0) {
    use_ring(root);
  } else {
    hc_ring *ring;
    hc_ring_features features;
    fprintf(stderr, "a ring is answered by %s\n", hc_errno_name(-hc_ring_open(8, 1, &ring, &features)));
  }
  puts("all as it should be");
}
