// Vectors of numbers as wide as the level's registers, by compiler vector extensions.
#pragma once

#include "isa.h"

#if HUNCH_LEVEL >= 2
#include <immintrin.h>  // only always_inline intrinsics, nothing that is emitted
#endif

namespace HUNCH_NS {

template <class T> struct Simd;

template <> struct Simd<float> {
    typedef float V __attribute__((vector_size(HUNCH_VECTOR_BYTES)));
    typedef int32_t I __attribute__((vector_size(HUNCH_VECTOR_BYTES)));
    typedef uint32_t U __attribute__((vector_size(HUNCH_VECTOR_BYTES)));
    typedef uint16_t Half __attribute__((vector_size(HUNCH_VECTOR_BYTES / 2)));
    typedef uint32_t Word __attribute__((vector_size(HUNCH_VECTOR_BYTES)));
    typedef int32_t Int;
    static constexpr int kMantissa = 23, kBias = 127;
};

template <> struct Simd<double> {
    typedef double V __attribute__((vector_size(HUNCH_VECTOR_BYTES)));
    typedef int64_t I __attribute__((vector_size(HUNCH_VECTOR_BYTES)));
    typedef uint64_t U __attribute__((vector_size(HUNCH_VECTOR_BYTES)));
    typedef uint16_t Half __attribute__((vector_size(HUNCH_VECTOR_BYTES / 4)));
    typedef uint32_t Word __attribute__((vector_size(HUNCH_VECTOR_BYTES / 2)));
    typedef int64_t Int;
    static constexpr int kMantissa = 52, kBias = 1023;
};

template <class T> using Vec = typename Simd<T>::V;
template <class T> using IntVec = typename Simd<T>::I;
template <class T> constexpr int lanes() { return HUNCH_VECTOR_BYTES / (int)sizeof(T); }

template <class T> HUNCH_INLINE Vec<T> load(const T* p) {
    Vec<T> v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

template <class T> HUNCH_INLINE void store(T* p, Vec<T> v) { __builtin_memcpy(p, &v, sizeof v); }

template <class T> HUNCH_INLINE Vec<T> splat(T x) { return x - Vec<T>{}; }

// mask ? a : b, lane by lane; a NaN in a comparison counts as false.
template <class T> HUNCH_INLINE Vec<T> choose(IntVec<T> mask, Vec<T> a, Vec<T> b) { return mask ? a : b; }

template <class T> HUNCH_INLINE IntVec<T> bits(Vec<T> v) { return (IntVec<T>)v; }

template <class T> HUNCH_INLINE Vec<T> absolute(Vec<T> v) {
    constexpr typename Simd<T>::Int sign = (typename Simd<T>::Int)((uint64_t)1 << (8 * sizeof(T) - 1));
    return (Vec<T>)(bits<T>(v) & ~sign);
}

template <class T> HUNCH_INLINE Vec<T> with_sign_of(Vec<T> size, Vec<T> sign_from) {
    constexpr typename Simd<T>::Int sign = (typename Simd<T>::Int)((uint64_t)1 << (8 * sizeof(T) - 1));
    return (Vec<T>)(bits<T>(size) | (bits<T>(sign_from) & sign));
}

template <class T> HUNCH_INLINE T sum(Vec<T> v) {
    T lane[lanes<T>()];
    store<T>(lane, v);
#pragma GCC unroll 4
    for (int width = lanes<T>() / 2; width > 0; width /= 2)
#pragma GCC unroll 16
        for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
    return lane[0];
}

// A NaN in any lane gives NaN.
template <class T> HUNCH_INLINE T largest(Vec<T> v) {
    T lane[lanes<T>()];
    store<T>(lane, v);
    T best = lane[0];
    for (int i = 1; i < lanes<T>(); ++i) best = (lane[i] <= best) ? best : lane[i];
    return best;
}

HUNCH_INLINE float square_root(float x) { return __builtin_sqrtf(x); }
HUNCH_INLINE double square_root(double x) { return __builtin_sqrt(x); }

template <class T> HUNCH_INLINE Vec<T> square_roots(Vec<T> v) {
#if HUNCH_LEVEL == 4
    if constexpr (sizeof(T) == 4) return (Vec<T>)_mm512_sqrt_ps((__m512)v);
    else return (Vec<T>)_mm512_sqrt_pd((__m512d)v);
#elif HUNCH_LEVEL == 3
    if constexpr (sizeof(T) == 4) return (Vec<T>)_mm256_sqrt_ps((__m256)v);
    else return (Vec<T>)_mm256_sqrt_pd((__m256d)v);
#elif HUNCH_LEVEL == 2
    if constexpr (sizeof(T) == 4) return (Vec<T>)_mm_sqrt_ps((__m128)v);
    else return (Vec<T>)_mm_sqrt_pd((__m128d)v);
#else
    for (int i = 0; i < lanes<T>(); ++i) v[i] = square_root(v[i]);
    return v;
#endif
}

// 1 / v for 1 <= v: to an ulp or two, and cheaper than a division where the processor helps.
template <class T> HUNCH_INLINE Vec<T> reciprocal(Vec<T> v) {
#if HUNCH_LEVEL == 4
    if constexpr (sizeof(T) == 4) {
        const Vec<T> guess = (Vec<T>)_mm512_rcp14_ps((__m512)v);
        return guess + guess * ((T)1 - v * guess);
    }
#endif
    return (T)1 / v;
}

// v, but at least `low` and at most `high`; a NaN stays.
template <class T> HUNCH_INLINE Vec<T> clamp(Vec<T> v, T low, T high) {
#if HUNCH_LEVEL == 4
    // Of two operands, one of them NaN, these instructions return the second.
    if constexpr (sizeof(T) == 4) return (Vec<T>)_mm512_min_ps((__m512)splat<T>(high), _mm512_max_ps((__m512)splat<T>(low), (__m512)v));
    else return (Vec<T>)_mm512_min_pd((__m512d)splat<T>(high), _mm512_max_pd((__m512d)splat<T>(low), (__m512d)v));
#elif HUNCH_LEVEL == 3
    if constexpr (sizeof(T) == 4) return (Vec<T>)_mm256_min_ps((__m256)splat<T>(high), _mm256_max_ps((__m256)splat<T>(low), (__m256)v));
    else return (Vec<T>)_mm256_min_pd((__m256d)splat<T>(high), _mm256_max_pd((__m256d)splat<T>(low), (__m256d)v));
#elif HUNCH_LEVEL == 2
    if constexpr (sizeof(T) == 4) return (Vec<T>)_mm_min_ps((__m128)splat<T>(high), _mm_max_ps((__m128)splat<T>(low), (__m128)v));
    else return (Vec<T>)_mm_min_pd((__m128d)splat<T>(high), _mm_max_pd((__m128d)splat<T>(low), (__m128d)v));
#else
    v = choose<T>(v < low, splat<T>(low), v);
    return choose<T>(v > high, splat<T>(high), v);
#endif
}

// Lanes whose index is below n: all bits set, else 0.
template <class T> HUNCH_INLINE IntVec<T> lanes_below(int n) {
    IntVec<T> iota;
    for (int i = 0; i < lanes<T>(); ++i) iota[i] = i;
    return iota < (typename Simd<T>::Int)n;
}

}  // namespace HUNCH_NS
