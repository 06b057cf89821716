// Readings, taken inside a step; hunch.probe.readings defines them. Sums and slopes are in double precision.
#pragma once

#include "layout.h"

namespace HUNCH_NS {

HUNCH_INLINE double max_slope(int activation) {
    if (activation == hunch::kGelu) return 1.1289041451826;
    if (activation == hunch::kGeluTanh) return 1.1289930687;
    if (activation == hunch::kSilu) return 1.0998393202;
    return activation == hunch::kSigmoid ? 0.25 : 1.0;
}

struct Reader {
    float* out;  // (kReadings, n_sites); null when nothing is read at this step
    int n_sites;
    void put(hunch::Reading reading, int site, double value) const { out[(ptrdiff_t)reading * n_sites + site] = (float)value; }
};

struct ActivationSums {
    double saturation, saturated, slope, value, square;
};

template <int A> __attribute__((noinline)) void read_values(const double* z, int n, double middle, ActivationSums& sums, double* slopes) {
    constexpr int L = lanes<double>();
    const double low = A == hunch::kTanh ? -1.0 : 0.0, range = A == hunch::kTanh ? 2.0 : 1.0;
    for (int i = 0; i < n; i += L) {
        double padded[L] = {};
        const int here = n - i < L ? n - i : L;
        for (int k = 0; k < here; ++k) padded[k] = z[i + k];
        Vec<double> f, slope;
        Activate<double, A>::both(load<double>(padded), f, slope);
        for (int k = 0; k < here; ++k) {
            const double relative = __builtin_fabs(slope[k]) / max_slope(A);
            sums.saturation += __builtin_fabs(2 * (f[k] - low) / range - 1);
            sums.saturated += relative < 0.05;
            sums.slope += relative;
            sums.value += padded[k];
            sums.square += (padded[k] - middle) * (padded[k] - middle);
            slopes[i + k] = relative;
        }
    }
}

// z = gamma·x + beta of a layer: what its activation received.
template <class T> __attribute__((noinline)) void read_activation(const Reader& reader, const LayerState<T>& y, int rows, const T* x, const T* gamma, const T* beta) {
    const int width = y.spec.n_out;
    const double n = (double)rows * width;
    constexpr int kChunk = 64;
    double total = 0;
    for (int r = 0; r < rows; ++r)
        for (int j = 0; j < width; ++j) total += (double)(x[r * y.stride + j] * gamma[j] + beta[j]);
    const double mean = total / n;
    ActivationSums sums = {};
    int inactive = 0;
    for (int from = 0; from < width; from += kChunk) {
        const int here = width - from < kChunk ? width - from : kChunk;
        double z[kChunk], slopes[kChunk];
        bool is_active[kChunk] = {};
        for (int r = 0; r < rows; ++r) {
            for (int j = 0; j < here; ++j) z[j] = (double)(x[r * y.stride + from + j] * gamma[from + j] + beta[from + j]);
            switch (y.spec.activation) {
#define HUNCH_CASE(A) case A: read_values<A>(z, here, mean, sums, slopes); break;
                HUNCH_EACH_ACTIVATION(HUNCH_CASE)
#undef HUNCH_CASE
            }
            for (int j = 0; j < here; ++j)
                if (!(slopes[j] < 0.01)) is_active[j] = true;
        }
        for (int j = 0; j < here; ++j) inactive += !is_active[j];
    }
    if (y.spec.activation == hunch::kSigmoid || y.spec.activation == hunch::kTanh) {
        reader.put(hunch::kSaturation, y.spec.site, sums.saturation / n);
        reader.put(hunch::kSaturated, y.spec.site, sums.saturated / n);
    }
    reader.put(hunch::kSlope, y.spec.site, sums.slope / n);
    reader.put(hunch::kInactive, y.spec.site, (double)inactive / width);
    reader.put(hunch::kMean, y.spec.site, mean);
    reader.put(hunch::kSpread, y.spec.site, __builtin_sqrt(sums.square / n));
}

// Euclidean norm of x - y (y may be null).
template <class T> __attribute__((noinline)) double norm_of_difference(const T* x, const T* y, int rows, int width, ptrdiff_t stride) {
    double squares = 0;
    for (int r = 0; r < rows; ++r)
        for (int j = 0; j < width; ++j) {
            const ptrdiff_t at = r * stride + j;
            const double d = (double)(y == nullptr ? x[at] : (T)(x[at] - y[at]));
            squares += d * d;
        }
    return __builtin_sqrt(squares);
}

template <class T> void read_gradients(const Reader& reader, const hunch::Task& t, const RowState<T>& s) {
    for (int l = 0; l < t.n_layers; ++l) {
        const LayerState<T>& y = s.layers[l];
        if (y.spec.site >= 0 && y.spec.weight.trained)
            reader.put(hunch::kGradient, y.spec.site, norm_of_difference<T>(s.gradients + y.weight.at, nullptr, y.spec.n_in, y.spec.n_out, y.stride));
    }
}

// `before`: the parameters before the step.
template <class T> void read_updates(const Reader& reader, const hunch::Task& t, const RowState<T>& s, const T* before) {
    for (int l = 0; l < t.n_layers; ++l) {
        const LayerState<T>& y = s.layers[l];
        if (y.spec.site < 0) continue;
        const double size = norm_of_difference<T>(s.parameters + y.weight.at, before + y.weight.at, y.spec.n_in, y.spec.n_out, y.stride);
        const double old = norm_of_difference<T>(before + y.weight.at, nullptr, y.spec.n_in, y.spec.n_out, y.stride);
        reader.put(hunch::kUpdate, y.spec.site, size);
        reader.put(hunch::kRelativeUpdate, y.spec.site, old > 0 ? size / old : __builtin_nan(""));
        if (y.spec.shift == hunch::kNoShift) continue;
        const size_t at = y.spec.shift == hunch::kShiftIsBeta ? y.beta.at : y.bias.at;
        reader.put(hunch::kShiftUpdate, y.spec.site, norm_of_difference<T>(s.parameters + at, before + at, 1, y.spec.n_out, y.stride));
    }
}

}  // namespace HUNCH_NS
