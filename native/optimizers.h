// The optimizers, in the order of operations of torch.optim; L2 in the gradient, decoupled decay before the step.
#pragma once

#include "simd.h"
#include "task.h"

namespace HUNCH_NS {

// What one step needs beside the arrays.
template <class T> struct StepSize {
    T lr, momentum, beta2, eps;
    T rest1, rest2;          // 1 - beta1 and 1 - beta2, taken before they are rounded: what is left is small
    T adam_rate, adam_root;  // lr / (1 - beta1^t), and 1 / sqrt(1 - beta2^t)
    T l2, shrink;            // of this parameter: lambda or 0; 1 - lr·weight_decay or 1
};

template <class T, int O> __attribute__((noinline)) void update(size_t n, T* w, const T* grad, T* first, T* second, StepSize<T> s) {
    constexpr int L = lanes<T>();
    for (size_t i = 0; i < n; i += L) {
        Vec<T> p = load<T>(w + i);
        Vec<T> g = load<T>(grad + i) + p * s.l2;
        p = p * s.shrink;
        if constexpr (O == hunch::kAdam) {
            const Vec<T> m = load<T>(first + i), mean = m + (g - m) * s.rest1;
            const Vec<T> square = load<T>(second + i) * s.beta2 + g * g * s.rest2;
            store<T>(first + i, mean);
            store<T>(second + i, square);
            p -= mean / (square_roots<T>(square) * s.adam_root + s.eps) * s.adam_rate;
        } else {
            if constexpr (O != hunch::kSgd) {
                const Vec<T> buffer = load<T>(first + i) * s.momentum + g;
                store<T>(first + i, buffer);
                g = O == hunch::kNesterov ? g + buffer * s.momentum : buffer;
            }
            p -= g * s.lr;
        }
        store<T>(w + i, p);
    }
}

template <class T> HUNCH_INLINE void update(int optimizer, size_t n, T* w, const T* grad, T* first, T* second, const StepSize<T>& s) {
    switch (optimizer) {
        case hunch::kSgd: update<T, hunch::kSgd>(n, w, grad, first, second, s); break;
        case hunch::kMomentum: update<T, hunch::kMomentum>(n, w, grad, first, second, s); break;
        case hunch::kNesterov: update<T, hunch::kNesterov>(n, w, grad, first, second, s); break;
        default: update<T, hunch::kAdam>(n, w, grad, first, second, s); break;
    }
}

}  // namespace HUNCH_NS
