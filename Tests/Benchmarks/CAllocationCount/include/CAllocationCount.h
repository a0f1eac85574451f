#ifndef ACKSCOPE_CALLOCATIONCOUNT_H
#define ACKSCOPE_CALLOCATIONCOUNT_H

#include <stdint.h>

// How often this process has asked for memory so far: malloc, calloc, realloc and the aligned kinds.
// 0 for ever where the C library's own allocator cannot be stood in front of.
uint64_t ackscope_allocations(void);

// Whether allocations are counted here.
int ackscope_counts_allocations(void);

#endif
