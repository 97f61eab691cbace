// The io_uring half of the shim: set-up by trying what the kernel grants, requests and completions in batches.

#define _GNU_SOURCE
#include "CLiburing.h"

#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct hc_ring {
  struct io_uring uring;
};

static bool supports_path_operations(struct io_uring *uring) {
  struct io_uring_probe *probe = io_uring_get_probe_ring(uring);
  if (!probe)
    return false;
  bool supported = io_uring_opcode_supported(probe, IORING_OP_RENAMEAT) &&
                   io_uring_opcode_supported(probe, IORING_OP_UNLINKAT) &&
                   io_uring_opcode_supported(probe, IORING_OP_MKDIRAT);
  io_uring_free_probe(probe);
  return supported;
}

// DEFER_TASKRUN matters most: path operations run on io-wq workers, and without it a worker interrupts the
// submitter's CPU for every completion (docs/PERFORMANCE.md).
static int set_up(struct io_uring *uring, uint32_t entries, uint32_t *granted) {
  static const uint32_t attempts[] = {
      IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
          IORING_SETUP_DEFER_TASKRUN,
      IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER,
      IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL,
      IORING_SETUP_CLAMP,
  };
  int result = -EINVAL;
  for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
    struct io_uring_params params = {.flags = attempts[i]};
    result = io_uring_queue_init_params(entries, uring, &params);
    if (result == 0)
      *granted = attempts[i];
    if (result != -EINVAL)
      return result;
  }
  return result;
}

/// Whether asking for a ring would kill this process (a seccomp filter with SECCOMP_RET_KILL). A child process tries it,
/// and only if a filter is in force.
static bool ring_kills(void) {
  if (!hc_is_filtered())
    return false;
  pid_t child = fork();
  if (child == 0) {
    struct io_uring_params params = {0};
    long fd = syscall(SYS_io_uring_setup, 1, &params);
    syscall(SYS_io_uring_enter, fd, 0, 0, 0, NULL, 0);
    _exit(0);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status);
}

int32_t hc_ring_open(uint32_t entries, uint32_t workers, hc_ring **out, hc_ring_features *features) {
  if (ring_kills())
    return -EPERM;
  hc_ring *ring = calloc(1, sizeof *ring);
  if (!ring)
    return -ENOMEM;
  uint32_t granted = 0;
  int result = set_up(&ring->uring, entries, &granted);
  if (result < 0) {
    free(ring);
    return result;
  }
  if (!supports_path_operations(&ring->uring)) {
    hc_ring_close(ring);
    return -EOPNOTSUPP;
  }
  unsigned limits[2] = {workers, workers};
  bool bounded = workers > 0 && io_uring_register_iowq_max_workers(&ring->uring, limits) == 0;
  *features = (hc_ring_features){
      .single_issuer = granted & IORING_SETUP_SINGLE_ISSUER,
      .defer_taskrun = granted & IORING_SETUP_DEFER_TASKRUN,
      .submit_all = granted & IORING_SETUP_SUBMIT_ALL,
      .bounded_workers = bounded,
  };
  *out = ring;
  return 0;
}

void hc_ring_close(hc_ring *ring) {
  io_uring_queue_exit(&ring->uring);
  free(ring);
}

int32_t hc_ring_prepare_rename(hc_ring *ring, int32_t from_dirfd, const char *from_name,
                               int32_t to_dirfd, const char *to_name, uint32_t flags, uint64_t tag) {
  struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
  if (!sqe)
    return -EAGAIN;
  io_uring_prep_renameat(sqe, from_dirfd, from_name, to_dirfd, to_name, flags);
  io_uring_sqe_set_data64(sqe, tag);
  return 0;
}

int32_t hc_ring_prepare_mkdir(hc_ring *ring, int32_t dirfd, const char *name, uint32_t mode,
                              uint64_t tag) {
  struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
  if (!sqe)
    return -EAGAIN;
  io_uring_prep_mkdirat(sqe, dirfd, name, mode);
  io_uring_sqe_set_data64(sqe, tag);
  return 0;
}

int32_t hc_ring_prepare_unlink(hc_ring *ring, int32_t dirfd, const char *name, uint64_t tag) {
  struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
  if (!sqe)
    return -EAGAIN;
  io_uring_prep_unlinkat(sqe, dirfd, name, 0);
  io_uring_sqe_set_data64(sqe, tag);
  return 0;
}

int32_t hc_ring_prepare_cancel_all(hc_ring *ring, uint64_t tag) {
  struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
  if (!sqe)
    return -EAGAIN;
  io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
  io_uring_sqe_set_data64(sqe, tag);
  return 0;
}

int32_t hc_ring_submit(hc_ring *ring) { return io_uring_submit_and_get_events(&ring->uring); }

int32_t hc_ring_wait(hc_ring *ring, uint32_t count, uint32_t timeout_ms) {
  struct __kernel_timespec timeout = {
      .tv_sec = timeout_ms / 1000,
      .tv_nsec = (long long)(timeout_ms % 1000) * 1000000,
  };
  struct io_uring_cqe *cqe;
  return io_uring_wait_cqes(&ring->uring, &cqe, count, &timeout, NULL);
}

uint32_t hc_ring_reap(hc_ring *ring, hc_completion *completions, uint32_t capacity) {
  struct io_uring_cqe *cqe;
  unsigned head;
  uint32_t count = 0;
  io_uring_for_each_cqe(&ring->uring, head, cqe) {
    if (count == capacity)
      break;
    completions[count++] = (hc_completion){.tag = cqe->user_data, .result = cqe->res};
  }
  io_uring_cq_advance(&ring->uring, count);
  return count;
}
