// The one seam for faults: each operation of the shim asks here first, in test builds only (HC_FAULTS).

#ifndef HOTCOLD_FAULTS_H
#define HOTCOLD_FAULTS_H

#include "CLiburing.h"

#ifdef HC_FAULTS

/// The errno (positive) that this call of an operation is to fail with, or 0.
int32_t hc_fault(enum hc_operation operation);
/// The faults of this thread, or NULL.
hc_faults *hc_faults_current(void);
bool hc_breaks(enum hc_break what);
/// Takes the types from what getdents64 gave, if asked to.
void hc_hide_types(void *entries, int64_t bytes);

#define HC_FAIL_IF_ASKED(operation)                                                                \
  do {                                                                                             \
    int32_t fault = hc_fault(operation);                                                           \
    if (fault)                                                                                     \
      return -fault;                                                                               \
  } while (0)

#else

#define HC_FAIL_IF_ASKED(operation) ((void)0)
#define hc_fault(operation) 0
#define hc_faults_current() ((hc_faults *)NULL)
#define hc_breaks(what) false
#define hc_hide_types(entries, bytes) ((void)0)

#endif
#endif
