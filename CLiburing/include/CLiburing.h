// The kernel, as hotcold sees it.
//
// This header is the whole boundary between Swift and liburing. It exposes an opaque ring, fixed-width
// integers and plain functions, but neither liburing's nor the kernel's io_uring types: swift-system
// declares those too, and the compiler rejects two declarations.
//
// Every function that can fail returns a negative errno, never touches `errno`, and never prints.
// Paths are NUL-terminated bytes, always one component below an open directory (a "dirfd").

#ifndef HOTCOLD_CLIBURING_H
#define HOTCOLD_CLIBURING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// ---------------------------------------------------------------------------------------------- ring

/// An io_uring instance. Owned by one thread.
typedef struct hc_ring hc_ring;

/// The features that the kernel granted when the ring was set up. Each was requested and may have been refused.
typedef struct {
  bool single_issuer;   ///< IORING_SETUP_SINGLE_ISSUER, Linux 6.0
  bool defer_taskrun;   ///< IORING_SETUP_DEFER_TASKRUN, Linux 6.1
  bool submit_all;      ///< IORING_SETUP_SUBMIT_ALL, Linux 5.18
  bool bounded_workers; ///< IORING_REGISTER_IOWQ_MAX_WORKERS, Linux 5.15
} hc_ring_features;

/// One completed request: the tag that it was prepared with and its result (0 or a negative errno).
typedef struct {
  uint64_t tag;
  int32_t result;
} hc_completion;

/// Sets up a ring, dropping set-up flags that this kernel does not know, newest first.
///
/// `entries` is the submission queue's size. `workers` bounds the io-wq workers that run path operations
/// (0: the kernel's default). Fails with -ENOSYS, -EPERM or -ENOMEM where io_uring is not available
/// (io_uring_setup(2)), and with -EOPNOTSUPP where the kernel has io_uring but not the operations
/// IORING_OP_RENAMEAT (5.11) and IORING_OP_MKDIRAT (5.15).
int32_t hc_ring_open(uint32_t entries, uint32_t workers, hc_ring **ring, hc_ring_features *features);
void hc_ring_close(hc_ring *ring);

/// Prepares renameat2(from_dirfd, from_name, to_dirfd, to_name, flags). -EAGAIN when the submission queue
/// is full. The names must stay where they are until `hc_ring_submit` has taken the request (the kernel copies
/// them then); the descriptors must stay open until the completion (a worker resolves them).
int32_t hc_ring_prepare_rename(hc_ring *ring, int32_t from_dirfd, const char *from_name,
                               int32_t to_dirfd, const char *to_name, uint32_t flags, uint64_t tag);
/// Prepares mkdirat(dirfd, name, mode); otherwise as `hc_ring_prepare_rename`.
int32_t hc_ring_prepare_mkdir(hc_ring *ring, int32_t dirfd, const char *name, uint32_t mode,
                              uint64_t tag);
/// Prepares unlinkat(dirfd, name, 0); otherwise as `hc_ring_prepare_rename`.
int32_t hc_ring_prepare_unlink(hc_ring *ring, int32_t dirfd, const char *name, uint64_t tag);
/// Prepares the cancellation of every request that has not begun to execute (Linux 5.19).
int32_t hc_ring_prepare_cancel_all(hc_ring *ring, uint64_t tag);

/// Submits prepared requests, and lets the kernel post completions. Returns how many requests it took, which
/// may be fewer than were prepared.
int32_t hc_ring_submit(hc_ring *ring);
/// Waits until `count` completions are available. -ETIME after `timeout_ms`, -EINTR on a signal.
int32_t hc_ring_wait(hc_ring *ring, uint32_t count, uint32_t timeout_ms);
/// Takes up to `capacity` available completions; makes no system call.
uint32_t hc_ring_reap(hc_ring *ring, hc_completion *completions, uint32_t capacity);

// -------------------------------------------------------------------------------------- system calls

/// File types, as in `d_type` (readdir(3)) and in hc_stat.
enum {
  HC_TYPE_UNKNOWN = 0,
  HC_TYPE_DIRECTORY = 4,
  HC_TYPE_REGULAR = 8,
  HC_TYPE_LINK = 10,
};

/// The part of statx(2) that hotcold needs.
typedef struct {
  int64_t mtime_s;
  int64_t ctime_s; ///< not from hc_statx_mtime; nobody can set it
  uint32_t mtime_ns;
  uint32_t ctime_ns;
  uint32_t type; ///< HC_TYPE_…, or another d_type value
  uint64_t inode;
  uint64_t size;
  uint64_t device;
  uint32_t mode; ///< permission bits, setuid, setgid and sticky; no type bits
  uint32_t uid;
  uint32_t gid;
  uint32_t links; ///< number of names
  uint64_t blocks; ///< allocated on the disk, of 512 bytes each
} hc_stat;

/// renameat2(2) with RENAME_NOREPLACE: how hotcold moves files within a file system.
int32_t hc_rename_noreplace(int32_t from_dirfd, const char *from_name, int32_t to_dirfd,
                            const char *to_name);
/// The value of RENAME_NOREPLACE, for hc_ring_prepare_rename.
uint32_t hc_flag_noreplace(void);
/// linkat(2): gives a file a second name.
int32_t hc_link(int32_t from_dirfd, const char *from_name, int32_t to_dirfd, const char *to_name);
/// Whether linkat(2) fails with EPERM because of this file itself: it is immutable or append-only, or
/// fs.protected_hardlinks (proc_sys_fs(5)) is set and it belongs to another user who does not let this one write to it.
bool hc_may_not_be_linked(int32_t dirfd, const char *name);
/// unlinkat(2) of a file.
int32_t hc_unlink(int32_t dirfd, const char *name);
/// unlinkat(2) of an empty folder.
int32_t hc_rmdir(int32_t dirfd, const char *name);
/// renameat(2) within a folder, which replaces: only for hotcold's own files.
int32_t hc_rename_replacing(int32_t dirfd, const char *from_name, const char *to_name);
int32_t hc_mkdirat(int32_t dirfd, const char *name, uint32_t mode);
/// statx(2) of `name` in `dirfd`, links not followed; of `dirfd` itself if `name` is empty.
int32_t hc_statx(int32_t dirfd, const char *name, hc_stat *out);
/// As hc_statx, but asks the server of a network or FUSE file system instead of a cache (AT_STATX_FORCE_SYNC).
int32_t hc_statx_uncached(int32_t dirfd, const char *name, hc_stat *out);
/// statx(2) for type, mtime and link count only: the call made for each file.
int32_t hc_statx_mtime(int32_t dirfd, const char *name, hc_stat *out);
/// The number of bytes before the first NUL, or `capacity` if there is none.
static inline size_t hc_name_length(const uint8_t *name, size_t capacity) {
  return strnlen((const char *)name, capacity);
}
/// getdents64(2). Returns the number of bytes filled, 0 at the end of the directory stream.
int64_t hc_getdents64(int32_t fd, void *buffer, size_t capacity);
/// Opens the folder `name` of `dirfd` for listing with openat2(2) under RESOLVE_BENEATH,
/// RESOLVE_NO_SYMLINKS and RESOLVE_NO_XDEV (Linux 5.6). On older kernels, or under a seccomp profile that
/// hides openat2, O_NOFOLLOW and a comparison of device numbers have the same effect, but cannot detect a
/// bind mount of the same file system: there rename itself fails with EXDEV. A folder with another device number (a
/// btrfs subvolume, which is not a mount) gives -EXDEV as well.
int32_t hc_open_folder(int32_t dirfd, const char *name);
/// Opens the folder `name` of `dirfd`, one component, which must be a mount point (statx(2), STATX_ATTR_MOUNT_ROOT, Linux 5.8).
/// -ENODEV if nothing is mounted there.
int32_t hc_open_mount(int32_t dirfd, const char *name);
/// 0 if two folders are on the same mount of the same file system, so that files can be renamed from one to the other; otherwise
/// -EXDEV.
int32_t hc_check_same_mount(int32_t fd, int32_t other_fd);
/// The UUID of the file system that `fd` is on; needs no privileges: FS_IOC_GETFSUUID (Linux 6.9), or BTRFS_IOC_FS_INFO on btrfs.
/// -ENODATA if the file system has no UUID of 16 bytes, -ENOTTY if it does not tell.
int32_t hc_file_system_uuid(int32_t fd, uint8_t uuid[16]);
/// The device number of the block device `name` in `dirfd`, links followed; -ENOTBLK for anything else.
int32_t hc_block_device(int32_t dirfd, const char *name, uint64_t *device);
/// Opens the regular file `name` of `dirfd` for reading, with the same restrictions.
int32_t hc_open_file(int32_t dirfd, const char *name);
/// Opens a folder by a path that the user gave, links followed.
int32_t hc_open_path(const char *path);
/// Opens `name` of `dirfd` only as a location in the tree (O_PATH): only search permission is needed, and a link is opened
/// itself instead of followed. `dirfd` -1 means the working directory.
int32_t hc_open_component(int32_t dirfd, const char *name);
/// readlink(2) of a link opened by `hc_open_component`. Returns the number of bytes filled, `capacity` if it was truncated.
int64_t hc_read_link(int32_t fd, void *buffer, size_t capacity);
int32_t hc_mkdir_path(const char *path, uint32_t mode);
/// Opens the regular file that a name leads to, links followed, for reading without waiting. -EINVAL for anything else.
int32_t hc_open_linked(int32_t dirfd, const char *name);
/// Opens a file for reading by a path that the user gave, links followed. -EISDIR for a folder; -EINVAL for anything else
/// that is not a regular file, unless `or_stream`: then a pipe, a terminal or another device is opened as well. Never waits
/// for a writer of a fifo.
int32_t hc_open_input(const char *path, bool or_stream);
/// Creates the file `name` in `dirfd` for writing; it must not exist (O_EXCL).
int32_t hc_create_file(int32_t dirfd, const char *name, uint32_t mode);
int32_t hc_set_mtime(int32_t fd, int64_t seconds, uint32_t nanoseconds);
int32_t hc_fchown(int32_t fd, uint32_t uid, uint32_t gid);
int32_t hc_fchmod(int32_t fd, uint32_t mode);
/// faccessat(2) with AT_EACCESS for writing and searching the folder `dirfd`.
int32_t hc_check_writable(int32_t dirfd);
int32_t hc_syncfs(int32_t fd);
int32_t hc_fsync(int32_t fd);
int32_t hc_lock_exclusive(int32_t fd);
int64_t hc_read(int32_t fd, void *buffer, size_t capacity);
int64_t hc_write(int32_t fd, const void *bytes, size_t count);
void hc_close(int32_t fd);
/// Closes a file that was written, and returns the error: some file systems report only now that there was no room (NFS).
int32_t hc_close_written(int32_t fd);
int32_t hc_dup(int32_t fd);

/// The part of statfs(2) that hotcold needs.
typedef struct {
  uint64_t magic;
  uint64_t bytes;
  uint64_t free_bytes; ///< for an unprivileged user
  uint64_t free_inodes;
  uint64_t inodes; ///< 0 if the file system creates inodes as needed (btrfs)
  bool read_only;
} hc_file_system;
int32_t hc_statfs(int32_t fd, hc_file_system *out);

// ------------------------------------------------------------------------------------------- copies

/// Creates an unnamed file on the file system of a folder, readable and writable only by its owner (openat(2),
/// O_TMPFILE). -EOPNOTSUPP, -EISDIR or -ENOENT if the file system or the kernel does not support that.
int32_t hc_open_unnamed(int32_t dirfd);
/// The same, but with a name, which must be free.
int32_t hc_create_copy(int32_t dirfd, const char *name);
/// Names an unnamed file (linkat(2)). The name must be free.
int32_t hc_link_unnamed(int32_t fd, int32_t dirfd, const char *name);
/// Whether fewer bytes are allocated than the file has.
bool hc_is_sparse(int32_t fd);
/// The length of the hole at `offset`, up to `end`. Where there is data, returns 0 and lowers `*data` to the length of that
/// (lseek(2), SEEK_DATA, SEEK_HOLE).
int64_t hc_hole_length(int32_t fd, uint64_t offset, uint64_t end, size_t *data);
/// pread(2) until `count` bytes have been read or the file ends. Returns how many.
int64_t hc_read_at(int32_t fd, void *buffer, size_t count, uint64_t offset);
/// pwrite(2) until all `count` bytes have been written.
int32_t hc_write_at(int32_t fd, const void *buffer, size_t count, uint64_t offset);
/// Starts writing back dirty pages to the disk (sync_file_range(2)). Errors are reported by the next sync.
void hc_start_writing(int32_t fd);
/// ftruncate(2).
int32_t hc_set_size(int32_t fd, uint64_t size);
/// Compares two files from `offset` up to `end`, but no more bytes than half of the buffer holds. Returns how many bytes were
/// compared and are equal; 0 if they differ, or if only one of the files ends early.
int32_t hc_compare_data(int32_t left, int32_t right, uint64_t offset, uint64_t end, void *buffer,
                        size_t capacity);
/// Drops a file that has been written back from the page cache, so that it is read from the disk again (posix_fadvise(2)).
void hc_forget_cached(int32_t fd);
/// Copies extended attributes and access control lists (xattr(7)), except those that belong to the inode rather than the file.
int32_t hc_copy_xattrs(int32_t from, int32_t to);
/// Whether the file has an access control list (acl(5)).
bool hc_has_access_list(int32_t fd);
/// Sets the modification time, and the access time to the same (futimens(3)).
int32_t hc_set_times(int32_t fd, const hc_stat *status);
/// Call before the first lease is taken: otherwise a process that waits for it ends this one (SIGIO).
void hc_leases_prepare(void);
/// Takes a read lease (fcntl(2), F_SETLEASE). -EAGAIN while any process has the file open for writing; -EACCES or -EINVAL if this
/// process may not take one, or the file system has none.
int32_t hc_lease_read(int32_t fd);
void hc_lease_end(int32_t fd);

// -------------------------------------------------------------------------------------- notification

/// Opens a non-blocking inotify(7) instance.
int32_t hc_inotify_open(void);
/// Watches the folder `dirfd` for deletions of entries. Returns the watch descriptor.
int32_t hc_inotify_watch_deletions(int32_t fd, int32_t dirfd);

/// One inotify event, as read from the buffer.
typedef struct {
  int32_t watch;
  bool overflow;
  uint32_t name_offset;
  uint32_t name_length;
  uint32_t next_offset;
} hc_inotify_event;
/// Reads the event at `offset` of a buffer of `count` bytes; false at its end.
bool hc_inotify_parse(const void *buffer, size_t count, uint32_t offset, hc_inotify_event *out);

// ------------------------------------------------------------------------------------------- process

/// Ignores SIGPIPE and SIGXFSZ, so that a closed pipe and a file beyond `ulimit -f` become errors of write(2).
void hc_signals_ignore_output(void);
/// Call first. Takes standard descriptors that are closed, which the next file to be opened would get, and what is printed with
/// it. Unblocks SIGINT and SIGTERM, and lets these and SIGHUP end this process where it is the first of its PID namespace:
/// without a handler the kernel drops them there (pid_namespaces(7)).
void hc_process_begin(void);
/// From now on SIGINT and SIGTERM are recorded instead of killing the process; a second one kills it at once, which is safe.
/// Includes hc_signals_ignore_output.
void hc_signals_install(void);
/// Asks to stop, as the signal would.
void hc_signals_request(int32_t signal);
/// The signal that asked to stop, or 0. Async-signal-safe, a plain load.
int32_t hc_signals_pending(void);

/// From now on SIGTERM, SIGINT and SIGHUP are blocked in this thread and in those that it starts, and are held for
/// hc_signals_next. Signals that the parent ignores stay ignored. SIGPIPE is ignored.
void hc_signals_hold(void);
/// Waits for one of the held signals. Returns it, or 0 after `timeout_ns` at the latest.
int32_t hc_signals_next(int64_t timeout_ns);
/// Lets the next one kill the process, as long as this thread lives.
void hc_signals_release(void);

/// Opens an event that one thread waits for and others ring (eventfd(2)). Returns a descriptor.
int32_t hc_bell_open(void);
void hc_bell_ring(int32_t bell);
/// Waits until it is rung, or returns at once if it was since the last wait; for `timeout_ns` at most.
void hc_bell_wait(int32_t bell, int64_t timeout_ns);

/// Starts a thread that calls `body(context)`. Returns 0 if the kernel grants none (RLIMIT_NPROC, pids.max).
uint64_t hc_thread_start(void (*body)(void *), void *context);
/// Detaches a thread: it will not be joined.
void hc_thread_detach(uint64_t thread);
/// Waits for a thread to end.
void hc_thread_join(uint64_t thread);
/// Processors that this process may run on (sched_getaffinity(2)).
uint32_t hc_processor_count(void);
/// FUTEX_WAIT (futex(2)) for the threads of this process: sleeps while `word` has this value. May wake up early.
void hc_futex_wait(const void *word, uint32_t value);
/// Wakes all threads that sleep on `word`.
void hc_futex_wake(const void *word);
/// Hints to the processor that this is a spin-wait loop.
static inline void hc_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}


/// Sends a datagram to the AF_UNIX socket `path` ('@' for the abstract namespace, sd_notify(3)).
int32_t hc_send_datagram(const char *path, const char *text);
/// The arguments of this process, as execve(2) passed them: Swift's own list is read from /proc, and empty without it.
int32_t hc_argument_count(void);
const char *hc_argument(int32_t index);
/// The absolute path of the working folder without links (getcwd(3)), NUL-terminated; -ENOENT if it was removed.
int32_t hc_working_folder(char *buffer, size_t capacity);
/// The absolute path of `path` without links, "." and ".." (realpath(3)). The buffer has PATH_MAX bytes.
int32_t hc_resolve(const char *path, char *buffer);
/// Calls `visit` for each path that `pattern` matches, sorted by bytes (glob(3)). Not only folders match.
int32_t hc_glob(const char *pattern, void (*visit)(const char *path, void *context), void *context);
/// Environment variable `name`, or NULL.
const char *hc_environment(const char *name);
/// Entry `index` of the environment, NAME=value; NULL after the last one.
const char *hc_environment_entry(int32_t index);

/// The name of an errno, such as "ENOSPC", or NULL (strerrorname_np(3)).
const char *hc_errno_name(int32_t number);

/// The offset of local time in seconds east of Greenwich, at `seconds` since the epoch, in the zone that `TZ` had at
/// the first use (localtime_r(3)); the zone does not change afterwards.
int32_t hc_zone_offset(int64_t seconds);
/// Makes `name` (a TZ value, see tzset(3)) the zone of this process. Call before other threads exist.
void hc_zone_use(const char *name);

int64_t hc_clock_monotonic_ns(void);
void hc_sleep_us(uint32_t microseconds);
int64_t hc_clock_realtime_ns(void);
/// CLOCK_BOOTTIME: includes the time that the machine sleeps, and cannot be set.
int64_t hc_clock_boottime_ns(void);
/// Opens a descriptor that detects when CLOCK_REALTIME is set (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET).
int32_t hc_clock_watch_open(void);
/// Whether the clock was set since the last call. Does not block.
bool hc_clock_watch_fired(int32_t fd);
/// The peak resident set size of this process, in bytes (VmHWM of proc(5)); 0 without /proc.
uint64_t hc_peak_resident_bytes(void);
/// umask(2) 0: from now on new folders get exactly the mode that hotcold asks for.
void hc_clear_umask(void);
/// The umask that this process was started with.
uint32_t hc_first_umask(void);
/// Whether a seccomp filter is in force (proc(5)).
bool hc_is_filtered(void);
/// Whether the kernel's release (uname(2)) is at least this.
bool hc_kernel_is_at_least(int32_t major, int32_t minor);
/// Whether an environment variable is set and not empty.
bool hc_environment_has(const char *name);
uint32_t hc_effective_uid(void);
/// Whether `gid` is the effective group or a supplementary one (getgroups(2)).
bool hc_is_member(uint32_t gid);
/// The login name of `uid`, NUL-terminated; -ENOENT if there is none.
int32_t hc_user_name(uint32_t uid, char *buffer, size_t capacity);
/// Whether the open folder `fd` is the home folder of root or an ordinary user (UID_MIN 1000 and up, without `nobody`) in the
/// user database. Does not access other mounts: a home on a dead NFS or FUSE mount would block every run.
bool hc_is_home(int32_t fd);
/// How many descriptors this process may have open (RLIMIT_NOFILE).
uint64_t hc_descriptor_limit(void);
/// Raises that limit to `wanted`, as far as the hard limit permits.
void hc_raise_descriptor_limit(uint64_t wanted);
bool hc_is_terminal(int32_t fd);
/// The width of the terminal `fd` in columns; 0 if unknown.
uint32_t hc_terminal_columns(int32_t fd);

// ---------------------------------------------------------------------------------------------- benchmarks

/// getdents64(2), and statx(2) of everything but folders, from the current position of the folder's stream. Returns the number of
/// entries looked at.
int64_t hc_bare_looks(int32_t folder);

/// A rename from one open folder to another. `name`: the offset of the NUL-terminated name in `names`.
typedef struct {
  int32_t from;
  int32_t to;
  size_t name;
} hc_bare_rename;
/// renameat2(2) with RENAME_NOREPLACE of each, and nothing else. Stops at the first error.
int32_t hc_bare_renames(const hc_bare_rename *renames, size_t count, const char *names);

/// Creates an unnamed file in memory (memfd_create(2)).
int32_t hc_memory_file(void);
/// Starts this program again with these arguments and environment (execve(2)), in an open folder, with standard output and error
/// going to these files. It is sent SIGTERM when the calling thread ends. Returns its process ID.
int32_t hc_child_start(const char *const arguments[], const char *const environment[], int32_t folder,
                       int32_t output, int32_t errors);
/// Waits for a child, at most `timeout_ns`. Returns 1 if it has ended, with `*status` its exit status, or 128 plus the signal that
/// killed it; otherwise 0.
int32_t hc_child_wait(int32_t child, int64_t timeout_ns, int32_t *status);
void hc_child_signal(int32_t child, int32_t signal);

/// The processor time of this process and of its children that it has waited for, in nanoseconds (getrusage(2)).
int64_t hc_processor_ns_used(void);
/// Whether this process may run on a processor (sched_getaffinity(2)).
bool hc_may_run_on(int32_t processor);
/// The number of ticks per second in /proc/stat.
int32_t hc_clock_ticks(void);
/// The release of the kernel (uname(2)), NUL-terminated.
int32_t hc_kernel_release(char *release, size_t capacity);

#endif
