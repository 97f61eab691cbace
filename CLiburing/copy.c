// Copies of files between file systems: each call does one step for one file, and returns its result.

#define _GNU_SOURCE
#include "CLiburing.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static int64_t negated(int64_t result) { return result < 0 ? -errno : result; }

int32_t hc_open_unnamed(int32_t dirfd) {
  return (int32_t)negated(openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
}

int32_t hc_create_copy(int32_t dirfd, const char *name) {
  return (int32_t)negated(openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
}

// AT_EMPTY_PATH requires CAP_DAC_READ_SEARCH before Linux 6.10 (openat(2), O_TMPFILE). The fallback is the descriptor's link in
// /proc; it is not the first choice because procfs creates an inode for each such link.
int32_t hc_link_unnamed(int32_t fd, int32_t dirfd, const char *name) {
  int result = linkat(fd, "", dirfd, name, AT_EMPTY_PATH);
  if (result < 0 && errno == ENOENT) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    result = linkat(AT_FDCWD, path, dirfd, name, AT_SYMLINK_FOLLOW);
  }
  return (int32_t)negated(result);
}

int64_t hc_read_at(int32_t fd, void *buffer, size_t count, uint64_t offset) {
  size_t done = 0;
  while (done < count) {
    ssize_t result = pread(fd, (char *)buffer + done, count - done, (off_t)(offset + done));
    if (result < 0 && errno == EINTR)
      continue;
    if (result < 0)
      return -errno;
    if (result == 0)
      break;
    done += (size_t)result;
  }
  return (int64_t)done;
}

int32_t hc_write_at(int32_t fd, const void *buffer, size_t count, uint64_t offset) {
  size_t done = 0;
  while (done < count) {
    ssize_t result = pwrite(fd, (const char *)buffer + done, count - done, (off_t)(offset + done));
    if (result < 0 && errno == EINTR)
      continue;
    if (result < 0)
      return -errno;
    // The file system wrote nothing but reported no error.
    if (result == 0)
      return -EIO;
    done += (size_t)result;
  }
  return 0;
}

bool hc_is_sparse(int32_t fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && status.st_blocks * 512 < status.st_size;
}

int64_t hc_hole_length(int32_t fd, uint64_t offset, uint64_t end, size_t *data) {
  off_t next = lseek(fd, (off_t)offset, SEEK_DATA);
  // ENXIO: no data after the offset. EINVAL: the file system does not support holes.
  if (next < 0)
    return errno == ENXIO ? (int64_t)(end - offset) : errno == EINVAL ? 0 : -errno;
  if ((uint64_t)next > offset)
    return (int64_t)(((uint64_t)next < end ? (uint64_t)next : end) - offset);
  off_t hole = lseek(fd, (off_t)offset, SEEK_HOLE);
  if (hole > (off_t)offset && (uint64_t)hole - offset < *data)
    *data = (size_t)((uint64_t)hole - offset);
  return 0;
}

void hc_start_writing(int32_t fd) { sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE); }

int32_t hc_set_size(int32_t fd, uint64_t size) { return (int32_t)negated(ftruncate(fd, (off_t)size)); }

int32_t hc_compare_data(int32_t left, int32_t right, uint64_t offset, uint64_t end, void *buffer,
                        size_t capacity) {
  size_t half = capacity / 2;
  size_t wanted = end - offset < half ? (size_t)(end - offset) : half;
  int64_t count = hc_read_at(left, buffer, wanted, offset);
  if (count < 0)
    return (int32_t)count;
  int64_t other = hc_read_at(right, (char *)buffer + half, wanted, offset);
  if (other < 0)
    return (int32_t)other;
  if (count == 0 || other != count || memcmp(buffer, (char *)buffer + half, (size_t)count) != 0)
    return 0;
  return (int32_t)count;
}

void hc_forget_cached(int32_t fd) { posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); }

// Whether an attribute belongs to the inode, and so stays with it, rather than to the file.
static bool stays_behind(const char *name) {
  static const char *const prefixes[] = {"security.selinux", "security.ima", "security.evm", "btrfs.", "trusted.overlay.",
                                         "trusted.SGI_ACL_"};
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
    if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
      return true;
  }
  return false;
}

static const char access_list[] = "system.posix_acl_access";

bool hc_has_access_list(int32_t fd) { return fgetxattr(fd, access_list, NULL, 0) > 0; }

int32_t hc_copy_xattrs(int32_t from, int32_t to) {
  ssize_t length = flistxattr(from, NULL, 0);
  int32_t result = length >= 0 || errno == EOPNOTSUPP ? 0 : -errno;
  // The default list of the folder (acl(5)) could give access to users to whom the original denies it.
  if (length <= 0 || !hc_has_access_list(from))
    fremovexattr(to, access_list);
  if (length <= 0)
    return result;
  // XATTR_LIST_MAX and XATTR_SIZE_MAX (linux/limits.h).
  const size_t capacity = 65536;
  char *names = malloc(2 * capacity);
  if (!names)
    return -ENOMEM;
  char *value = names + capacity;
  length = flistxattr(from, names, capacity);
  if (length < 0)
    result = -errno;
  // If one cannot be set, the others still are.
  for (char *name = names; name < names + length; name += strlen(name) + 1) {
    if (stays_behind(name))
      continue;
    ssize_t size = fgetxattr(from, name, value, capacity);
    if (size < 0 && errno == ENODATA)
      continue;
    if ((size < 0 || fsetxattr(to, name, value, (size_t)size, 0) < 0) && result == 0)
      result = -errno;
  }
  free(names);
  return result;
}

int32_t hc_set_times(int32_t fd, const hc_stat *status) {
  // Both times: some FUSE servers do nothing if one of them is omitted.
  struct timespec times[2] = {
      {.tv_sec = status->mtime_s, .tv_nsec = status->mtime_ns},
      {.tv_sec = status->mtime_s, .tv_nsec = status->mtime_ns},
  };
  return (int32_t)negated(futimens(fd, times));
}

// The kernel tells the holder of a lease by SIGIO that another process waits for it; the default action ends the holder.
void hc_leases_prepare(void) {
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigaction(SIGIO, &ignore, NULL);
}

int32_t hc_lease_read(int32_t fd) { return (int32_t)negated(fcntl(fd, F_SETLEASE, F_RDLCK)); }

void hc_lease_end(int32_t fd) { fcntl(fd, F_SETLEASE, F_UNLCK); }
