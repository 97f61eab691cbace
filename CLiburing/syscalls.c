// The system-call half of the shim: what glibc lacks, hides, or reports through `errno`.

#define _GNU_SOURCE
#include "CLiburing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int64_t negated(int64_t result) { return result < 0 ? -errno : result; }

// ------------------------------------------------------------------------------------------- folders

uint32_t hc_flag_noreplace(void) { return RENAME_NOREPLACE; }

int32_t hc_rename_noreplace(int32_t from_dirfd, const char *from_name, int32_t to_dirfd,
                            const char *to_name) {
  return negated(
      syscall(SYS_renameat2, from_dirfd, from_name, to_dirfd, to_name, RENAME_NOREPLACE));
}

int32_t hc_link(int32_t from_dirfd, const char *from_name, int32_t to_dirfd, const char *to_name) {
  return negated(linkat(from_dirfd, from_name, to_dirfd, to_name, 0));
}

bool hc_may_not_be_linked(int32_t dirfd, const char *name) {
  struct statx status;
  if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW, STATX_UID, &status) != 0)
    return false;
  if (status.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND))
    return true;
  return status.stx_uid != geteuid() && faccessat(dirfd, name, R_OK | W_OK, AT_EACCESS) != 0;
}

int32_t hc_unlink(int32_t dirfd, const char *name) {
  return negated(unlinkat(dirfd, name, 0));
}

int32_t hc_rmdir(int32_t dirfd, const char *name) {
  return negated(unlinkat(dirfd, name, AT_REMOVEDIR));
}

int32_t hc_rename_replacing(int32_t dirfd, const char *from_name, const char *to_name) {
  return negated(renameat(dirfd, from_name, dirfd, to_name));
}

int32_t hc_mkdirat(int32_t dirfd, const char *name, uint32_t mode) {
  return negated(mkdirat(dirfd, name, mode));
}

static int32_t statx_masked(int32_t dirfd, const char *name, int flags, unsigned mask,
                            hc_stat *out) {
  struct statx raw;
  long result =
      syscall(SYS_statx, dirfd, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | flags, mask, &raw);
  if (result < 0)
    return -errno;
  *out = (hc_stat){
      .mtime_s = raw.stx_mtime.tv_sec,
      .mtime_ns = raw.stx_mtime.tv_nsec,
      .ctime_s = raw.stx_ctime.tv_sec,
      .ctime_ns = raw.stx_ctime.tv_nsec,
      .type = (raw.stx_mode & S_IFMT) >> 12, // IFTODT of <dirent.h>
      .inode = raw.stx_ino,
      .size = raw.stx_size,
      .device = makedev(raw.stx_dev_major, raw.stx_dev_minor),
      .mode = raw.stx_mode & 07777,
      .uid = raw.stx_uid,
      .gid = raw.stx_gid,
      .links = raw.stx_nlink,
      .blocks = raw.stx_blocks,
  };
  return 0;
}

int32_t hc_statx(int32_t dirfd, const char *name, hc_stat *out) {
  return statx_masked(dirfd, name, 0, STATX_BASIC_STATS, out);
}

int32_t hc_statx_uncached(int32_t dirfd, const char *name, hc_stat *out) {
  return statx_masked(dirfd, name, AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, out);
}

int32_t hc_statx_mtime(int32_t dirfd, const char *name, hc_stat *out) {
  return statx_masked(dirfd, name, 0, STATX_TYPE | STATX_MTIME | STATX_NLINK, out);
}

int64_t hc_getdents64(int32_t fd, void *buffer, size_t capacity) {
  return negated(syscall(SYS_getdents64, fd, buffer, capacity));
}

// Two mounts of the same file system differ only in their mount ID (Linux 5.8), two btrfs subvolumes in their device number.
static int32_t refuse_other_mount(int32_t parent_fd, int32_t child_fd) {
  struct statx parent, child;
  if (statx(parent_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &parent) < 0 ||
      statx(child_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &child) < 0)
    return -errno;
  bool same_device =
      parent.stx_dev_major == child.stx_dev_major && parent.stx_dev_minor == child.stx_dev_minor;
  bool tells_mounts = parent.stx_mask & child.stx_mask & STATX_MNT_ID;
  return same_device && (!tells_mounts || parent.stx_mnt_id == child.stx_mnt_id) ? 0 : -EXDEV;
}

int32_t hc_check_same_mount(int32_t fd, int32_t other_fd) { return refuse_other_mount(fd, other_fd); }

static int32_t open_on_same_mount(int32_t dirfd, const char *component, int flags) {
  int fd = openat(dirfd, component, flags | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) {
    int32_t error = -errno;
    struct stat status;
    // For a link openat2 returns ELOOP, but O_DIRECTORY with O_NOFOLLOW returns ENOTDIR.
    bool is_link = error == -ENOTDIR && fstatat(dirfd, component, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                   S_ISLNK(status.st_mode);
    return is_link ? -ELOOP : error;
  }
  int32_t refusal = refuse_other_mount(dirfd, fd);
  if (refusal == 0)
    return fd;
  close(fd);
  return refusal;
}

// Refuses what openat2 would refuse, one component after the other: O_NOFOLLOW applies only to the last one, and another user
// may put a link in place of any.
static int32_t walk_beneath(int32_t dirfd, const char *path, int flags) {
  char component[NAME_MAX + 1];
  int32_t parent = dirfd;
  for (;;) {
    size_t length = strcspn(path, "/");
    const char *rest = path + length + strspn(path + length, "/");
    int32_t fd = -ENAMETOOLONG;
    if (length <= NAME_MAX) {
      memcpy(component, path, length);
      component[length] = '\0';
      bool leads_out = *path == '/' || strcmp(component, "..") == 0;
      fd = leads_out ? -EXDEV
                     : open_on_same_mount(parent, component, *rest ? O_PATH | O_DIRECTORY : flags);
    }
    if (parent != dirfd)
      close(parent);
    if (fd < 0 || !*rest)
      return fd;
    parent = fd;
    path = rest;
  }
}

// O_NOATIME keeps a listing from updating the folder's inode; only its owner may use it (open(2)).
static int32_t open_beneath(int32_t dirfd, const char *name, uint64_t flags) {
  struct open_how how = {
      .flags = flags | O_CLOEXEC | O_NOATIME,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
  };
  long result = syscall(SYS_openat2, dirfd, name, &how, sizeof how);
  if (result < 0 && errno == EPERM) {
    how.flags &= ~(uint64_t)O_NOATIME;
    result = syscall(SYS_openat2, dirfd, name, &how, sizeof how);
  }
  if (result >= 0 || (errno != ENOSYS && errno != EPERM))
    return negated(result);
  return walk_beneath(dirfd, name, (int)flags);
}

int32_t hc_open_folder(int32_t dirfd, const char *name) {
  int32_t fd = open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY);
  if (fd < 0)
    return fd;
  int32_t refusal = refuse_other_mount(dirfd, fd);
  if (refusal == 0)
    return fd;
  close(fd);
  return refusal;
}

int32_t hc_open_mount(int32_t dirfd, const char *name) {
  int32_t fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return -errno;
  // A btrfs subvolume has another device number, but is not a mount.
  struct statx status;
  bool is_subvolume = statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &status) == 0 &&
                      (status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0 &&
                      (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0;
  if (!is_subvolume && refuse_other_mount(dirfd, fd) == -EXDEV)
    return fd;
  close(fd);
  return -ENODEV;
}

// In linux/fs.h since Linux 6.9.
struct uuid_of_file_system {
  uint8_t length;
  uint8_t uuid[16];
};
#define GET_UUID_OF_FILE_SYSTEM _IOR(0x15, 0, struct uuid_of_file_system)

int32_t hc_file_system_uuid(int32_t fd, uint8_t uuid[16]) {
  static const uint8_t none[16];
  struct uuid_of_file_system answer = {0};
  struct btrfs_ioctl_fs_info_args info = {0};
  if (ioctl(fd, GET_UUID_OF_FILE_SYSTEM, &answer) == 0) {
    // overlayfs returns zeros.
    if (answer.length != 16 || memcmp(answer.uuid, none, 16) == 0)
      return -ENODATA;
    memcpy(uuid, answer.uuid, 16);
    return 0;
  }
  struct statfs status;
  if (fstatfs(fd, &status) < 0)
    return -errno;
  if (status.f_type != BTRFS_SUPER_MAGIC)
    return -ENOTTY;
  if (ioctl(fd, BTRFS_IOC_FS_INFO, &info) < 0)
    return -errno;
  memcpy(uuid, info.fsid, 16);
  return 0;
}

int32_t hc_block_device(int32_t dirfd, const char *name, uint64_t *device) {
  struct stat status;
  if (fstatat(dirfd, name, &status, 0) < 0)
    return -errno;
  if (!S_ISBLK(status.st_mode))
    return -ENOTBLK;
  *device = status.st_rdev;
  return 0;
}

// O_NONBLOCK: opening a fifo without a writer would block forever.
int32_t hc_open_file(int32_t dirfd, const char *name) {
  int32_t fd = open_beneath(dirfd, name, O_RDONLY | O_NONBLOCK);
  if (fd < 0)
    return fd;
  struct stat status;
  if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
    return fd;
  close(fd);
  return -EINVAL;
}

// O_PATH first: the link may lead to a device, and merely opening one can do harm (a watchdog).
int32_t hc_open_linked(int32_t dirfd, const char *name) {
  int target = openat(dirfd, name, O_PATH | O_CLOEXEC);
  if (target < 0)
    return -errno;
  struct stat status;
  int32_t fd = -EINVAL;
  if (fstat(target, &status) == 0 && S_ISREG(status.st_mode)) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", target);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
      fd = -errno;
  }
  close(target);
  return fd;
}

int32_t hc_open_path(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME);
  if (fd < 0 && errno == EPERM)
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return negated(fd);
}

int32_t hc_open_component(int32_t dirfd, const char *name) {
  return negated(openat(dirfd < 0 ? AT_FDCWD : dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
}

int64_t hc_read_link(int32_t fd, void *buffer, size_t capacity) {
  return negated(readlinkat(fd, "", buffer, capacity));
}

// O_NONBLOCK: opening a fifo without a writer would block forever.
int32_t hc_open_input(const char *path, bool or_stream) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0)
    return -errno;
  struct stat status;
  int32_t refusal = fstat(fd, &status) < 0    ? -errno
                    : S_ISREG(status.st_mode) ? 0
                    : S_ISDIR(status.st_mode) ? -EISDIR
                    : or_stream               ? 0
                                              : -EINVAL;
  // Blocking again: reading may wait for the other end of a pipe.
  if (refusal == 0 && fcntl(fd, F_SETFL, 0) < 0)
    refusal = -errno;
  if (refusal == 0)
    return fd;
  close(fd);
  return refusal;
}

int32_t hc_mkdir_path(const char *path, uint32_t mode) { return negated(mkdir(path, mode)); }

int32_t hc_create_file(int32_t dirfd, const char *name, uint32_t mode) {
  return negated(openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
}

int32_t hc_set_mtime(int32_t fd, int64_t seconds, uint32_t nanoseconds) {
  struct timespec times[2] = {
      {.tv_sec = seconds, .tv_nsec = nanoseconds},
      {.tv_sec = seconds, .tv_nsec = nanoseconds},
  };
  return negated(futimens(fd, times));
}

int32_t hc_fchown(int32_t fd, uint32_t uid, uint32_t gid) {
  return negated(fchown(fd, uid, gid));
}

int32_t hc_fchmod(int32_t fd, uint32_t mode) {
  return negated(fchmod(fd, mode));
}

int32_t hc_check_writable(int32_t dirfd) {
  return negated(faccessat(dirfd, ".", W_OK | X_OK, AT_EACCESS));
}

int32_t hc_syncfs(int32_t fd) {
  return negated(syncfs(fd));
}

int32_t hc_fsync(int32_t fd) {
  return negated(fsync(fd));
}

int32_t hc_lock_exclusive(int32_t fd) { return negated(flock(fd, LOCK_EX | LOCK_NB)); }

int64_t hc_read(int32_t fd, void *buffer, size_t capacity) {
  return negated(read(fd, buffer, capacity));
}

int64_t hc_write(int32_t fd, const void *bytes, size_t count) {
  return negated(write(fd, bytes, count));
}

void hc_close(int32_t fd) { close(fd); }

int32_t hc_close_written(int32_t fd) { return close(fd) < 0 ? -errno : 0; }

int32_t hc_dup(int32_t fd) {
  int32_t copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return copy < 0 ? -errno : copy;
}

int32_t hc_statfs(int32_t fd, hc_file_system *out) {
  struct statfs raw;
  if (fstatfs(fd, &raw) < 0)
    return -errno;
  *out = (hc_file_system){
      .magic = (uint64_t)raw.f_type & 0xffffffff,
      .bytes = (uint64_t)raw.f_blocks * (uint64_t)raw.f_bsize,
      .free_bytes = (uint64_t)raw.f_bavail * (uint64_t)raw.f_bsize,
      .free_inodes = raw.f_ffree,
      .inodes = raw.f_files,
      .read_only = raw.f_flags & ST_RDONLY,
  };
  return 0;
}

// -------------------------------------------------------------------------------------- notification

int32_t hc_inotify_open(void) { return negated(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)); }

// The folder is named through /proc, so that the watch is on the folder that is open, wherever its path
// leads by now. Renames are not watched: hotcold's own would flood the queue.
int32_t hc_inotify_watch_deletions(int32_t fd, int32_t dirfd) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", dirfd);
  return negated(inotify_add_watch(fd, path, IN_DELETE | IN_ONLYDIR));
}

bool hc_inotify_parse(const void *buffer, size_t count, uint32_t offset, hc_inotify_event *out) {
  struct inotify_event header;
  if (offset + sizeof header > count)
    return false;
  memcpy(&header, (const char *)buffer + offset, sizeof header);
  uint32_t name_offset = offset + (uint32_t)sizeof header;
  if ((size_t)name_offset + header.len > count)
    return false;
  *out = (hc_inotify_event){
      .watch = header.wd,
      .overflow = header.mask & IN_Q_OVERFLOW,
      .name_offset = name_offset,
      .name_length = (uint32_t)strnlen((const char *)buffer + name_offset, header.len),
      .next_offset = name_offset + header.len,
  };
  return true;
}
