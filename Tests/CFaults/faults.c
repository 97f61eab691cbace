// The one seam for faults. The linker puts `__wrap_NAME` in the place of NAME in the tests' binary alone (`--wrap` in
// Package.swift), and refuses to link if the list there and the one here differ. What is shipped knows nothing of it.

#include "CFaults.h"
#include "CLiburing.h"

#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One thread owns a ring.
static _Thread_local hc_faults *current;
static _Thread_local hc_completion held[512];
static _Thread_local uint32_t held_count, reap_calls;

void hc_faults_use(hc_faults *faults) {
  current = faults;
  held_count = reap_calls = 0;
}

/// The errno (positive) that this call of an operation is to fail with, or 0.
static int32_t fault(enum hc_operation operation) {
  if (!current || current->operation != (int32_t)operation)
    return 0;
  uint32_t call = __atomic_add_fetch(&current->calls, 1, __ATOMIC_RELAXED);
  if (call != current->first && !(current->forever && call > current->first))
    return 0;
  __atomic_add_fetch(&current->fired, 1, __ATOMIC_RELAXED);
  return current->error;
}

#define WRAPPED(result, name, parameters)                                                                              \
  result __real_##name parameters;                                                                                     \
  result __wrap_##name parameters;                                                                                     \
  result __wrap_##name parameters

#define FAILING(operation, result, name, parameters, arguments)                                                        \
  WRAPPED(result, name, parameters) {                                                                                  \
    int32_t error = fault(operation);                                                                                  \
    return error ? -error : __real_##name arguments;                                                                   \
  }

FAILING(HC_OP_RENAME, int32_t, hc_rename_replacing, (int32_t dirfd, const char *from, const char *to),
        (dirfd, from, to))
FAILING(HC_OP_LINK, int32_t, hc_link, (int32_t from_dirfd, const char *from, int32_t to_dirfd, const char *to),
        (from_dirfd, from, to_dirfd, to))
FAILING(HC_OP_UNLINK, int32_t, hc_unlink, (int32_t dirfd, const char *name), (dirfd, name))
FAILING(HC_OP_UNLINK, int32_t, hc_rmdir, (int32_t dirfd, const char *name), (dirfd, name))
FAILING(HC_OP_MKDIR, int32_t, hc_mkdirat, (int32_t dirfd, const char *name, uint32_t mode), (dirfd, name, mode))
FAILING(HC_OP_STATX, int32_t, hc_statx, (int32_t dirfd, const char *name, hc_stat *out), (dirfd, name, out))
FAILING(HC_OP_STATX, int32_t, hc_statx_uncached, (int32_t dirfd, const char *name, hc_stat *out), (dirfd, name, out))
FAILING(HC_OP_STATX, int32_t, hc_statx_mtime, (int32_t dirfd, const char *name, hc_stat *out), (dirfd, name, out))
FAILING(HC_OP_OPENAT2, int32_t, hc_open_folder, (int32_t dirfd, const char *name), (dirfd, name))
FAILING(HC_OP_OPENAT2, int32_t, hc_open_file, (int32_t dirfd, const char *name), (dirfd, name))
FAILING(HC_OP_SYNCFS, int32_t, hc_syncfs, (int32_t fd), (fd))
FAILING(HC_OP_SYNCFS, int32_t, hc_fsync, (int32_t fd), (fd))
FAILING(HC_OP_READ, int64_t, hc_read, (int32_t fd, void *buffer, size_t capacity), (fd, buffer, capacity))
FAILING(HC_OP_CREATE, int32_t, hc_create_file, (int32_t dirfd, const char *name, uint32_t mode), (dirfd, name, mode))
FAILING(HC_OP_WRITE, int64_t, hc_write, (int32_t fd, const void *bytes, size_t count), (fd, bytes, count))
WRAPPED(int32_t, hc_close_written, (int32_t fd)) {
  int32_t error = fault(HC_OP_CLOSE);
  int32_t result = __real_hc_close_written(fd);
  return error ? -error : result;
}
WRAPPED(int32_t, hc_open_unnamed, (int32_t dirfd)) {
  if (current && current->no_unnamed)
    return -EOPNOTSUPP;
  int32_t error = fault(HC_OP_CREATE);
  return error ? -error : __real_hc_open_unnamed(dirfd);
}
FAILING(HC_OP_CREATE, int32_t, hc_create_copy, (int32_t dirfd, const char *name), (dirfd, name))
FAILING(HC_OP_LINK, int32_t, hc_link_unnamed, (int32_t fd, int32_t dirfd, const char *name), (fd, dirfd, name))
FAILING(HC_OP_READ, int64_t, hc_hole_length, (int32_t fd, uint64_t offset, uint64_t end, size_t *data),
        (fd, offset, end, data))
FAILING(HC_OP_READ, int64_t, hc_read_at, (int32_t fd, void *buffer, size_t count, uint64_t offset),
        (fd, buffer, count, offset))
FAILING(HC_OP_WRITE, int32_t, hc_write_at, (int32_t fd, const void *buffer, size_t count, uint64_t offset),
        (fd, buffer, count, offset))
FAILING(HC_OP_WRITE, int32_t, hc_set_size, (int32_t fd, uint64_t size), (fd, size))
FAILING(HC_OP_READ, int32_t, hc_compare_data,
        (int32_t left, int32_t right, uint64_t offset, uint64_t end, void *buffer, size_t capacity),
        (left, right, offset, end, buffer, capacity))
FAILING(HC_OP_CHANGE, int32_t, hc_copy_xattrs, (int32_t from, int32_t to), (from, to))
FAILING(HC_OP_CHANGE, int32_t, hc_set_times, (int32_t fd, const hc_stat *status), (fd, status))
FAILING(HC_OP_LEASE, int32_t, hc_lease_read, (int32_t fd), (fd))
FAILING(HC_OP_CHANGE, int32_t, hc_fchown, (int32_t fd, uint32_t uid, uint32_t gid), (fd, uid, gid))
FAILING(HC_OP_CHANGE, int32_t, hc_fchmod, (int32_t fd, uint32_t mode), (fd, mode))

WRAPPED(int32_t, hc_rename_noreplace, (int32_t from_dirfd, const char *from, int32_t to_dirfd, const char *to)) {
  int32_t error = fault(HC_OP_RENAME);
  if (error)
    return -error;
  if (current && current->no_noreplace)
    return -EINVAL;
  if (current && current->before_rename_from) {
    rename(current->before_rename_from, current->before_rename_to);
    current->before_rename_from = NULL;
  }
  return __real_hc_rename_noreplace(from_dirfd, from, to_dirfd, to);
}

WRAPPED(int32_t, hc_statfs, (int32_t fd, hc_file_system *out)) {
  int32_t result = __real_hc_statfs(fd, out);
  if (current && current->no_noreplace)
    out->magic = 0;
  return result;
}

WRAPPED(void, hc_sleep_us, (uint32_t microseconds)) {
  __real_hc_sleep_us(microseconds);
  FILE *file = current && current->written_meanwhile ? fopen(current->written_meanwhile, "a") : NULL;
  if (!file)
    return;
  current->fired++;
  fputs("more", file);
  fclose(file);
}

// struct linux_dirent64, getdents64(2): d_reclen at 16, d_type at 18.
static void hide_types(char *entries, int64_t bytes) {
  for (int64_t offset = 0; offset < bytes;) {
    uint16_t length;
    memcpy(&length, entries + offset + 16, sizeof length);
    entries[offset + 18] = HC_TYPE_UNKNOWN;
    offset += length;
  }
}

WRAPPED(int64_t, hc_getdents64, (int32_t fd, void *buffer, size_t capacity)) {
  int32_t error = fault(HC_OP_GETDENTS);
  if (error)
    return -error;
  int64_t count = __real_hc_getdents64(fd, buffer, capacity);
  if (current && current->no_types)
    hide_types(buffer, count);
  return count;
}

// ---------------------------------------------------------------------------------------------- ring

// A request that fails is made without a folder, so that it is never executed. The errno rides in the upper half of its
// tag (`told`).
static const int32_t no_folder = -1;
static const int error_shift = 40;

static uint64_t tagged(uint64_t tag, int32_t error) { return tag | (uint64_t)error << error_shift; }

static hc_completion told(hc_completion completion) {
  uint64_t error = completion.tag == UINT64_MAX ? 0 : completion.tag >> error_shift;
  if (error) {
    completion.tag &= (UINT64_C(1) << error_shift) - 1;
    completion.result = -(int32_t)error;
  }
  return completion;
}

WRAPPED(int32_t, hc_ring_prepare_rename,
        (hc_ring * ring, int32_t from_dirfd, const char *from, int32_t to_dirfd, const char *to, uint32_t flags,
         uint64_t tag)) {
  int32_t error = current && current->no_noreplace ? EINVAL : fault(HC_OP_RING_RENAME);
  return __real_hc_ring_prepare_rename(ring, error ? no_folder : from_dirfd, from, error ? no_folder : to_dirfd, to,
                                       flags, tagged(tag, error));
}

WRAPPED(int32_t, hc_ring_prepare_mkdir,
        (hc_ring * ring, int32_t dirfd, const char *name, uint32_t mode, uint64_t tag)) {
  int32_t error = fault(HC_OP_MKDIR);
  return __real_hc_ring_prepare_mkdir(ring, error ? no_folder : dirfd, name, mode, tagged(tag, error));
}

WRAPPED(int32_t, hc_ring_prepare_unlink, (hc_ring * ring, int32_t dirfd, const char *name, uint64_t tag)) {
  int32_t error = fault(HC_OP_UNLINK);
  return __real_hc_ring_prepare_unlink(ring, error ? no_folder : dirfd, name, tagged(tag, error));
}

WRAPPED(int, io_uring_submit_and_get_events, (struct io_uring * ring)) {
  int32_t error = fault(HC_OP_SUBMIT);
  if (error)
    return -error;
  struct io_uring_sq *queue = &ring->sq;
  unsigned tail = queue->sqe_tail;
  if (!current || !current->small || tail - queue->sqe_head <= 1)
    return __real_io_uring_submit_and_get_events(ring);
  queue->sqe_tail = queue->sqe_head + 1;
  int result = __real_io_uring_submit_and_get_events(ring);
  queue->sqe_tail = tail;
  current->fired++;
  return result;
}

WRAPPED(int32_t, hc_ring_wait, (hc_ring * ring, uint32_t count, uint32_t timeout_ms)) {
  int32_t error = fault(HC_OP_WAIT);
  if (error)
    return -error;
  bool is_late = current && current->late;
  return __real_hc_ring_wait(ring, is_late ? 1 : count, is_late ? 1 : timeout_ms);
}

uint32_t __real_hc_ring_reap(hc_ring *ring, hc_completion *completions, uint32_t capacity);

// Gives out completions every third time only, the youngest first.
static uint32_t reap_late(hc_ring *ring, hc_completion *completions, uint32_t capacity) {
  held_count += __real_hc_ring_reap(ring, held + held_count, sizeof held / sizeof *held - held_count);
  if (++reap_calls % 3)
    return 0;
  uint32_t count = 0;
  while (count < capacity && held_count > 0)
    completions[count++] = held[--held_count];
  current->fired += count;
  return count;
}

WRAPPED(uint32_t, hc_ring_reap, (hc_ring * ring, hc_completion *completions, uint32_t capacity)) {
  bool is_late = current && current->late;
  uint32_t count = (is_late ? reap_late : __real_hc_ring_reap)(ring, completions, capacity);
  for (uint32_t i = 0; i < count; i++)
    completions[i] = told(completions[i]);
  return count;
}

// ------------------------------------------------------------------------------------------- threads

struct thread_call {
  void (*body)(void *);
  void *context;
  hc_faults *faults;
};

static void run_thread(void *argument) {
  struct thread_call call = *(struct thread_call *)argument;
  free(argument);
  hc_faults_use(call.faults);
  call.body(call.context);
}

WRAPPED(uint64_t, hc_thread_start, (void (*body)(void *), void *context)) {
  if (fault(HC_OP_THREAD))
    return 0;
  struct thread_call *call = malloc(sizeof *call);
  *call = (struct thread_call){body, context, current};
  uint64_t thread = __real_hc_thread_start(run_thread, call);
  if (!thread)
    free(call);
  return thread;
}
