// The process itself: signals, arguments, clocks, zone, users, terminal, threads, processors.

#define _GNU_SOURCE
#include "CLiburing.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t pending_signal;

// Those that end a command and that the service answers.
static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

static void end(int signal) { _exit(128 + signal); }

static void end_first_process(void) {
  if (getpid() != 1)
    return;
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    struct sigaction old, ending = {.sa_handler = end};
    if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
      sigaction(signals[i], &ending, NULL);
  }
}

// SA_RESETHAND has taken this handler away.
static void remember(int signal) {
  pending_signal = signal;
  end_first_process();
}

// Each the wrong way round, so that whoever uses it gets the same error as before (EBADF).
static void take_missing_streams(void) {
  const int flags[] = {O_WRONLY, O_RDONLY, O_RDONLY};
  for (int stream = 0; stream <= 2; stream++)
    if (fcntl(stream, F_GETFD) < 0)
      open("/dev/null", flags[stream]);
}

void hc_process_begin(void) {
  take_missing_streams();
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGINT);
  sigaddset(&stops, SIGTERM);
  sigprocmask(SIG_UNBLOCK, &stops, NULL);
  end_first_process();
}

// A signal that the parent ignores stays ignored (shells do that for background jobs); one that it blocks
// is unblocked, because a supervisor's threads often block signals that their children must receive.
static void install(int signal, sigset_t *heard) {
  struct sigaction old, stop = {.sa_handler = remember, .sa_flags = (int)SA_RESETHAND};
  if (sigaction(signal, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
    return;
  sigaction(signal, &stop, NULL);
  sigaddset(heard, signal);
}

void hc_signals_ignore_output(void) {
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigaction(SIGPIPE, &ignore, NULL);
  sigaction(SIGXFSZ, &ignore, NULL);
}

void hc_signals_install(void) {
  sigset_t heard;
  sigemptyset(&heard);
  install(SIGINT, &heard);
  install(SIGTERM, &heard);
  sigprocmask(SIG_UNBLOCK, &heard, NULL);
  hc_signals_ignore_output();
}

int32_t hc_signals_pending(void) { return pending_signal; }

void hc_signals_request(int32_t signal) { pending_signal = signal; }

static sigset_t held;

void hc_signals_hold(void) {
  sigemptyset(&held);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    struct sigaction old;
    if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
      sigaddset(&held, signals[i]);
  }
  pthread_sigmask(SIG_BLOCK, &held, NULL);
  hc_signals_ignore_output();
}

static struct timespec timespec_of(int64_t ns) {
  return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

int32_t hc_signals_next(int64_t timeout_ns) {
  struct timespec timeout = timespec_of(timeout_ns);
  int signal = sigtimedwait(&held, NULL, &timeout);
  return signal < 0 ? 0 : signal;
}

void hc_signals_release(void) {
  pthread_sigmask(SIG_UNBLOCK, &held, NULL);
  sigemptyset(&held);
}

int32_t hc_bell_open(void) {
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd < 0 ? -errno : fd;
}

void hc_bell_ring(int32_t bell) { eventfd_write(bell, 1); }

void hc_bell_wait(int32_t bell, int64_t timeout_ns) {
  struct pollfd rung = {.fd = bell, .events = POLLIN};
  struct timespec timeout = timespec_of(timeout_ns);
  eventfd_t count;
  if (ppoll(&rung, 1, &timeout, NULL) > 0)
    eventfd_read(bell, &count);
}

int32_t hc_send_datagram(const char *path, const char *text) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(path);
  if (length == 0 || length >= sizeof address.sun_path)
    return -EINVAL;
  memcpy(address.sun_path, path, length);
  if (path[0] == '@')
    address.sun_path[0] = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -errno;
  ssize_t sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address,
                        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
  int32_t result = sent < 0 ? -errno : 0;
  close(fd);
  return result;
}

static int argument_count;
static char **arguments;

// glibc passes the arguments of main to constructors as well.
__attribute__((constructor)) static void remember_arguments(int count, char **list) {
  argument_count = count;
  arguments = list;
}

int32_t hc_argument_count(void) { return argument_count; }

const char *hc_argument(int32_t index) { return arguments[index]; }

int32_t hc_working_folder(char *buffer, size_t capacity) { return getcwd(buffer, capacity) ? 0 : -errno; }

int32_t hc_resolve(const char *path, char *buffer) { return realpath(path, buffer) ? 0 : -errno; }

int32_t hc_glob(const char *pattern, void (*visit)(const char *path, void *context), void *context) {
  glob_t found = {0};
  int result = glob(pattern, GLOB_ONLYDIR, NULL, &found);
  for (size_t index = 0; index < found.gl_pathc; index++)
    visit(found.gl_pathv[index], context);
  globfree(&found);
  return result == GLOB_NOSPACE ? -ENOMEM : 0;
}

const char *hc_environment(const char *name) { return getenv(name); }

const char *hc_environment_entry(int32_t index) { return environ[index]; }

const char *hc_errno_name(int32_t number) { return strerrorname_np(number); }

int32_t hc_zone_offset(int64_t seconds) {
  time_t moment = seconds;
  struct tm local;
  return localtime_r(&moment, &local) ? (int32_t)local.tm_gmtoff : 0;
}

void hc_zone_use(const char *name) {
  setenv("TZ", name, 1);
  tzset();
}

static int64_t clock_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t hc_clock_monotonic_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

int64_t hc_clock_realtime_ns(void) { return clock_ns(CLOCK_REALTIME); }

int64_t hc_clock_boottime_ns(void) { return clock_ns(CLOCK_BOOTTIME); }

// Armed for a time that never comes: only the cancellation matters.
int32_t hc_clock_watch_open(void) {
  int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0)
    return -errno;
  struct itimerspec never = {.it_value.tv_sec = INT64_MAX / 1000000000};
  if (timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) == 0)
    return fd;
  int32_t result = -errno;
  close(fd);
  return result;
}

bool hc_clock_watch_fired(int32_t fd) {
  uint64_t expirations;
  return fd >= 0 && read(fd, &expirations, sizeof expirations) < 0 && errno == ECANCELED;
}

void hc_sleep_us(uint32_t microseconds) { usleep(microseconds); }

// The number in the first line of proc_pid_status(5) that begins with `field`; 0 if there is none.
static unsigned long long status_value(const char *field) {
  unsigned long long value = 0;
  char line[128];
  FILE *status = fopen("/proc/self/status", "re");
  if (!status)
    return 0;
  while (fgets(line, sizeof line, status)) {
    if (strncmp(line, field, strlen(field)) == 0) {
      value = strtoull(line + strlen(field), NULL, 10);
      break;
    }
  }
  fclose(status);
  return value;
}

// VmHWM rather than getrusage(2): ru_maxrss survives execve and could be the parent's.
uint64_t hc_peak_resident_bytes(void) { return status_value("VmHWM:") * 1024; }

static mode_t first_umask;

void hc_clear_umask(void) {
  mode_t before = umask(0);
  if (before != 0)
    first_umask = before;
}

uint32_t hc_first_umask(void) { return first_umask; }

bool hc_is_filtered(void) { return status_value("Seccomp:") == 2; } // SECCOMP_MODE_FILTER

bool hc_kernel_is_at_least(int32_t major, int32_t minor) {
  struct utsname name;
  int is_major, is_minor;
  return uname(&name) == 0 && sscanf(name.release, "%d.%d", &is_major, &is_minor) == 2 &&
         (is_major > major || (is_major == major && is_minor >= minor));
}

bool hc_environment_has(const char *name) {
  const char *value = getenv(name);
  return value && *value;
}

uint32_t hc_effective_uid(void) { return geteuid(); }

bool hc_is_member(uint32_t gid) {
  bool found = getegid() == gid;
  // Up to NGROUPS_MAX (65,536) groups: too many for a small stack.
  int count = getgroups(0, NULL);
  gid_t *groups = count > 0 ? malloc((size_t)count * sizeof *groups) : NULL;
  count = groups ? getgroups(count, groups) : 0;
  for (int i = 0; i < count && !found; i++)
    found = groups[i] == gid;
  free(groups);
  return found;
}

int32_t hc_user_name(uint32_t uid, char *buffer, size_t capacity) {
  char storage[4096];
  struct passwd entry, *found = NULL;
  if (getpwuid_r(uid, &entry, storage, sizeof storage, &found) != 0 || !found)
    return -ENOENT;
  if (strlen(entry.pw_name) >= capacity)
    return -ERANGE;
  strcpy(buffer, entry.pw_name);
  return 0;
}

// Removes redundant slashes, so that different spellings of a path compare equal.
static void simplify(char *path) {
  char *end = path;
  for (const char *next = path; *next; next++) {
    if (*next != '/' || end == path || end[-1] != '/')
      *end++ = *next;
  }
  if (end > path + 1 && end[-1] == '/')
    end--;
  *end = 0;
}

// Compares inodes, but only for a home that can be reached from the root without crossing a mount. For any other the path has to
// do, because only walking it would show whether its server still answers.
static bool leads_to(const char *home, const struct stat *folder, int32_t root) {
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS};
  long fd = syscall(SYS_openat2, root, home, &how, sizeof how);
  struct stat status;
  bool found = fd >= 0 && fstat((int)fd, &status) == 0 && status.st_dev == folder->st_dev &&
               status.st_ino == folder->st_ino;
  if (fd >= 0)
    close((int)fd);
  return found;
}

bool hc_is_home(int32_t fd) {
  const uid_t first_ordinary = 1000, nobody = 65534;
  char link[64], path[PATH_MAX] = "", home[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  path[length > 0 ? length : 0] = 0;
  struct stat folder;
  if (fstat(fd, &folder) < 0)
    return false;
  int32_t root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  bool found = false;
  setpwent();
  for (struct passwd *entry; !found && (entry = getpwent());) {
    bool ordinary = entry->pw_uid == 0 || (entry->pw_uid >= first_ordinary && entry->pw_uid != nobody);
    if (!ordinary || strlen(entry->pw_dir) >= sizeof home)
      continue;
    strcpy(home, entry->pw_dir);
    simplify(home);
    found = strcmp(home, path) == 0 || leads_to(home, &folder, root);
  }
  endpwent();
  close(root);
  return found;
}

uint64_t hc_descriptor_limit(void) {
  struct rlimit limit;
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

void hc_raise_descriptor_limit(uint64_t wanted) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
    return;
  limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
  setrlimit(RLIMIT_NOFILE, &limit);
}

bool hc_is_terminal(int32_t fd) { return isatty(fd); }

uint32_t hc_terminal_columns(int32_t fd) {
  struct winsize size;
  return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

struct thread_call {
  void (*body)(void *);
  void *context;
};

static void *run_thread(void *argument) {
  struct thread_call call = *(struct thread_call *)argument;
  free(argument);
  call.body(call.context);
  return NULL;
}

// The default stack size is RLIMIT_STACK, which may be too small to run on or too large to map.
static const size_t thread_stack_bytes = 1 << 20;

// pthread_t is an unsigned long on Linux, and never 0 in glibc: it is the address of the thread's descriptor.
uint64_t hc_thread_start(void (*body)(void *), void *context) {
  struct thread_call *call = malloc(sizeof *call);
  pthread_t thread;
  pthread_attr_t attributes;
  if (!call)
    return 0;
  *call = (struct thread_call){body, context};
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, thread_stack_bytes);
  int result = pthread_create(&thread, &attributes, run_thread, call);
  pthread_attr_destroy(&attributes);
  if (result == 0)
    return thread;
  free(call);
  return 0;
}

void hc_thread_detach(uint64_t thread) { pthread_detach((pthread_t)thread); }

void hc_thread_join(uint64_t thread) { pthread_join(thread, NULL); }

void hc_futex_wait(const void *word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

void hc_futex_wake(const void *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

uint32_t hc_processor_count(void) {
  cpu_set_t set;
  // EINVAL: more processors than fit in the set; certainly more than one.
  return sched_getaffinity(0, sizeof set, &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 2;
}

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
  // More processors than fit in the set: then all count.
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
