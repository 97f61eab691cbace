// This program as a child process of itself.

#define _GNU_SOURCE
#include "CLiburing.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int32_t hc_memory_file(void) {
  int file = memfd_create("hotcold", MFD_CLOEXEC);
  if (file < 0)
    return -errno;
  // Above the standard streams: if one of them is closed, this file would get its number and be in the way of the child's dup2.
  int moved = fcntl(file, F_DUPFD_CLOEXEC, 3);
  int error = errno;
  close(file);
  return moved < 0 ? -error : moved;
}

int32_t hc_child_start(const char *const arguments[], const char *const environment[], int32_t folder,
                       int32_t output, int32_t errors) {
  pid_t parent = getpid();
  // If SIGCHLD is ignored, the end of a child cannot be waited for.
  signal(SIGCHLD, SIG_DFL);
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  pid_t child = fork();
  int error = errno;
  if (child == 0) {
    // If the parent is killed, this process must stop as well, as if by a signal of the user. It has its own process group because
    // the parent passes on the terminal's signals: received twice, they would kill it.
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
    // The running program, even if its file has been replaced meanwhile.
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
  // A stopped process would not handle the signal.
  kill(child, SIGCONT);
}
