// What a benchmark needs: the bare loops of system calls that everything else is measured against, and runs of the program.

#define _GNU_SOURCE
#include "CLiburing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// ---------------------------------------------------------------------------------------------- bare loops

struct entry {
  uint64_t inode;
  int64_t next;
  uint16_t length;
  uint8_t type;
  char name[];
};

int64_t hc_bare_looks(int32_t folder) {
  static _Alignas(8) char window[64 << 10];
  int64_t files = 0;
  for (;;) {
    long filled = syscall(SYS_getdents64, folder, window, sizeof window);
    if (filled <= 0)
      return filled < 0 ? -errno : files;
    struct entry *entry;
    for (long at = 0; at < filled; at += entry->length) {
      entry = (struct entry *)(window + at);
      struct statx status;
      if (entry->type == DT_DIR)
        continue;
      if (statx(folder, entry->name, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_MTIME, &status) < 0)
        return -errno;
      files++;
    }
  }
}

int32_t hc_bare_renames(const hc_bare_rename *renames, size_t count, const char *names) {
  for (size_t i = 0; i < count; i++) {
    const char *name = names + renames[i].name;
    if (renameat2(renames[i].from, name, renames[i].to, name, RENAME_NOREPLACE) < 0)
      return -errno;
  }
  return 0;
}

// ---------------------------------------------------------------------------------------------- child processes

int32_t hc_memory_file(void) {
  int file = memfd_create("hotcold", MFD_CLOEXEC);
  if (file < 0)
    return -errno;
  // Where standard output is closed, it would be that of the child before it is put in its place.
  int moved = fcntl(file, F_DUPFD_CLOEXEC, 3);
  int error = errno;
  close(file);
  return moved < 0 ? -error : moved;
}

int32_t hc_child_start(const char *const arguments[], const char *const environment[], int32_t folder,
                       int32_t output, int32_t errors) {
  pid_t parent = getpid();
  // Somebody who ignores it would never see the child end.
  signal(SIGCHLD, SIG_DFL);
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  pid_t child = fork();
  int error = errno;
  if (child == 0) {
    // What began it may be killed: this one has to stop then, as by a signal of the user. Those of the terminal are passed on to it,
    // and a second one would kill.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setpgid(0, 0);
    static const int signals[] = {SIGINT, SIGTERM};
    for (int i = 0; i < 2; i++) {
      struct sigaction action;
      if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
        signal(signals[i], SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (getppid() != parent || fchdir(folder) < 0 || nothing < 0 || dup2(nothing, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0)
      _exit(127);
    // The program that runs, also where its file has been replaced meanwhile.
    execve("/proc/self/exe", (char *const *)arguments, (char *const *)environment);
    _exit(127);
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return child < 0 ? -error : child;
}

int32_t hc_child_wait(int32_t child, int64_t timeout_ns, int32_t *status) {
  int descriptor = (int)syscall(SYS_pidfd_open, child, 0);
  if (descriptor >= 0) {
    struct pollfd ended = {.fd = descriptor, .events = POLLIN};
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    ppoll(&ended, 1, &timeout, NULL);
    close(descriptor);
  } else {
    // Before Linux 5.3.
    hc_sleep_us(1000);
  }
  int raw = 0;
  pid_t ended = waitpid(child, &raw, WNOHANG);
  if (ended <= 0)
    return ended < 0 && errno != EINTR ? -errno : 0;
  *status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
  return 1;
}

void hc_child_signal(int32_t child, int32_t signal) {
  kill(child, signal);
  // One that is stopped would not hear it.
  kill(child, SIGCONT);
}

// ---------------------------------------------------------------------------------------------- the machine

int64_t hc_processor_ns_used(void) {
  static const int whose[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
  int64_t sum = 0;
  for (int i = 0; i < 2; i++) {
    struct rusage usage;
    if (getrusage(whose[i], &usage) == 0)
      sum += (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000000) +
             (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * INT64_C(1000);
  }
  return sum;
}

bool hc_may_run_on(int32_t processor) {
  cpu_set_t processors;
  // More than fit: nothing is left out.
  if (processor < 0 || processor >= CPU_SETSIZE || sched_getaffinity(0, sizeof processors, &processors) < 0)
    return true;
  return CPU_ISSET(processor, &processors);
}

int32_t hc_clock_ticks(void) { return (int32_t)sysconf(_SC_CLK_TCK); }

int32_t hc_kernel_release(char *release, size_t capacity) {
  struct utsname name;
  if (uname(&name) < 0)
    return -errno;
  size_t i = 0;
  for (; name.release[i] && i + 1 < capacity; i++)
    release[i] = name.release[i];
  release[i] = 0;
  return 0;
}
