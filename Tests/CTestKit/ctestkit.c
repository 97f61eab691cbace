#define _GNU_SOURCE
#include "CTestKit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static pthread_rwlock_t writers = PTHREAD_RWLOCK_INITIALIZER;

static void lock_out(void) { pthread_rwlock_wrlock(&writers); }
static void let_in(void) { pthread_rwlock_unlock(&writers); }
static void renew(void) { writers = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER; }

// The code under test forks, too.
__attribute__((constructor)) static void watch_forks(void) { pthread_atfork(lock_out, let_in, renew); }

void ctk_begin_writing(void) { pthread_rwlock_rdlock(&writers); }

void ctk_end_writing(void) { pthread_rwlock_unlock(&writers); }

int ctk_spawn(char *const arguments[], char *const environment[], const char *folder, int input, int output,
              int error, pid_t *process) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  if (input >= 0)
    posix_spawn_file_actions_adddup2(&actions, input, 0);
  else
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, error, 2);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  if (folder)
    posix_spawn_file_actions_addchdir_np(&actions, folder);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pthread_rwlock_wrlock(&writers);
  int result = posix_spawnp(process, arguments[0], &actions, &attributes, arguments, environment);
  pthread_rwlock_unlock(&writers);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return result;
}

bool ctk_ends_within(pid_t process, int milliseconds) {
  struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, process, 0), .events = POLLIN};
  if (end.fd < 0)
    return true;
  int result;
  do
    result = poll(&end, 1, milliseconds);
  while (result < 0 && errno == EINTR);
  close(end.fd);
  return result != 0;
}

int ctk_temporary_file(void) { return open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); }

int ctk_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int ctk_reserve_port(int *port) {
  int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (server < 0)
    return -1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
      bind(server, (struct sockaddr *)&address, size) < 0 ||
      getsockname(server, (struct sockaddr *)&address, &size) < 0) {
    int error = errno;
    close(server);
    errno = error;
    return -1;
  }
  *port = ntohs(address.sin_port);
  return server;
}

bool ctk_grants_io_uring(void) {
  const unsigned operations = 256;
  struct io_uring_params params = {0};
  int ring = (int)syscall(SYS_io_uring_setup, 1, &params);
  if (ring < 0)
    return false;
  struct io_uring_probe *probe = calloc(1, sizeof *probe + operations * sizeof probe->ops[0]);
  bool granted = probe && syscall(SYS_io_uring_register, ring, IORING_REGISTER_PROBE, probe, operations) == 0 &&
                 (probe->ops[IORING_OP_RENAMEAT].flags & IO_URING_OP_SUPPORTED) &&
                 (probe->ops[IORING_OP_MKDIRAT].flags & IO_URING_OP_SUPPORTED);
  free(probe);
  close(ring);
  return granted;
}

ssize_t ctk_list_attributes(const char *path, char *list, size_t size) { return llistxattr(path, list, size); }

ssize_t ctk_attribute(const char *path, const char *name, void *value, size_t size) {
  return lgetxattr(path, name, value, size);
}
