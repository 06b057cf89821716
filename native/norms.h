// Batch, layer, rms and group norm: forward leaves the normalised values in place of the input, backward the gradient of
// the input in place of that of the output. Scaling by gamma and beta is not done here but in the pass that follows.
#pragma once

#include "activations.h"

namespace HUNCH_NS {

// One group of columns at a time, several rows in flight.
template <class T> HUNCH_INLINE Vec<T> column_sum(const T* x, int rows, ptrdiff_t stride) {
    Vec<T> a = {}, b = {}, c = {}, d = {};
    int r = 0;
    for (; r + 4 <= rows; r += 4) {
        a += load<T>(x + r * stride);
        b += load<T>(x + (r + 1) * stride);
        c += load<T>(x + (r + 2) * stride);
        d += load<T>(x + (r + 3) * stride);
    }
    for (; r < rows; ++r) a += load<T>(x + r * stride);
    return (a + b) + (c + d);
}

template <class T> __attribute__((noinline)) void column_sums(Extent e, const T* x, T* out) {
    for (int v = 0; v < e.vectors; ++v)
        store<T>(out + v * lanes<T>(), column_sum<T>(x + v * lanes<T>(), e.rows, e.stride));
}

// x *= y
template <class T> __attribute__((noinline)) void multiply(Extent e, T* x, const T* y) {
    constexpr int L = lanes<T>();
    for (int r = 0; r < e.rows; ++r)
        for (int v = 0; v < e.vectors; ++v) {
            T* const at = x + r * e.stride + v * L;
            store<T>(at, load<T>(at) * load<T>(y + r * e.stride + v * L));
        }
}

// Running statistics as nn.BatchNorm1d keeps them: the new value weighs `momentum`, the variance is the unbiased one.
template <class T>
__attribute__((noinline)) void batch_norm(Extent e, T* x, T eps, T momentum, T* inverse_sd, T* running_mean, T* running_variance) {
    constexpr int L = lanes<T>();
    const T n = (T)e.rows;
    for (int v = 0; v < e.vectors; ++v) {
        T* const column = x + v * L;
        const Vec<T> mean = column_sum<T>(column, e.rows, e.stride) / n;
        Vec<T> a = {}, b = {}, c = {}, d = {};
        int r = 0;
        for (; r + 4 <= e.rows; r += 4) {
            const Vec<T> p = load<T>(column + r * e.stride) - mean, q = load<T>(column + (r + 1) * e.stride) - mean;
            const Vec<T> s = load<T>(column + (r + 2) * e.stride) - mean, t = load<T>(column + (r + 3) * e.stride) - mean;
            a += p * p;
            b += q * q;
            c += s * s;
            d += t * t;
        }
        for (; r < e.rows; ++r) {
            const Vec<T> p = load<T>(column + r * e.stride) - mean;
            a += p * p;
        }
        const Vec<T> squares = (a + b) + (c + d);
        const Vec<T> inverse = (T)1 / square_roots<T>(squares / n + eps);
        store<T>(inverse_sd + v * L, inverse);
        store<T>(running_mean + v * L, load<T>(running_mean + v * L) * ((T)1 - momentum) + mean * momentum);
        store<T>(running_variance + v * L,
                 load<T>(running_variance + v * L) * ((T)1 - momentum) + squares / (n - (T)1) * momentum);
        for (r = 0; r < e.rows; ++r)
            store<T>(column + r * e.stride, (load<T>(column + r * e.stride) - mean) * inverse);
    }
}

// g *= slopes (unless null), and the gradients of gamma and beta: sums over the batch of g·x̂ and of g.
template <class T>
__attribute__((noinline)) void scale_gradients(Extent e, T* g, const T* slopes, const T* normal, T* gamma_grad, T* beta_grad) {
    constexpr int L = lanes<T>();
    for (int v = 0; v < e.vectors; ++v) {
        Vec<T> s0 = {}, s1 = {}, p0 = {}, p1 = {};
        int r = 0;
        for (; r + 2 <= e.rows; r += 2) {
            T *const at = g + r * e.stride + v * L, *const next = at + e.stride;
            Vec<T> a = load<T>(at), b = load<T>(next);
            if (slopes != nullptr) {
                a = a * load<T>(slopes + r * e.stride + v * L);
                b = b * load<T>(slopes + (r + 1) * e.stride + v * L);
                store<T>(at, a);
                store<T>(next, b);
            }
            s0 += a;
            s1 += b;
            p0 += a * load<T>(normal + r * e.stride + v * L);
            p1 += b * load<T>(normal + (r + 1) * e.stride + v * L);
        }
        if (r < e.rows) {
            T* const at = g + r * e.stride + v * L;
            Vec<T> a = load<T>(at);
            if (slopes != nullptr) {
                a = a * load<T>(slopes + r * e.stride + v * L);
                store<T>(at, a);
            }
            s0 += a;
            p0 += a * load<T>(normal + r * e.stride + v * L);
        }
        store<T>(beta_grad + v * L, s0 + s1);
        store<T>(gamma_grad + v * L, p0 + p1);
    }
}

template <class T>
__attribute__((noinline)) void batch_norm_back(Extent e, T* g, const T* normal, const T* gamma, const T* inverse_sd, const T* gamma_grad, const T* beta_grad) {
    constexpr int L = lanes<T>();
    const T share = (T)1 / (T)e.rows;
    for (int v = 0; v < e.vectors; ++v) {
        const Vec<T> factor = load<T>(gamma + v * L) * load<T>(inverse_sd + v * L);
        const Vec<T> mean = load<T>(beta_grad + v * L) * share, slope = load<T>(gamma_grad + v * L) * share;
        for (int r = 0; r < e.rows; ++r) {
            T* const at = g + r * e.stride + v * L;
            store<T>(at, factor * (load<T>(at) - mean - load<T>(normal + r * e.stride + v * L) * slope));
        }
    }
}

// Layer norm, or rms norm (no mean taken away). What lies beyond the width is left 0.
template <class T> __attribute__((noinline)) void row_norm(Extent e, T* x, bool centred, T eps, T* inverse_sd) {
    constexpr int L = lanes<T>();
    const IntVec<T> last = lanes_below<T>(e.width - (e.vectors - 1) * L);
    const Vec<T> zero = {};
    for (int r = 0; r < e.rows; ++r) {
        T* const row = x + r * e.stride;
        T* const end = row + (e.vectors - 1) * L;
        store<T>(end, choose<T>(last, load<T>(end), zero));
        Vec<T> mean = zero;
        if (centred) {
            Vec<T> s = zero;
            for (int v = 0; v < e.vectors; ++v) s += load<T>(row + v * L);
            mean = splat<T>(sum<T>(s) / (T)e.width);
        }
        Vec<T> squares = zero;
        for (int v = 0; v < e.vectors; ++v) {
            Vec<T> d = load<T>(row + v * L) - mean;
            if (v == e.vectors - 1) d = choose<T>(last, d, zero);
            store<T>(row + v * L, d);
            squares += d * d;
        }
        const T inverse = (T)1 / square_root(sum<T>(squares) / (T)e.width + eps);
        inverse_sd[r] = inverse;
        for (int v = 0; v < e.vectors; ++v) store<T>(row + v * L, load<T>(row + v * L) * inverse);
    }
}

template <class T>
__attribute__((noinline)) void row_norm_back(Extent e, T* g, const T* normal, const T* gamma, bool centred, const T* inverse_sd) {
    constexpr int L = lanes<T>();
    const IntVec<T> last = lanes_below<T>(e.width - (e.vectors - 1) * L);
    const Vec<T> zero = {};
    for (int r = 0; r < e.rows; ++r) {
        T* const row = g + r * e.stride;
        const T* const x = normal + r * e.stride;
        Vec<T> total = zero, along = zero;
        for (int v = 0; v < e.vectors; ++v) {
            const Vec<T> scaled = load<T>(row + v * L) * load<T>(gamma + v * L);
            store<T>(row + v * L, scaled);
            total += scaled;
            along += scaled * load<T>(x + v * L);
        }
        const T mean = centred ? sum<T>(total) / (T)e.width : (T)0, slope = sum<T>(along) / (T)e.width;
        for (int v = 0; v < e.vectors; ++v) {
            Vec<T> d = (load<T>(row + v * L) - mean - load<T>(x + v * L) * slope) * inverse_sd[r];
            if (v == e.vectors - 1) d = choose<T>(last, d, zero);
            store<T>(row + v * L, d);
        }
    }
}

// Group norm: groups rarely fill vectors, so one number at a time. inverse_sd holds one value a row and group.
template <class T> __attribute__((noinline)) void group_norm(Extent e, T* x, int groups, T eps, T* inverse_sd) {
    const int size = e.width / groups;
    for (int r = 0; r < e.rows; ++r)
        for (int k = 0; k < groups; ++k) {
            T* const part = x + r * e.stride + k * size;
            T total = 0, squares = 0;
            for (int i = 0; i < size; ++i) total += part[i];
            const T mean = total / (T)size;
            for (int i = 0; i < size; ++i) squares += (part[i] - mean) * (part[i] - mean);
            const T inverse = (T)1 / square_root(squares / (T)size + eps);
            inverse_sd[r * groups + k] = inverse;
            for (int i = 0; i < size; ++i) part[i] = (part[i] - mean) * inverse;
        }
}

template <class T>
__attribute__((noinline)) void group_norm_back(Extent e, T* g, const T* normal, const T* gamma, int groups, const T* inverse_sd) {
    const int size = e.width / groups;
    for (int r = 0; r < e.rows; ++r)
        for (int k = 0; k < groups; ++k) {
            T* const part = g + r * e.stride + k * size;
            const T* const x = normal + r * e.stride + k * size;
            T total = 0, along = 0;
            for (int i = 0; i < size; ++i) {
                part[i] *= gamma[k * size + i];
                total += part[i];
                along += part[i] * x[i];
            }
            for (int i = 0; i < size; ++i)
                part[i] = (part[i] - total / (T)size - x[i] * (along / (T)size)) * inverse_sd[r * groups + k];
        }
}

}  // namespace HUNCH_NS
