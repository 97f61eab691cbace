// The io_uring half of the shim: set-up by asking the kernel, requests in batches, completions in batches.

#define _GNU_SOURCE
#include "CLiburing.h"
#include "faults.h"

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
#ifdef HC_FAULTS
  hc_completion held[4096];
  uint32_t held_count, reap_calls;
#endif
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

bool hc_ring_kills(void) {
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
  if (hc_ring_kills())
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
      .submission_entries = ring->uring.sq.ring_entries,
      .completion_entries = ring->uring.cq.ring_entries,
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

// A request that does nothing and completes with the errno: it rides in the upper half of its tag (`reap_one`).
static void prepare_failure(struct io_uring_sqe *sqe, uint64_t tag, int32_t error) {
  io_uring_prep_nop(sqe);
  io_uring_sqe_set_data64(sqe, tag | (uint64_t)error << 40);
}

static hc_completion completion_of(const struct io_uring_cqe *cqe) {
  hc_completion completion = {.tag = cqe->user_data, .result = cqe->res};
  uint64_t error = cqe->user_data == UINT64_MAX ? 0 : cqe->user_data >> 40;
  if (error && hc_faults_current()) {
    completion.tag &= (UINT64_C(1) << 40) - 1;
    completion.result = hc_breaks(HC_BREAK_CANCELLED_IS_MOVED) ? 0 : -(int32_t)error;
  }
  return completion;
}

int32_t hc_ring_prepare_rename(hc_ring *ring, int32_t from_dirfd, const char *from_name,
                               int32_t to_dirfd, const char *to_name, uint32_t flags, uint64_t tag) {
  struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
  if (!sqe)
    return -EAGAIN;
  io_uring_prep_renameat(sqe, from_dirfd, from_name, to_dirfd, to_name,
                         hc_breaks(HC_BREAK_REPLACES) ? 0 : flags);
  io_uring_sqe_set_data64(sqe, tag);
  int32_t fault = hc_faults_current() && hc_faults_current()->no_noreplace
                      ? EINVAL
                      : hc_fault(HC_OP_RING_RENAME);
  if (fault)
    prepare_failure(sqe, tag, fault);
  return 0;
}

int32_t hc_ring_prepare_mkdir(hc_ring *ring, int32_t dirfd, const char *name, uint32_t mode,
                              uint64_t tag) {
  struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
  if (!sqe)
    return -EAGAIN;
  io_uring_prep_mkdirat(sqe, dirfd, name, mode);
  io_uring_sqe_set_data64(sqe, tag);
  int32_t fault = hc_fault(HC_OP_MKDIR);
  if (fault)
    prepare_failure(sqe, tag, fault);
  return 0;
}

int32_t hc_ring_prepare_unlink(hc_ring *ring, int32_t dirfd, const char *name, uint64_t tag) {
  struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
  if (!sqe)
    return -EAGAIN;
  io_uring_prep_unlinkat(sqe, dirfd, name, 0);
  io_uring_sqe_set_data64(sqe, tag);
  int32_t fault = hc_fault(HC_OP_UNLINK);
  if (fault)
    prepare_failure(sqe, tag, fault);
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

int32_t hc_ring_submit(hc_ring *ring) {
  HC_FAIL_IF_ASKED(HC_OP_SUBMIT);
  hc_faults *faults = hc_faults_current();
  struct io_uring_sq *queue = &ring->uring.sq;
  unsigned tail = queue->sqe_tail;
  if (faults && faults->small && tail - queue->sqe_head > 1) {
    queue->sqe_tail = queue->sqe_head + 1;
    int32_t result = io_uring_submit_and_get_events(&ring->uring);
    queue->sqe_tail = tail;
    faults->fired++;
    return result;
  }
  return io_uring_submit_and_get_events(&ring->uring);
}

int32_t hc_ring_wait(hc_ring *ring, uint32_t count, uint32_t timeout_ms) {
  HC_FAIL_IF_ASKED(HC_OP_WAIT);
  hc_faults *faults = hc_faults_current();
  if (faults && faults->late)
    count = 1, timeout_ms = 1;
  struct __kernel_timespec timeout = {
      .tv_sec = timeout_ms / 1000,
      .tv_nsec = (long long)(timeout_ms % 1000) * 1000000,
  };
  struct io_uring_cqe *cqe;
  return io_uring_wait_cqes(&ring->uring, &cqe, count, &timeout, NULL);
}

#ifdef HC_FAULTS
// Gives out completions every third time only, the youngest first.
static uint32_t reap_late(hc_ring *ring, hc_completion *completions, uint32_t capacity) {
  struct io_uring_cqe *cqe;
  unsigned head;
  uint32_t seen = 0;
  io_uring_for_each_cqe(&ring->uring, head, cqe) {
    ring->held[ring->held_count++] = completion_of(cqe);
    seen++;
  }
  io_uring_cq_advance(&ring->uring, seen);
  if (++ring->reap_calls % 3)
    return 0;
  uint32_t count = 0;
  while (count < capacity && ring->held_count > 0)
    completions[count++] = ring->held[--ring->held_count];
  hc_faults_current()->fired += count;
  return count;
}
#else
#define reap_late(ring, completions, capacity) 0
#endif

uint32_t hc_ring_reap(hc_ring *ring, hc_completion *completions, uint32_t capacity) {
  if (hc_faults_current() && hc_faults_current()->late)
    return reap_late(ring, completions, capacity);
  struct io_uring_cqe *cqe;
  unsigned head;
  uint32_t count = 0;
  io_uring_for_each_cqe(&ring->uring, head, cqe) {
    if (count == capacity)
      break;
    completions[count++] = completion_of(cqe);
  }
  io_uring_cq_advance(&ring->uring, count);
  return count;
}
