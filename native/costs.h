// The costs: their gradient over a batch, and their sum (and the errors) over examples that are judged.
#pragma once

#include "activations.h"

namespace HUNCH_NS {

// e^(z - max) of one row into `out` (pads 0), and the sum; returns the maximum.
template <class T> HUNCH_INLINE T softmax_row(Extent e, const T* z, T* out, T& total) {
    constexpr int L = lanes<T>();
    const IntVec<T> last = lanes_below<T>(e.width - (e.vectors - 1) * L);
    const Vec<T> low = splat<T>((T)-1e30), zero = {};
    Vec<T> top = low;
    for (int v = 0; v < e.vectors; ++v) {
        Vec<T> x = load<T>(z + v * L);
        if (v == e.vectors - 1) x = choose<T>(last, x, low);
        top = choose<T>(x <= top, top, x);  // a NaN wins
    }
    const T biggest = largest<T>(top);
    Vec<T> s = zero;
    for (int v = 0; v < e.vectors; ++v) {
        Vec<T> p = exponential<T>(load<T>(z + v * L) - biggest);
        if (v == e.vectors - 1) p = choose<T>(last, p, zero);
        store<T>(out + v * L, p);
        s += p;
    }
    total = sum<T>(s);
    return biggest;
}

// The gradient of the mean cost over the batch, in place of the outputs; pads become 0.
// Targets: int64 labels for cross-entropy, else T (rows, width). `index`: which examples the rows are.
template <class T> __attribute__((noinline)) void cost_gradient(int cost, Extent e, T* z, const void* y, const int32_t* index) {
    constexpr int L = lanes<T>();
    if (cost == hunch::kCrossEntropy) {
        const T share = (T)1 / (T)e.rows;
        for (int r = 0; r < e.rows; ++r) {
            T* const row = z + r * e.stride;
            T total;
            softmax_row<T>(e, row, row, total);
            const T factor = share / total;
            for (int v = 0; v < e.vectors; ++v) store<T>(row + v * L, load<T>(row + v * L) * factor);
            row[static_cast<const int64_t*>(y)[index[r]]] -= share;
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

struct Judged {
    double cost, error;  // sums over examples (and outputs)
};

// Adds the cost and the error of rows first … first + rows of the examples. `scratch`: one row.
template <class T>
__attribute__((noinline)) void judge(int cost, Extent e, const T* z, const void* y, int64_t first, const double* y_scale, T* scratch, Judged& sums) {
    for (int r = 0; r < e.rows; ++r) {
        const T* const row = z + r * e.stride;
        if (cost == hunch::kCrossEntropy) {
            T total;
            const int64_t label = static_cast<const int64_t*>(y)[first + r];
            const T top = softmax_row<T>(e, row, scratch, total);
            sums.cost += (double)(logarithm<T>(splat<T>(total))[0] + (top - row[label]));
            int best = 0;
            for (int j = 1; j < e.width; ++j)
                if (row[j] > row[best]) best = j;
            sums.error += best != label;
            continue;
        }
        const T* const target = static_cast<const T*>(y) + (first + r) * e.width;
        for (int j = 0; j < e.width; ++j) {
            const T x = row[j], t = target[j];
            if (cost == hunch::kBinaryCrossEntropy) {
                const T size = x < 0 ? -x : x;
                const Vec<T> tail = log1p<T>(exponential<T>(splat<T>(-size)));
                sums.cost += (double)((x < 0 ? (T)0 : x) - x * t + tail[0]);
                sums.error += (x > 0) != (t > (T)0.5);
                continue;
            }
            const T d = x - t, size = d < 0 ? -d : d;
            if (cost == hunch::kSquaredError) sums.cost += (double)(d * d);
            else sums.cost += (double)(size <= (T)1 ? (T)0.5 * d * d : size - (T)0.5);
            const double scaled = (double)d * y_scale[j];
            sums.error += scaled * scaled;
        }
    }
}

}  // namespace HUNCH_NS
