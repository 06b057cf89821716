// exp, log and their relatives for vectors: a few units in the last place, NaN in gives NaN out.
#pragma once

#include "coefficients.h"
#include "simd.h"

namespace HUNCH_NS {

template <class T, int N> HUNCH_INLINE Vec<T> polynomial(const T (&c)[N], Vec<T> x) {
    Vec<T> sum = splat<T>(c[N - 1]);
#pragma GCC unroll 24
    for (int i = N - 2; i >= 0; --i) sum = sum * x + c[i];
    return sum;
}

template <class T> struct ExpConstants;
template <> struct ExpConstants<float> {
    static constexpr float log2e = 1.44269504f, ln2 = 0.693147181f, ln2_high = 0.693145752f, ln2_low = 1.42860677e-6f;
    static constexpr float low = -87.0f, high = 88.0f, round = 12582912.0f;  // 1.5 · 2^23
};
template <> struct ExpConstants<double> {
    static constexpr double log2e = 1.4426950408889634, ln2 = 0.6931471805599453, ln2_high = 0.69314718036912382, ln2_low = 1.9082149292705877e-10;
    static constexpr double low = -708.0, high = 709.0, round = 6755399441055744.0;  // 1.5 · 2^52
};

// x = n ln 2 + r, and (e^r - 1)/r. Beyond the range of finite normal numbers x is clamped.
template <class T> struct Reduced {
    IntVec<T> n;  // in the lowest bits; others are set too
    Vec<T> r, slope;
};

template <class T> HUNCH_INLINE Reduced<T> reduce(Vec<T> x) {
    using C = ExpConstants<T>;
    x = clamp<T>(x, C::low, C::high);
    const Vec<T> shifted = x * C::log2e + C::round;
    const Vec<T> n = shifted - C::round;
    // Where products are not rounded, one constant is as good as two: n · ln 2 is off by |n| · 2e-9 at most.
    const Vec<T> r = HUNCH_LEVEL >= 3 && sizeof(T) == 4 ? x - n * C::ln2 : (x - n * C::ln2_high) - n * C::ln2_low;
    return {bits<T>(shifted), r, polynomial<T>(Expm1Poly<T>::c, r)};
}

// The processors' two units for products are what an activation waits for, so 2^n goes into the exponent by an addition of
// integers. (A NaN has no bits set that the shift would keep.)
template <class T> HUNCH_INLINE Vec<T> exponential(Vec<T> x) {
    const Reduced<T> e = reduce<T>(x);
    return (Vec<T>)(bits<T>(e.r * e.slope + (T)1) + (e.n << Simd<T>::kMantissa));
}

template <class T> HUNCH_INLINE Vec<T> expm1(Vec<T> x) {
    const Reduced<T> e = reduce<T>(x);
    constexpr typename Simd<T>::Int bias = Simd<T>::kBias;
    const Vec<T> power = (Vec<T>)((e.n + bias) << Simd<T>::kMantissa);
    return e.r * e.slope * power + (power - (T)1);
}

// ln x for normal x > 0.
template <class T> HUNCH_INLINE Vec<T> logarithm(Vec<T> x) {
    typedef typename Simd<T>::Int Int;
    constexpr Int root_half = sizeof(T) == 4 ? (Int)0x3f3504f3 : (Int)0x3fe6a09e667f3bcd;
    constexpr Int one = (Int)Simd<T>::kBias << Simd<T>::kMantissa;
    const IntVec<T> offset = bits<T>(x) - root_half;
    const IntVec<T> exponent = offset >> Simd<T>::kMantissa;
    const Vec<T> m = (Vec<T>)(bits<T>(x) - (exponent << Simd<T>::kMantissa));
    const Vec<T> n = __builtin_convertvector(exponent, Vec<T>);
    (void)one;
    const Vec<T> s = (m - (T)1) / (m + (T)1);
    const Vec<T> z = s * s;
    constexpr int terms = sizeof(T) == 4 ? 5 : 12;  // atanh(s)/s = Σ z^k / (2k + 1)
    Vec<T> series = splat<T>((T)(1.0 / (2 * terms + 1)));
#pragma GCC unroll 12
    for (int k = terms - 1; k >= 1; --k) series = series * z + (T)(1.0 / (2 * k + 1));
    const Vec<T> two_s = s + s;
    const Vec<T> small = two_s * (series * z) + n * ExpConstants<T>::ln2_low;
    return n * ExpConstants<T>::ln2_high + (two_s + small);
}

// ln(1 + y) for y >= 0, exact where y is lost in 1 + y.
template <class T> HUNCH_INLINE Vec<T> log1p(Vec<T> y) {
    const Vec<T> u = y + (T)1;
    return logarithm<T>(u) + (y - (u - (T)1)) / u;
}

template <class T> HUNCH_INLINE Vec<T> sigmoid(Vec<T> x) { return reciprocal<T>(exponential<T>(-x) + (T)1); }

template <class T> HUNCH_INLINE Vec<T> hyperbolic_tangent(Vec<T> x) {
    const Vec<T> e = expm1<T>(absolute<T>(x) * (T)-2);  // in (-1, 0]
    return with_sign_of<T>(-e / (e + (T)2), x);
}

// erf to absolute accuracy (it is only ever added to 1); also e^(-x^2).
template <class T> HUNCH_INLINE Vec<T> error_function(Vec<T> x, Vec<T>& gauss) {
    Vec<T> z = absolute<T>(x);
    z = choose<T>(z > (T)6, splat<T>((T)6), z);
    gauss = exponential<T>(-(x * x));
    const Vec<T> t = (T)1 / (z * (T)0.5 + (T)1);
    const Vec<T> u = t * (T)(8.0 / 3.0) - (T)(5.0 / 3.0);
    return with_sign_of<T>((T)1 - polynomial<T>(ErfcPoly<T>::c, u) * gauss, x);
}

// The standard normal quantile at (word + 1/2)/2^32.
template <class T> HUNCH_INLINE Vec<T> normal_of_words(typename Simd<T>::Word word) {
    typedef typename Simd<T>::Word Word;
    const Word flipped = ~word;
    const Word tail = (word < flipped) ? word : flipped;  // the smaller of p and 1 - p
    const Vec<T> m = (__builtin_convertvector(tail, Vec<T>) + (T)0.5) * (T)(1.0 / 4294967296.0);
    const Vec<T> w = -logarithm<T>(m * ((T)4 - m * (T)4));
    const Vec<T> centre = polynomial<T>(QuantileCentre<T>::c, w * (T)0.4 - (T)1);
    const Vec<T> root = square_roots<T>(choose<T>(w > (T)0, w, splat<T>(0)));
    const Vec<T> far = polynomial<T>(QuantileTail<T>::c, (root - (T)3.4375) * (T)(1.0 / 1.203125));
    const Vec<T> ratio = choose<T>(w < (T)5, centre, far);
    const Vec<T> size = ratio * ((T)1 - m * (T)2);
    const Word low_half = word < flipped;
    const IntVec<T> negative = __builtin_convertvector((low_half & 1u), IntVec<T>) != 0;
    return choose<T>(negative, -size, size);
}

}  // namespace HUNCH_NS
