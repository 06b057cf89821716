// An epoch's permutation: the stable sorting order of its words.
#pragma once

#include "random.h"

namespace HUNCH_NS {

// Room needed at `scratch`, in 32-bit words.
HUNCH_INLINE size_t order_scratch(size_t n) { return 3 * n + 3 * 2048; }

// A radix sort from the lowest bits on; `words` and `from` are worked on and left in disorder.
template <int kPasses, int kBits>
HUNCH_INLINE void sort_indices(size_t n, uint32_t* words, uint32_t* other_words, int32_t* from, int32_t* to, uint32_t* counts) {
    constexpr uint32_t kBuckets = 1u << kBits;
    __builtin_memset(counts, 0, kPasses * kBuckets * sizeof *counts);
    for (size_t i = 0; i < n; ++i) {
        from[i] = (int32_t)i;
        for (int pass = 0; pass < kPasses; ++pass) ++counts[pass * kBuckets + ((words[i] >> (kBits * pass)) & (kBuckets - 1))];
    }
    for (int pass = 0; pass < kPasses; ++pass) {
        uint32_t* const count = counts + pass * kBuckets;
        uint32_t before = 0;
        for (uint32_t k = 0; k < kBuckets; ++k) {
            const uint32_t here = count[k];
            count[k] = before;
            before += here;
        }
        for (size_t i = 0; i < n; ++i) {
            const uint32_t at = count[(words[i] >> (kBits * pass)) & (kBuckets - 1)]++;
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
}

// `order`: n indices. Few are sorted in passes of 8 bits, many in passes of 11: the same order.
__attribute__((noinline)) inline void epoch_order(uint64_t seed, uint64_t stream, uint32_t epoch, size_t n, int32_t* order, uint32_t* scratch) {
    uint32_t *const words = scratch, *const other_words = scratch + n, *const counts = scratch + 3 * n;
    int32_t* const room = reinterpret_cast<int32_t*>(scratch + 2 * n);
    philox_words(seed, stream, epoch, 0, n, words);
    // The result stands in what was `to` at the first of an odd number of passes, in what was `from` after an even number.
    if (n < 8192) sort_indices<4, 8>(n, words, other_words, order, room, counts);
    else sort_indices<3, 11>(n, words, other_words, room, order, counts);
}

}  // namespace HUNCH_NS
