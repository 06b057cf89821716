// Philox4x32-10 (Salmon et al. 2011), many blocks at a time.
// key = (seed low, seed high); counter = (block, step, stream low, stream high); block k gives words 4k … 4k+3.
#pragma once

#include "isa.h"

#if HUNCH_LEVEL >= 2
#include <immintrin.h>  // only always_inline intrinsics, nothing that is emitted
#endif

namespace HUNCH_NS {

typedef uint64_t Lanes64 __attribute__((vector_size(HUNCH_VECTOR_BYTES)));
constexpr int kLanes64 = HUNCH_VECTOR_BYTES / 8;

// Full product of the low 32 bits of each 64-bit lane; what stands in the high halves does not matter.
HUNCH_INLINE Lanes64 multiply_low_halves(Lanes64 a, Lanes64 b) {
#if HUNCH_LEVEL == 4
    return (Lanes64)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif HUNCH_LEVEL == 3
    return (Lanes64)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif HUNCH_LEVEL == 2
    return (Lanes64)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

// a0 b0 a1 b1 … : the low and the high half of the interleaved pair.
HUNCH_INLINE void interleave(Lanes64 a, Lanes64 b, Lanes64& low, Lanes64& high) {
#if HUNCH_LEVEL == 4
    low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#elif HUNCH_LEVEL == 3
    low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
#else
    low = __builtin_shufflevector(a, b, 0, 2);
    high = __builtin_shufflevector(a, b, 1, 3);
#endif
}

// Groups of vectors in flight at once: one chain of rounds alone would wait for its multiplications.
constexpr int kGroups = 4;
constexpr int kBlocksAtOnce = kGroups * kLanes64;

// kBlocksAtOnce blocks from `block` on, in order, to `out` (4 words a block, no alignment needed).
HUNCH_INLINE void philox_blocks(uint64_t seed, uint64_t stream, uint32_t step, uint32_t block, uint32_t* out) {
    Lanes64 c0[kGroups], c1[kGroups], c2[kGroups], c3[kGroups];
    const Lanes64 zero = {};
    Lanes64 iota;
    for (int i = 0; i < kLanes64; ++i) iota[i] = (uint64_t)i;
    for (int g = 0; g < kGroups; ++g) {
        c0[g] = iota + (uint64_t)(block + (uint32_t)(g * kLanes64));
        c1[g] = zero + (uint64_t)step;
        c2[g] = zero + (stream & 0xffffffffu);
        c3[g] = zero + (stream >> 32);
    }
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    const Lanes64 m0 = zero + (uint64_t)0xD2511F53u, m1 = zero + (uint64_t)0xCD9E8D57u;
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
        const Lanes64 key0 = zero + (uint64_t)k0, key1 = zero + (uint64_t)k1;
#pragma GCC unroll 4
        for (int g = 0; g < kGroups; ++g) {
            const Lanes64 p0 = multiply_low_halves(c0[g], m0), p1 = multiply_low_halves(c2[g], m1);
            c0[g] = (p1 >> 32) ^ c1[g] ^ key0;
            c1[g] = p1;
            c2[g] = (p0 >> 32) ^ c3[g] ^ key1;
            c3[g] = p0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
#pragma GCC unroll 4
    for (int g = 0; g < kGroups; ++g) {
        const Lanes64 first = (c0[g] & 0xffffffffu) | (c1[g] << 32), second = (c2[g] & 0xffffffffu) | (c3[g] << 32);
        Lanes64 low, high;
        interleave(first, second, low, high);
        __builtin_memcpy(out + 4 * (g * kLanes64), &low, sizeof low);
        __builtin_memcpy(out + 4 * (g * kLanes64) + 2 * kLanes64, &high, sizeof high);
    }
}

// n words from word 4·block on; writes exactly n.
inline void philox_words(uint64_t seed, uint64_t stream, uint32_t step, uint32_t block, size_t n, uint32_t* out) {
    constexpr size_t at_once = 4 * kBlocksAtOnce;
    size_t done = 0;
    for (; done + at_once <= n; done += at_once, block += kBlocksAtOnce)
        philox_blocks(seed, stream, step, block, out + done);
    if (done < n) {
        uint32_t rest[at_once];
        philox_blocks(seed, stream, step, block, rest);
        for (size_t i = done; i < n; ++i) out[i] = rest[i - done];
    }
}

}  // namespace HUNCH_NS
