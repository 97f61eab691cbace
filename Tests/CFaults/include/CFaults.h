// Faults on demand: a call of the shim (CLiburing) fails instead of being made.

#ifndef HOTCOLD_CFAULTS_H
#define HOTCOLD_CFAULTS_H

#include <stdbool.h>
#include <stdint.h>

/// The operations that can be made to fail.
enum hc_operation {
  HC_OP_NONE,
  HC_OP_RENAME,
  HC_OP_LINK,
  HC_OP_UNLINK,
  HC_OP_MKDIR,
  HC_OP_STATX,
  HC_OP_GETDENTS,
  HC_OP_OPENAT2,
  HC_OP_SYNCFS, ///< or fsync
  HC_OP_READ,
  HC_OP_CREATE,
  HC_OP_WRITE,
  HC_OP_CLOSE, ///< of a file that was written; it is closed all the same
  HC_OP_CHANGE, ///< of owner or mode
  HC_OP_LEASE,
  HC_OP_THREAD, ///< none is granted
  HC_OP_SUBMIT,
  HC_OP_WAIT,
  HC_OP_RING_RENAME, ///< a rename that completes with the errno and was never executed
};

/// What is to go wrong. `calls` and `fired` tell what happened.
typedef struct {
  int32_t operation; ///< HC_OP_…
  int32_t error;     ///< the errno
  uint32_t first;    ///< which call of it fails, from 1
  bool forever;      ///< and all after it
  bool late;         ///< completions are held back and come in reverse order
  bool small;        ///< every submission takes one request
  bool no_noreplace; ///< every rename says EINVAL, as where there is no RENAME_NOREPLACE
  bool no_types;     ///< folders tell no types of their entries, as on ext4 without `filetype`
  bool no_unnamed;   ///< no file without a name, as where there is no O_TMPFILE
  const char *before_rename_from; ///< what another process renames just before the next rename that refuses to replace …
  const char *before_rename_to;   ///< … to this path
  const char *written_meanwhile; ///< what another process appends to during each sleep
  uint32_t calls;
  uint32_t fired;
} hc_faults;

/// From now on these faults happen to this thread and to those that it starts; NULL ends them.
void hc_faults_use(hc_faults *faults);

#endif
