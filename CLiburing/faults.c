// Faults on demand, in test builds (HC_FAULTS): a call of an operation fails instead of being made.

#include "faults.h"

#include <string.h>

#ifdef HC_FAULTS

static _Thread_local hc_faults *current;

bool hc_faults_use(hc_faults *faults) {
  current = faults;
  return true;
}

hc_faults *hc_faults_current(void) { return current; }

bool hc_breaks(enum hc_break what) { return current && current->breaks == (int32_t)what; }

int32_t hc_fault(enum hc_operation operation) {
  if (!current || current->operation != (int32_t)operation)
    return 0;
  uint32_t call = __atomic_add_fetch(&current->calls, 1, __ATOMIC_RELAXED);
  if (call != current->first && !(current->forever && call > current->first))
    return 0;
  __atomic_add_fetch(&current->fired, 1, __ATOMIC_RELAXED);
  return current->error;
}

// struct linux_dirent64, getdents64(2): d_reclen at 16, d_type at 18.
void hc_hide_types(void *entries, int64_t bytes) {
  if (!current || !current->no_types)
    return;
  char *entry = entries;
  for (int64_t offset = 0; offset < bytes;) {
    uint16_t length;
    memcpy(&length, entry + offset + 16, sizeof length);
    entry[offset + 18] = HC_TYPE_UNKNOWN;
    offset += length;
  }
}

#else

bool hc_faults_use(hc_faults *faults) {
  (void)faults;
  return false;
}

#endif
