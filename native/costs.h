// The gradient of the costs over a batch.
#pragma once

#include "activations.h"
#include "matmul.h"

namespace HUNCH_NS {

// Up to lanes<T>() rows at once, one lane a row, so that maxima and sums over the classes need no work across lanes.
// `room`: 2 · lanes · stride numbers. Leaves e^(z - max) there, class after class, and returns their sum.
template <class T> HUNCH_INLINE Vec<T> softmax_block(Extent e, const T* z, int rows, T* room) {
    constexpr int L = lanes<T>();
    T* const turned = room;
    if (rows < L) {  // rows that are not there count as 0
        T* const copy = room + L * e.stride;
        __builtin_memset(copy, 0, (size_t)L * e.stride * sizeof(T));
        __builtin_memcpy(copy, z, (size_t)rows * e.stride * sizeof(T));
        z = copy;
    }
    transpose<T>(z, e.stride, turned, L, L, e.width);
    Vec<T> top = load<T>(turned), total = {};
    for (int j = 1; j < e.width; ++j) {
        const Vec<T> x = load<T>(turned + j * L);
        top = choose<T>(x <= top, top, x);  // a NaN wins
    }
    for (int j = 0; j < e.width; ++j) {
        const Vec<T> p = exponential<T>(load<T>(turned + j * L) - top);
        store<T>(turned + j * L, p);
        total += p;
    }
    return total;
}

// The gradient of the mean cost over the batch, in place of the outputs; pads become 0.
// Targets: int64 labels for cross-entropy, else T (rows, width). `index`: which examples the rows are.
template <class T> __attribute__((noinline)) void cost_gradient(int cost, Extent e, T* z, const void* y, const int32_t* index, T* room) {
    constexpr int L = lanes<T>();
    if (cost == hunch::kCrossEntropy) {
        const T share = (T)1 / (T)e.rows;
        for (int first = 0; first < e.rows; first += L) {
            const int rows = e.rows - first < L ? e.rows - first : L;
            T* const block = z + first * e.stride;
            const Vec<T> factor = share / softmax_block<T>(e, block, rows, room);
            for (int j = 0; j < e.width; ++j) store<T>(room + j * L, load<T>(room + j * L) * factor);
            // Classes beyond the width, up to a whole block of 16 bytes, were outputs of 0 that became something.
            for (int j = e.width; j < (e.width + 3) / 4 * 4; ++j) store<T>(room + j * L, Vec<T>{});
            if (rows == L) {
                transpose<T>(room, L, block, e.stride, e.width, L);
            } else {
                T* const copy = room + L * e.stride;
                transpose<T>(room, L, copy, e.stride, e.width, L);
                __builtin_memcpy(block, copy, (size_t)rows * e.stride * sizeof(T));
            }
            for (int r = 0; r < rows; ++r) block[r * e.stride + static_cast<const int64_t*>(y)[index[first + r]]] -= share;
        }
        return;
    }
    const T share = (T)(1.0 / ((double)e.rows * e.width));
    const Vec<T> one = splat<T>(1);
    for (int r = 0; r < e.rows; ++r) {
        T* const row = z + r * e.stride;
        const T* const target = static_cast<const T*>(y) + (ptrdiff_t)index[r] * e.width;
        for (int v = 0; v < e.vectors; ++v) {
            T padded[L] = {};
            const int n = e.width - v * L < L ? e.width - v * L : L;
            for (int i = 0; i < n; ++i) padded[i] = target[v * L + i];
            const Vec<T> x = load<T>(row + v * L), t = load<T>(padded);
            Vec<T> g;
            if (cost == hunch::kBinaryCrossEntropy) g = sigmoid<T>(x) - t;
            else g = x - t;
            if (cost == hunch::kSquaredError) g = g * (T)2;
            if (cost == hunch::kHuber) {
                g = choose<T>(g > one, one, g);
                g = choose<T>(g < -one, -one, g);
            }
            store<T>(row + v * L, choose<T>(lanes_below<T>(n), g * share, Vec<T>{}));
        }
    }
}

}  // namespace HUNCH_NS
