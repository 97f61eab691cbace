// Bare loops of system calls: the floor that everything else is measured against.

#define _GNU_SOURCE
#include "CLiburing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

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
