// Counts the allocations of the process that links it: malloc, calloc and realloc of glibc are wrapped.

#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

#include <stdint.h>

/// Calls of malloc(3), calloc(3) and realloc(3) since the start of the process, on all threads.
uint64_t allocation_count(void);

#endif
