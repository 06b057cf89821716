// An epoch's permutation: the stable sorting order of its words.
#pragma once

#include "random.h"

namespace HUNCH_NS {

// Room needed at `scratch`, in 32-bit words.
HUNCH_INLINE size_t order_scratch(size_t n) { return 3 * n + 3 * 2048; }

// Radix sort in three passes of 11 bits. `order`: n indices.
__attribute__((noinline)) inline void epoch_order(uint64_t seed, uint64_t stream, uint32_t epoch, size_t n, int32_t* order, uint32_t* scratch) {
    uint32_t* words = scratch;
    uint32_t* other_words = scratch + n;
    int32_t* from = reinterpret_cast<int32_t*>(scratch + 2 * n);
    int32_t* to = order;
    uint32_t* const counts = scratch + 3 * n;
    philox_words(seed, stream, epoch, 0, n, words);
    __builtin_memset(counts, 0, 3 * 2048 * sizeof *counts);
    for (size_t i = 0; i < n; ++i) {
        from[i] = (int32_t)i;
        ++counts[words[i] & 2047];
        ++counts[2048 + ((words[i] >> 11) & 2047)];
        ++counts[4096 + (words[i] >> 22)];
    }
    for (int pass = 0; pass < 3; ++pass) {
        const int shift = 11 * pass;
        uint32_t* const count = counts + 2048 * pass;
        uint32_t before = 0;
        for (int k = 0; k < 2048; ++k) {
            const uint32_t here = count[k];
            count[k] = before;
            before += here;
        }
        for (size_t i = 0; i < n; ++i) {
            const uint32_t at = count[(words[i] >> shift) & 2047]++;
            other_words[at] = words[i];
            to[at] = from[i];
        }
        uint32_t* const w = words;
        words = other_words;
        other_words = w;
        int32_t* const o = from;
        from = to;
        to = o;
    }
    // Three passes: the result stands in what was `order` at the first pass.
}

}  // namespace HUNCH_NS
