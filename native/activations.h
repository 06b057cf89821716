// Activation functions with their slopes, dropout, and the pass that applies both.
#pragma once

#include "functions.h"
#include "task.h"

namespace HUNCH_NS {

// f(x) and f'(x); slope is only computed where it is used.
template <class T, int A> struct Activate {
    HUNCH_INLINE void both(Vec<T> x, Vec<T>& f, Vec<T>& slope) {
        using namespace hunch;
        const Vec<T> zero = {}, one = splat<T>(1);
        if constexpr (A == kIdentity) {
            f = x;
            slope = one;
        } else if constexpr (A == kRelu) {
            f = choose<T>(x < zero, zero, x);  // NaN stays NaN
            slope = choose<T>(x > zero, one, zero);
        } else if constexpr (A == kLeakyRelu) {
            slope = choose<T>(x > zero, one, splat<T>((T)0.01));
            f = x * slope;
        } else if constexpr (A == kElu) {
            const Vec<T> e = expm1<T>(choose<T>(x > zero, zero, x));
            f = choose<T>(x > zero, x, e);
            slope = choose<T>(x > zero, one, e + one);
        } else if constexpr (A == kGelu) {
            Vec<T> gauss;
            const Vec<T> cdf = (error_function<T>(x * (T)0.70710678118654752440, gauss) + (T)1) * (T)0.5;
            f = x * cdf;
            slope = cdf + x * gauss * (T)0.39894228040143267794;
        } else if constexpr (A == kGeluTanh) {
            constexpr T c = (T)0.79788456080286535588, k = (T)0.044715;
            const Vec<T> t = hyperbolic_tangent<T>((x + x * x * x * k) * c);
            f = x * (T)0.5 * (t + (T)1);
            slope = (t + (T)1) * (T)0.5 + x * (T)0.5 * (one - t * t) * (x * x * ((T)3 * k) + (T)1) * c;
        } else if constexpr (A == kSilu) {
            const Vec<T> s = sigmoid<T>(x);
            f = x * s;
            slope = s * (x * (one - s) + (T)1);
        } else if constexpr (A == kSigmoid) {
            f = sigmoid<T>(x);
            slope = f * (one - f);
        } else if constexpr (A == kTanh) {
            f = hyperbolic_tangent<T>(x);
            slope = one - f * f;
        } else {
            const Vec<T> e = exponential<T>(choose<T>(x > (T)20, splat<T>((T)20), x));
            f = choose<T>(x > (T)20, x, log1p<T>(e));
            slope = choose<T>(x > (T)20, one, e / (e + (T)1));
        }
    }
};

// Where a pass finds what dropout multiplies by.
template <class T> struct Mask {
    const uint16_t* halves;  // bernoulli: one draw an element, elements in order
    int threshold;
    T scale;
    const T* factors;        // gaussian, exact: one factor an element, rows `stride` apart
};

enum MaskKind { kNoMask, kHalves, kFactors };

// The reach of one pass: rows of `vectors` whole vectors, `stride` numbers apart, of which the first `width` count.
struct Extent {
    int rows, width, vectors;
    ptrdiff_t stride;
};

template <class T, int A, int M>
__attribute__((noinline)) void activate_pass(Extent e, const T* x, const T* gamma, const T* beta, T* out, T* slopes, Mask<T> mask) {
    constexpr int L = lanes<T>();
    typedef typename Simd<T>::Half Half;
    const Vec<T> zero = {}, scale = splat<T>(mask.scale);
    for (int r = 0; r < e.rows; ++r) {
        const T* const in = x + r * e.stride;
        T *const f_out = out + r * e.stride, *const s_out = slopes + r * e.stride;
        for (int v = 0; v < e.vectors; ++v) {
            Vec<T> f, slope;
            Activate<T, A>::both(load<T>(in + v * L) * load<T>(gamma + v * L) + load<T>(beta + v * L), f, slope);
            if constexpr (M != kNoMask) {
                Vec<T> m;
#if HUNCH_LEVEL == 4
                if constexpr (M == kHalves && sizeof(T) == 4) {
                    // The 16 draws are compared as they lie; a threshold of 65536 keeps all, and is below 1 never.
                    const __m256i half = _mm256_loadu_si256((const __m256i_u*)(mask.halves + (size_t)r * e.width + v * L));
                    const __mmask16 kept = _mm256_cmple_epu16_mask(half, _mm256_set1_epi16((short)(mask.threshold - 1)));
                    m = (Vec<T>)_mm512_maskz_mov_ps(kept, (__m512)scale);
                } else
#endif
                if constexpr (M == kHalves) {
                    Half half;
                    __builtin_memcpy(&half, mask.halves + (size_t)r * e.width + v * L, sizeof half);
                    const IntVec<T> draw = __builtin_convertvector(half, IntVec<T>);
                    m = choose<T>(draw < (typename Simd<T>::Int)mask.threshold, scale, zero);
                } else {
                    m = load<T>(mask.factors + r * e.stride + v * L);
                }
                f = f * m;
                slope = slope * m;
            }
            store<T>(f_out + v * L, f);
            store<T>(s_out + v * L, slope);
        }
    }
}

#define HUNCH_EACH_ACTIVATION(X)                                                                                       \
    X(hunch::kIdentity) X(hunch::kRelu) X(hunch::kLeakyRelu) X(hunch::kElu) X(hunch::kGelu) X(hunch::kGeluTanh)        \
    X(hunch::kSilu) X(hunch::kSigmoid) X(hunch::kTanh) X(hunch::kSoftplus)

// out = f(gamma·x + beta)·mask, slopes = f'(gamma·x + beta)·mask.
template <class T>
HUNCH_INLINE void activate(int kind, MaskKind mask_kind, Extent e, const T* x, const T* gamma, const T* beta, T* out, T* slopes, Mask<T> mask) {
    switch (kind) {
#define HUNCH_CASE(A)                                                                                     \
    case A:                                                                                               \
        if (mask_kind == kNoMask) activate_pass<T, A, kNoMask>(e, x, gamma, beta, out, slopes, mask);     \
        else if (mask_kind == kHalves) activate_pass<T, A, kHalves>(e, x, gamma, beta, out, slopes, mask); \
        else activate_pass<T, A, kFactors>(e, x, gamma, beta, out, slopes, mask);                         \
        break;
        HUNCH_EACH_ACTIVATION(HUNCH_CASE)
#undef HUNCH_CASE
    }
}

}  // namespace HUNCH_NS
