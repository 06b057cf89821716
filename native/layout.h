// Where a row's numbers lie while it is trained: one piece of memory, all of it in the core's cache if it fits.
#pragma once

#include "dropout.h"
#include "order.h"
#include "simd.h"
#include "task.h"

namespace HUNCH_NS {

using hunch::kJudgedAtOnce;

// Hands out pieces of one block, each on a boundary of 64 bytes; with base 0 it only counts.
struct Arena {
    char* base;
    size_t used;
    template <class U> U* take(size_t n) {
        U* const piece = reinterpret_cast<U*>(base + used);
        used += (n * sizeof(U) + 63) / 64 * 64;
        return base == nullptr ? nullptr : piece;
    }
};

// Numbers from one row of a matrix to the next: whole vectors, and never a large power of two, where rows would fight
// for the same lines of the cache.
template <class T> HUNCH_INLINE ptrdiff_t stride_for(int width) {
    constexpr int at_least = 16 / (int)sizeof(T) > lanes<T>() ? 16 / (int)sizeof(T) : lanes<T>();
    ptrdiff_t stride = (width + at_least - 1) / at_least * at_least;
    if (stride * (ptrdiff_t)sizeof(T) >= 1024 && stride * (ptrdiff_t)sizeof(T) % 1024 == 0) stride += at_least;
    return stride;
}

HUNCH_INLINE int whole_fours(int n) { return (n + 3) / 4 * 4; }

// A parameter, or its gradient, or a moment: the same place in each of them.
struct Piece {
    size_t at, size;
    hunch::Parameter kind;
};

template <class T> struct LayerState {
    hunch::Layer spec;
    int vectors;
    ptrdiff_t stride, in_stride;
    Piece weight, bias, gamma, beta;   // weight transposed: n_in rows of `stride`
    T *running_mean, *running_variance, *inverse_sd;
    T *linear, *out, *slopes;          // values (rows, stride): what the layer computes, what leaves it, f'·mask
    T *normal, *tail_slopes;           // the same for a norm that stands after the activation
    T *eval_scale, *eval_shift;
    bool is_plain;                     // nothing follows the linear layer

    Extent extent(int rows) const { return {rows, spec.n_out, vectors, stride}; }
    bool has_norm() const { return spec.norm != hunch::kNoNorm; }
};

template <class T> struct RowState {
    LayerState<T>* layers;
    size_t n_parameters;
    T *parameters, *gradients, *first, *second, *before;  // before: as they were before a step that is read
    T *inputs, *gradient_in, *gradient_out, *turned, *factors;
    T *judged_a, *judged_b, *ones, *zeros, *cost_room;
    uint32_t* words;
    int32_t* order;
    uint32_t* order_room;
    ptrdiff_t input_stride, widest;
};

// Lays a row out; the same code counts the bytes (arena.base == nullptr, nothing is written but `s`).
template <class T> void lay_out(const hunch::Task& t, Arena& arena, LayerState<T>* layers, RowState<T>& s) {
    const size_t batch = (size_t)t.batch_size;
    ptrdiff_t widest = stride_for<T>(t.layers[0].n_in);
    size_t most_words = t.inputs.dropout == hunch::kNoDropout ? 0 : needed_words(t.inputs.dropout, batch * t.layers[0].n_in, batch);
    size_t largest_weight = 0, at = 0;
    s.layers = layers;
    s.input_stride = widest;
    for (int l = 0; l < t.n_layers; ++l) {
        LayerState<T>& y = layers[l];
        y.spec = t.layers[l];
        y.stride = stride_for<T>(y.spec.n_out);
        y.in_stride = l == 0 ? s.input_stride : layers[l - 1].stride;
        y.vectors = (y.spec.n_out + lanes<T>() - 1) / lanes<T>();
        y.is_plain = !y.has_norm() && y.spec.activation == hunch::kIdentity && y.spec.dropout == hunch::kNoDropout;
        if (y.stride > widest) widest = y.stride;
        const size_t words = y.spec.dropout == hunch::kNoDropout ? 0 : needed_words(y.spec.dropout, batch * y.spec.n_out, batch);
        if (words > most_words) most_words = words;
        const size_t weight = (size_t)whole_fours(y.spec.n_in) * y.stride;
        y.weight = {at, weight, y.spec.weight};
        at += weight;
        y.bias = {at, (size_t)y.stride, y.spec.bias};
        at += y.stride;
        y.gamma = {at, (size_t)y.stride, y.spec.gamma};
        at += y.stride;
        y.beta = {at, (size_t)y.stride, y.spec.beta};
        at += y.stride;
        const size_t turned = (size_t)whole_fours(y.spec.n_out) * y.in_stride;
        if (l > 0 && turned > largest_weight) largest_weight = turned;
    }
    s.n_parameters = at;
    s.parameters = arena.take<T>(at);
    s.gradients = arena.take<T>(at);
    s.first = t.optimizer == hunch::kSgd ? nullptr : arena.take<T>(at);
    s.second = t.optimizer == hunch::kAdam ? arena.take<T>(at) : nullptr;
    s.before = t.n_readings > 0 ? arena.take<T>(at) : nullptr;
    s.widest = widest;
    s.inputs = arena.take<T>(batch * s.input_stride + lanes<T>());
    for (int l = 0; l < t.n_layers; ++l) {
        LayerState<T>& y = layers[l];
        const size_t values = batch * y.stride;
        const size_t most_rows = batch > kJudgedAtOnce ? batch : kJudgedAtOnce;
        y.linear = arena.take<T>(values);
        y.out = y.is_plain ? y.linear : arena.take<T>(values);
        y.slopes = y.is_plain ? nullptr : arena.take<T>(values);
        y.normal = y.has_norm() && y.spec.norm_after ? arena.take<T>(values) : nullptr;
        y.tail_slopes = y.normal != nullptr || (y.has_norm() && y.spec.norm_after) ? arena.take<T>(values) : nullptr;
        const size_t spreads = y.spec.norm == hunch::kBatchNorm ? (size_t)y.stride : most_rows * (y.spec.norm == hunch::kGroupNorm ? y.spec.groups : 1);
        y.inverse_sd = y.has_norm() ? arena.take<T>(spreads) : nullptr;
        y.running_mean = arena.take<T>(y.stride);
        y.running_variance = arena.take<T>(y.stride);
        y.eval_scale = arena.take<T>(y.stride);
        y.eval_shift = arena.take<T>(y.stride);
    }
    s.gradient_in = arena.take<T>(batch * widest);
    s.gradient_out = arena.take<T>(batch * widest);
    s.turned = arena.take<T>(largest_weight);
    s.factors = arena.take<T>(most_words ? batch * widest : 0);
    s.judged_a = arena.take<T>((size_t)kJudgedAtOnce * widest);
    s.judged_b = arena.take<T>((size_t)kJudgedAtOnce * widest);
    s.ones = arena.take<T>(widest);
    s.zeros = arena.take<T>(widest);
    s.cost_room = arena.take<T>(2 * (size_t)layers[t.n_layers - 1].stride * lanes<T>());
    s.words = arena.take<uint32_t>(most_words + 64);  // masks are read a whole vector at a time
    s.order = arena.take<int32_t>((size_t)t.train.n);
    s.order_room = arena.take<uint32_t>(order_scratch((size_t)t.train.n));
}

// Between the user's flat parameters (as torch orders them) and the row's own: in when `inwards`, else out.
template <class T> void move_parameters(const hunch::Task& t, RowState<T>& s, bool inwards) {
    T* flat = static_cast<T*>(t.parameters);
    for (int l = 0; l < t.n_layers; ++l) {
        LayerState<T>& y = s.layers[l];
        const int n_in = y.spec.n_in, n_out = y.spec.n_out;
        T* const w = s.parameters + y.weight.at;
        for (int o = 0; o < n_out; ++o)
            for (int i = 0; i < n_in; ++i) {
                T& mine = w[(size_t)i * y.stride + o];
                if (inwards) mine = flat[(size_t)o * n_in + i];
                else flat[(size_t)o * n_in + i] = mine;
            }
        flat += (size_t)n_out * n_in;
        T* const vectors[5] = {
            y.spec.bias.exists ? s.parameters + y.bias.at : nullptr,
            y.spec.gamma.exists ? s.parameters + y.gamma.at : nullptr,
            y.spec.beta.exists ? s.parameters + y.beta.at : nullptr,
            y.spec.norm == hunch::kBatchNorm ? y.running_mean : nullptr,
            y.spec.norm == hunch::kBatchNorm ? y.running_variance : nullptr,
        };
        for (T* const mine : vectors) {
            if (mine == nullptr) continue;
            for (int o = 0; o < n_out; ++o) {
                if (inwards) mine[o] = flat[o];
                else flat[o] = mine[o];
            }
            flat += n_out;
        }
        // A norm without gamma multiplies by 1; it is never updated.
        if (inwards && y.has_norm() && !y.spec.gamma.exists)
            for (int o = 0; o < n_out; ++o) s.parameters[y.gamma.at + o] = 1;
    }
}

}  // namespace HUNCH_NS
