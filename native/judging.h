// Judging: examples go through the network in eval mode, one example a lane. A block of kJudgedAtOnce examples lies feature
// after feature, so that no lane is wasted on a width that is no whole vector, and norms and softmax work across registers
// instead of within them.
#pragma once

#include "layout.h"
#include "matmul.h"

namespace HUNCH_NS {

constexpr ptrdiff_t kBlock = kJudgedAtOnce;

struct Judged {
    double cost, error;  // sums over examples (and outputs)
};

// x = f(x), for `rows` features of `vectors` vectors.
template <class T, int A> __attribute__((noinline)) void value_pass(int rows, int vectors, T* x) {
    constexpr int L = lanes<T>();
    for (int r = 0; r < rows; ++r)
        for (int v = 0; v < vectors; ++v) {
            T* const at = x + r * kBlock + v * L;
            Vec<T> f, slope;
            Activate<T, A>::both(load<T>(at), f, slope);
            store<T>(at, f);
        }
}

template <class T> HUNCH_INLINE void activate_values(int kind, int rows, int vectors, T* x) {
    switch (kind) {
#define HUNCH_CASE(A) \
    case A: value_pass<T, A>(rows, vectors, x); break;
        HUNCH_EACH_ACTIVATION(HUNCH_CASE)
#undef HUNCH_CASE
    }
}

// x = scale[row]·x + shift[row]
template <class T> __attribute__((noinline)) void affine(int rows, int vectors, T* x, const T* scale, const T* shift) {
    constexpr int L = lanes<T>();
    for (int r = 0; r < rows; ++r)
        for (int v = 0; v < vectors; ++v) {
            T* const at = x + r * kBlock + v * L;
            store<T>(at, load<T>(at) * scale[r] + shift[r]);
        }
}

// Layer, rms or group norm, not yet scaled: each example's values are normalised over groups of `size` features.
template <class T> __attribute__((noinline)) void judged_row_norm(int groups, int size, int vectors, bool centred, T eps, T* x) {
    constexpr int L = lanes<T>();
    for (int k = 0; k < groups; ++k)
        for (int v = 0; v < vectors; ++v) {
            T* const part = x + (ptrdiff_t)k * size * kBlock + v * L;
            Vec<T> mean = {};
            if (centred) {
                for (int i = 0; i < size; ++i) mean += load<T>(part + i * kBlock);
                mean = mean / (T)size;
            }
            Vec<T> squares = {};
            for (int i = 0; i < size; ++i) {
                const Vec<T> d = load<T>(part + i * kBlock) - mean;
                squares += d * d;
            }
            const Vec<T> inverse = (T)1 / square_roots<T>(squares / (T)size + eps);
            for (int i = 0; i < size; ++i) store<T>(part + i * kBlock, (load<T>(part + i * kBlock) - mean) * inverse);
        }
}

// log Σ exp of the logits of one vector of examples, of which `top` is the largest.
template <class T> HUNCH_INLINE Vec<T> log_sum_exp(int width, const T* z, Vec<T> top) {
    Vec<T> total = {};
    for (int j = 0; j < width; ++j) total += exponential<T>(load<T>(z + j * kBlock) - top);
    return logarithm<T>(total) + top;
}

// What an output x costs where t was right, for every cost but cross-entropy.
template <class T, int C> HUNCH_INLINE T output_cost(T x, T t) {
    if constexpr (C == hunch::kBinaryCrossEntropy) {
        const T size = x < 0 ? -x : x;
        const Vec<T> tail = log1p<T>(exponential<T>(splat<T>(-size)));
        return (x < 0 ? (T)0 : x) - x * t + tail[0];
    }
    const T d = x - t, size = d < 0 ? -d : d;
    if constexpr (C == hunch::kSquaredError) return d * d;
    return size <= (T)1 ? (T)0.5 * d * d : size - (T)0.5;
}

// Cost and error of one vector of examples by their logits.
template <class T> HUNCH_INLINE void judge_labels(int width, int here, const T* z, const int64_t* labels, double& cost, double& wrong) {
    constexpr int L = lanes<T>();
    Vec<T> top = load<T>(z);
    IntVec<T> best = {};
    for (int j = 1; j < width; ++j) {
        const Vec<T> x = load<T>(z + j * kBlock);
        best = x > top ? IntVec<T>{} + (typename Simd<T>::Int)j : best;  // the first of several
        top = choose<T>(x <= top, top, x);                               // a NaN wins
    }
    T log_sum[L];
    typename Simd<T>::Int guess[L];
    store<T>(log_sum, log_sum_exp<T>(width, z, top));
    __builtin_memcpy(guess, &best, sizeof best);
    double even = 0, odd = 0;
    int n_wrong = 0;
    for (int r = 0; r < here; ++r) {
        const double one = (double)(log_sum[r] - z[labels[r] * kBlock + r]);
        if (r & 1) odd += one;
        else even += one;
        n_wrong += guess[r] != labels[r];
    }
    cost += even + odd;
    wrong += n_wrong;
}

// Adds the cost and the error of `n` examples, the first of them number `first`, by the outputs z.
template <class T>
__attribute__((noinline)) void judge(int cost, int width, int n, const T* z, const void* y, int64_t first, const double* y_scale, Judged& sums) {
    constexpr int L = lanes<T>();
    if (cost == hunch::kCrossEntropy) {
        const int64_t* const labels = static_cast<const int64_t*>(y) + first;
        for (int from = 0; from < n; from += L)
            judge_labels<T>(width, n - from < L ? n - from : L, z + from, labels + from, sums.cost, sums.error);
        return;
    }
    for (int r = 0; r < n; ++r) {
        const T* const target = static_cast<const T*>(y) + (first + r) * width;
        for (int j = 0; j < width; ++j) {
            const T x = z[j * kBlock + r], t = target[j];
            if (cost == hunch::kBinaryCrossEntropy) {
                sums.cost += (double)output_cost<T, hunch::kBinaryCrossEntropy>(x, t);
                sums.error += (x > 0) != (t > (T)0.5);
                continue;
            }
            const T d = x - t;
            if (cost == hunch::kSquaredError) sums.cost += (double)output_cost<T, hunch::kSquaredError>(x, t);
            else sums.cost += (double)output_cost<T, hunch::kHuber>(x, t);
            const double scaled = (double)d * y_scale[j];
            sums.error += scaled * scaled;
        }
    }
}

// The mean cost over the outputs of each of `n` examples.
template <class T, int C> HUNCH_INLINE void mean_output_costs(int width, int n, const T* z, const T* y, float* losses) {
    for (int r = 0; r < n; ++r) {
        double sum = 0;
        for (int j = 0; j < width; ++j) sum += (double)output_cost<T, C>(z[j * kBlock + r], y[(ptrdiff_t)r * width + j]);
        losses[r] = (float)(sum / width);
    }
}

// The cost of each of `n` examples by itself, where `judge` adds them up: apart from it, so that a sum has the same bits whether
// or not its terms are kept.
template <class T>
__attribute__((noinline)) void keep_losses(int cost, int width, int n, const T* z, const void* y, int64_t first, float* losses) {
    constexpr int L = lanes<T>();
    losses += first;
    if (cost == hunch::kCrossEntropy) {
        const int64_t* const labels = static_cast<const int64_t*>(y) + first;
        for (int from = 0; from < n; from += L) {
            Vec<T> top = load<T>(z + from);
            for (int j = 1; j < width; ++j) {
                const Vec<T> x = load<T>(z + from + j * kBlock);
                top = choose<T>(x <= top, top, x);
            }
            T log_sum[L];
            store<T>(log_sum, log_sum_exp<T>(width, z + from, top));
            for (int r = from; r < n && r < from + L; ++r) losses[r] = (float)(log_sum[r - from] - z[labels[r] * kBlock + r]);
        }
        return;
    }
    const T* const targets = static_cast<const T*>(y) + first * width;
    if (cost == hunch::kBinaryCrossEntropy) mean_output_costs<T, hunch::kBinaryCrossEntropy>(width, n, z, targets, losses);
    else if (cost == hunch::kSquaredError) mean_output_costs<T, hunch::kSquaredError>(width, n, z, targets, losses);
    else mean_output_costs<T, hunch::kHuber>(width, n, z, targets, losses);
}

template <class T> struct Judge {
    const hunch::Task& t;
    RowState<T>& s;

    const T* parameter(const Piece& p) const { return s.parameters + p.at; }

    bool is_folded(const LayerState<T>& y) const { return y.spec.norm == hunch::kBatchNorm && !y.spec.norm_after; }

    // In eval mode a batch norm is a scale and a shift that do not depend on the example. One right behind the linear layer is
    // folded into its weights and bias; these stand where the gradients are between two steps.
    void prepare() const {
        constexpr int L = lanes<T>();
        for (int l = 0; l < t.n_layers; ++l) {
            LayerState<T>& y = s.layers[l];
            if (y.spec.norm != hunch::kBatchNorm) continue;
            const T *const gamma = parameter(y.gamma), *const beta = parameter(y.beta), *const bias = parameter(y.bias);
            for (int j = 0; j < y.spec.n_out; ++j) {
                const T scale = gamma[j] / square_root((T)(y.running_variance[j] + (T)y.spec.norm_eps));
                y.eval_scale[j] = scale;
                y.eval_shift[j] = beta[j] - y.running_mean[j] * scale;
                if (is_folded(y)) y.eval_shift[j] += bias[j] * scale;
            }
            if (!is_folded(y)) continue;
            const T* const weight = parameter(y.weight);
            T* const folded = s.gradients + y.weight.at;
            for (int i = 0; i < y.spec.n_in; ++i)
                for (int v = 0; v < y.vectors; ++v)
                    store<T>(folded + i * y.stride + v * L, load<T>(weight + i * y.stride + v * L) * load<T>(y.eval_scale + v * L));
        }
    }

    void norm(LayerState<T>& y, int vectors, T* x) const {
        if (y.spec.norm == hunch::kBatchNorm) return affine<T>(y.spec.n_out, vectors, x, y.eval_scale, y.eval_shift);
        const int groups = y.spec.norm == hunch::kGroupNorm ? y.spec.groups : 1;
        judged_row_norm<T>(groups, y.spec.n_out / groups, vectors, y.spec.norm != hunch::kRmsNorm, (T)y.spec.norm_eps, x);
        affine<T>(y.spec.n_out, vectors, x, parameter(y.gamma), parameter(y.beta));
    }

    // The outputs of one block, (outputs, kBlock); `x` is (features, kBlock).
    const T* outputs(int vectors, const T* x) const {
        T *out = s.judged_a, *spare = s.judged_b;
        for (int l = 0; l < t.n_layers; ++l) {
            LayerState<T>& y = s.layers[l];
            // out[o, ·] = bias[o] + Σ weight[i, o] · x[i, ·]
            const bool folded = is_folded(y);
            const T* const weight = folded ? s.gradients + y.weight.at : parameter(y.weight);
            const T* const bias = folded ? y.eval_shift : parameter(y.bias);
            matmul_transposed<T>({y.spec.n_out, y.spec.n_in, vectors, weight, 1, y.stride, x, kBlock, out, kBlock, nullptr, bias});
            if (y.has_norm() && !y.spec.norm_after && !folded) norm(y, vectors, out);
            if (y.spec.activation != hunch::kIdentity) activate_values<T>(y.spec.activation, y.spec.n_out, vectors, out);
            if (y.has_norm() && y.spec.norm_after) norm(y, vectors, out);
            x = out;
            T* const used = out;
            out = spare;
            spare = used;
        }
        return x;
    }

    // Mean cost and error over examples; the cost of each goes to `losses`, if that is not null.
    Judged operator()(const hunch::Examples& examples, float* losses = nullptr) const {
        Judged sums = {0, 0};
        const ptrdiff_t n_in = t.layers[0].n_in, n_out = t.layers[t.n_layers - 1].n_out;
        for (int64_t first = 0; first < examples.n; first += kBlock) {
            if (*t.stop) break;
            const int n = examples.n - first < kBlock ? (int)(examples.n - first) : (int)kBlock;
            const T* const x = static_cast<const T*>(examples.x) + first * n_in;
            const T* const z = outputs((n + lanes<T>() - 1) / lanes<T>(), x);
            judge<T>(t.cost, (int)n_out, n, z, examples.y, first, t.y_scale, sums);
            if (losses != nullptr) keep_losses<T>(t.cost, (int)n_out, n, z, examples.y, first, losses);
        }
        const double n = (double)examples.n, terms = t.cost == hunch::kCrossEntropy ? n : n * (double)n_out;
        Judged mean = {sums.cost / terms, sums.error / terms};
        if (t.cost == hunch::kSquaredError || t.cost == hunch::kHuber) mean.error = __builtin_sqrt(mean.error);
        return mean;
    }
};

}  // namespace HUNCH_NS
