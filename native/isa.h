// Instruction levels. Every file that holds kernels is compiled once a level, each time into a namespace of its own,
// so that the linker can never merge code of one level into another. Kernel files therefore include no standard
// library header that defines functions; <stdint.h> and <stddef.h> are all they need.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifndef HUNCH_LEVEL
#error "compile kernel files with -DHUNCH_LEVEL=0 (portable), 2, 3 or 4"
#endif

#define HUNCH_JOIN2(a, b) a##b
#define HUNCH_JOIN(a, b) HUNCH_JOIN2(a, b)
#define HUNCH_NS HUNCH_JOIN(level, HUNCH_LEVEL)

#if HUNCH_LEVEL == 4
#define HUNCH_VECTOR_BYTES 64
#elif HUNCH_LEVEL == 3
#define HUNCH_VECTOR_BYTES 32
#else
#define HUNCH_VECTOR_BYTES 16
#endif

#define HUNCH_INLINE static inline __attribute__((always_inline))
