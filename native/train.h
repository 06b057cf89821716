// One run from its first update to its last, on one core. The steps are those of hunch.engine.contract.
#pragma once

#include "costs.h"
#include "judging.h"
#include "layout.h"
#include "matmul.h"
#include "norms.h"
#include "optimizers.h"
#include "readings.h"

namespace HUNCH_NS {

constexpr size_t kNearBytes = 1u << 20;  // examples that take less room are near enough

template <class T> struct Row {
    const hunch::Task& t;
    RowState<T>& s;
    int rows;             // of a batch
    const int32_t* next;  // the batch after this one, or null where it is not known or lies in the cache anyway

    const T* parameter(const Piece& p) const { return s.parameters + p.at; }
    T* gradient(const Piece& p) const { return s.gradients + p.at; }

    void linear(const LayerState<T>& y, int n, const T* in, ptrdiff_t in_stride, T* out) const {
        matmul<T>({n, y.spec.n_in, y.vectors, in, in_stride, 1, parameter(y.weight), y.stride, out, y.stride, parameter(y.bias), nullptr});
    }

    // Asks for rows `from` to `to` of a batch to come, so that gathering it does not wait for memory.
    void prefetch(const int32_t* index, int from, int to) const {
        const ptrdiff_t n = t.layers[0].n_in;
        const T* const x = static_cast<const T*>(t.train.x);
        for (int r = from; r < to; ++r)
            for (ptrdiff_t i = 0; i < n; i += 64 / (ptrdiff_t)sizeof(T)) __builtin_prefetch(x + index[r] * n + i, 0, 2);
    }

    // A share of the next batch, called once for each layer forward and once backward.
    void prefetch_some(int part) const {
        if (next != nullptr) prefetch(next, rows * part / (2 * t.n_layers), rows * (part + 1) / (2 * t.n_layers));
    }

    void gather(const int32_t* index) const {
        constexpr int L = lanes<T>();
        const ptrdiff_t n = t.layers[0].n_in;
        const T* const x = static_cast<const T*>(t.train.x);
        for (int r = 0; r < rows; ++r) {
            const T* const from = x + index[r] * n;
            T* const to = s.inputs + r * s.input_stride;
            if (r + 4 < rows)
                for (ptrdiff_t i = 0; i < n; i += 64 / (ptrdiff_t)sizeof(T)) __builtin_prefetch(x + index[r + 4] * n + i);
            ptrdiff_t i = 0;
            for (; i + L <= n; i += L) store<T>(to + i, load<T>(from + i));
            for (; i < n; ++i) to[i] = from[i];
        }
    }

    void normalise(LayerState<T>& y, int n, T* x, T* running_mean, T* running_variance) const {
        const T eps = (T)y.spec.norm_eps;
        if (y.spec.norm == hunch::kBatchNorm)
            batch_norm<T>(y.extent(n), x, eps, (T)y.spec.norm_momentum, y.inverse_sd, running_mean, running_variance);
        else if (y.spec.norm == hunch::kGroupNorm) group_norm<T>(y.extent(n), x, y.spec.groups, eps, y.inverse_sd);
        else row_norm<T>(y.extent(n), x, y.spec.norm == hunch::kLayerNorm, eps, y.inverse_sd);
    }

    void forward(uint32_t step, bool dropout_on, const Reader& reader) const {
        const T* in = s.inputs;
        ptrdiff_t in_stride = s.input_stride;
        for (int l = 0; l < t.n_layers; ++l) {
            LayerState<T>& y = s.layers[l];
            if (*t.stop) return;  // the layers of a wide network take their time
            linear(y, rows, in, in_stride, y.linear);
            prefetch_some(l);
            in = y.out;
            in_stride = y.stride;
            if (y.is_plain) {
                if (reader.out != nullptr && y.spec.reads_activation && y.spec.site >= 0)
                    read_activation<T>(reader, y, rows, y.linear, s.ones, s.zeros);
                continue;
            }
            Mask<T> mask = {};
            MaskKind kind = kNoMask;
            if (y.spec.dropout != hunch::kNoDropout && dropout_on)
                kind = draw_mask<T>(y.spec, t.seed, step, y.extent(rows), s.words, s.factors, mask);
            const T *gamma = s.ones, *beta = s.zeros;
            const bool after = y.spec.norm_after;
            if (y.has_norm() && !after) {
                normalise(y, rows, y.linear, y.running_mean, y.running_variance);
                gamma = parameter(y.gamma);
                beta = parameter(y.beta);
            }
            if (reader.out != nullptr && y.spec.reads_activation && y.spec.site >= 0)
                read_activation<T>(reader, y, rows, y.linear, gamma, beta);
            if (!y.has_norm() || !after) {
                activate<T>(y.spec.activation, kind, y.extent(rows), y.linear, gamma, beta, y.out, y.slopes, mask);
                continue;
            }
            activate<T>(y.spec.activation, kNoMask, y.extent(rows), y.linear, gamma, beta, y.normal, y.slopes, mask);
            normalise(y, rows, y.normal, y.running_mean, y.running_variance);
            activate<T>(hunch::kIdentity, kind, y.extent(rows), y.normal, parameter(y.gamma), parameter(y.beta), y.out, y.tail_slopes, mask);
        }
    }

    // g: gradient of what follows the norm, of slope `slopes`; becomes that of the norm's input.
    void normalise_back(LayerState<T>& y, const T* normal, const T* slopes, T* g) const {
        const Extent e = y.extent(rows);
        const T* const gamma = parameter(y.gamma);
        scale_gradients<T>(e, g, slopes, normal, gradient(y.gamma), gradient(y.beta));
        if (y.spec.norm == hunch::kBatchNorm)
            batch_norm_back<T>(e, g, normal, gamma, y.inverse_sd, gradient(y.gamma), gradient(y.beta));
        else if (y.spec.norm == hunch::kGroupNorm) group_norm_back<T>(e, g, normal, gamma, y.spec.groups, y.inverse_sd);
        else row_norm_back<T>(e, g, normal, gamma, y.spec.norm == hunch::kLayerNorm, y.inverse_sd);
    }

    // From the gradient of the last layer's output (in its `out`) to all gradients.
    void backward() const {
        T* g = s.layers[t.n_layers - 1].out;
        T* spare = s.gradient_out;
        for (int l = t.n_layers - 1; l >= 0; --l) {
            LayerState<T>& y = s.layers[l];
            const Extent e = y.extent(rows);
            if (*t.stop) return;
            if (!y.is_plain) {
                if (y.has_norm() && y.spec.norm_after) normalise_back(y, y.normal, y.tail_slopes, g);
                if (y.has_norm() && !y.spec.norm_after) normalise_back(y, y.linear, y.slopes, g);
                else multiply<T>(e, g, y.slopes);
            }
            if (y.spec.bias.trained) column_sums<T>(e, g, gradient(y.bias));
            const T* const in = l == 0 ? s.inputs : s.layers[l - 1].out;
            prefetch_some(t.n_layers + l);
            if (y.spec.weight.trained)
                matmul_transposed<T>({y.spec.n_in, rows, y.vectors, in, 1, y.in_stride, g, y.stride, gradient(y.weight), y.stride, nullptr, nullptr});
            if (l == 0) break;
            const int in_vectors = s.layers[l - 1].vectors;
            transpose<T>(parameter(y.weight), y.stride, s.turned, y.in_stride, y.spec.n_in, y.spec.n_out);
            matmul<T>({rows, y.spec.n_out, in_vectors, g, y.stride, 1, s.turned, y.in_stride, spare, y.in_stride, nullptr, nullptr});
            T* const next = spare;
            spare = spare == s.gradient_out ? s.gradient_in : s.gradient_out;
            g = next;
        }
    }

    void step(StepSize<T>& size, double lr, double beta1_power, double beta2_power) const {
        size.lr = (T)lr;
        size.adam_rate = (T)(lr / (1 - beta1_power));
        size.adam_root = (T)(1 / __builtin_sqrt(1 - beta2_power));
        for (int l = 0; l < t.n_layers; ++l) {
            const LayerState<T>& y = s.layers[l];
            const Piece* const pieces[4] = {&y.weight, &y.bias, &y.gamma, &y.beta};
            for (const Piece* p : pieces) {
                if (!p->kind.exists || !p->kind.trained) continue;
                size.l2 = p->kind.decayed ? (T)t.l2 : (T)0;
                size.shrink = p->kind.decayed ? (T)(1 - lr * t.weight_decay) : (T)1;
                update<T>(t.optimizer, p->size, s.parameters + p->at, s.gradients + p->at, s.first == nullptr ? nullptr : s.first + p->at,
                          s.second == nullptr ? nullptr : s.second + p->at, size);
            }
        }
    }
};

template <class T> size_t room_for(const hunch::Task& t, void* layers) {
    Arena arena = {nullptr, 0};
    RowState<T> s;
    lay_out<T>(t, arena, static_cast<LayerState<T>*>(layers), s);
    return arena.used;
}

template <class T> hunch::Outcome train(hunch::Task& t, void* layers, void* room) {
    Arena arena = {static_cast<char*>(room), 0};
    RowState<T> s;
    lay_out<T>(t, arena, static_cast<LayerState<T>*>(layers), s);
    __builtin_memset(room, 0, arena.used);
    for (ptrdiff_t j = 0; j < s.widest; ++j) s.ones[j] = 1;
    move_parameters<T>(t, s, true);

    Row<T> row = {t, s, (int)t.batch_size, nullptr};
    const bool far_away = (size_t)t.train.n * t.layers[0].n_in * sizeof(T) > kNearBytes;
    const Judge<T> judged = {t, s};
    const int64_t steps_an_epoch = t.train.n / t.batch_size;
    StepSize<T> size = {};
    size.momentum = (T)t.momentum;
    size.rest1 = (T)(1 - t.beta1);
    size.rest2 = (T)(1 - t.beta2);
    size.beta2 = (T)t.beta2;
    size.eps = (T)t.eps;
    double beta1_power = 1, beta2_power = 1;
    int64_t next_eval = 0, next_held = 0, next_reading = 0;
    t.diverged_at = -1;
    int hits = 0;
    for (int64_t now = 0; now <= t.budget; ++now) {
        if (*t.stop) return hunch::Outcome::kStopped;
        if (next_eval < t.n_eval && t.eval_at[next_eval] == now) {
            judged.prepare();
            double cost = judged(t.slice).cost;
            if (*t.stop) return hunch::Outcome::kStopped;
            if (!__builtin_isfinite(cost)) {
                t.diverged_at = now;
                break;
            }
            t.cost_out[next_eval++] = cost;
            if (next_held < t.n_held && t.held_at[next_held] == now) {
                const bool is_last = next_held + 1 == t.n_held;
                const Judged held = judged(t.held, is_last ? t.held_losses_out : nullptr);
                if (*t.stop) return hunch::Outcome::kStopped;
                t.held_cost_out[next_held] = held.cost;
                t.held_error_out[next_held++] = held.error;
                if (t.stops_on_held) cost = held.cost;
            }
            hits = cost <= t.stop_at ? hits + 1 : 0;
            if (hits == 2) break;
        }
        if (now == t.budget) break;
        const int64_t within = now % steps_an_epoch;
        if (within == 0)
            epoch_order(t.seed, t.order_stream, (uint32_t)(now / steps_an_epoch), (size_t)t.train.n, s.order, s.order_room);
        const int32_t* const index = s.order + within * t.batch_size;
        Reader reader = {nullptr, t.n_sites};
        if (next_reading < t.n_readings && t.reading_at[next_reading] == now + 1)
            reader.out = t.readings_out + next_reading++ * (ptrdiff_t)(hunch::kReadings * t.n_sites);

        row.gather(index);
        const bool dropout_on = (double)now < t.steps_with_dropout;
        if (t.inputs.dropout != hunch::kNoDropout && dropout_on) {
            const int n_in = t.layers[0].n_in;
            thin_inputs<T>(t.inputs, t.seed, (uint32_t)now, {row.rows, n_in, (n_in + lanes<T>() - 1) / lanes<T>(), s.input_stride}, s.words, s.factors, s.inputs);
        }
        row.next = far_away && within + 1 < steps_an_epoch ? index + t.batch_size : nullptr;
        row.forward((uint32_t)now, dropout_on, reader);
        const LayerState<T>& last = s.layers[t.n_layers - 1];
        cost_gradient<T>(t.cost, last.extent(row.rows), last.out, t.train.y, index, s.cost_room);
        row.backward();
        beta1_power *= t.beta1;
        beta2_power *= t.beta2;
        if (reader.out != nullptr) {
            read_gradients<T>(reader, t, s);
            __builtin_memcpy(s.before, s.parameters, s.n_parameters * sizeof(T));
        }
        row.step(size, t.lr * t.factors[now], beta1_power, beta2_power);
        if (reader.out != nullptr) read_updates<T>(reader, t, s, s.before);
    }
    move_parameters<T>(t, s, false);
    return hunch::Outcome::kDone;
}

}  // namespace HUNCH_NS
