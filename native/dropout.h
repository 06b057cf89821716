// The draws behind the dropout of one layer and step; hunch.engine.streams says how words become draws.
#pragma once

#include "activations.h"
#include "random.h"

namespace HUNCH_NS {

// Fills `words` (room for needed_words) and, for gaussian and exact dropout, `factors` (rows `stride` apart).
HUNCH_INLINE size_t needed_words(int dropout, size_t elements, size_t rows) {
    if (dropout == hunch::kBernoulli) return (elements + 1) / 2;
    return elements + (dropout == hunch::kExact ? rows : 0);
}

template <class T>
__attribute__((noinline)) MaskKind draw_mask(const hunch::Layer& layer, uint64_t seed, uint32_t step, Extent e, uint32_t* words, T* factors, Mask<T>& mask) {
    const size_t elements = (size_t)e.rows * e.width;
    philox_words(seed, layer.noise_stream, step, 0, needed_words(layer.dropout, elements, e.rows), words);
    mask.factors = factors;
    if (layer.dropout == hunch::kBernoulli) {
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "two draws share a word, low half first: this reads them on little-endian machines only"
#endif
        mask.halves = reinterpret_cast<const uint16_t*>(words);
        mask.threshold = layer.keep_threshold;
        mask.scale = (T)(1.0 / layer.keep);
        return kHalves;
    }
    if (layer.dropout == hunch::kGaussian) {
        constexpr int L = lanes<T>();
        const T sd = (T)__builtin_sqrt((1.0 - layer.keep) / layer.keep);
        for (int r = 0; r < e.rows; ++r)
            for (int v = 0; v < e.vectors; ++v) {
                typename Simd<T>::Word word;
                __builtin_memcpy(&word, words + (size_t)r * e.width + v * L, sizeof word);
                store<T>(factors + r * e.stride + v * L, normal_of_words<T>(word) * sd + (T)1);
            }
        return kFactors;
    }
    const T scale = (T)(1.0 / layer.keep);
    const uint32_t* const counts = words + elements;
    for (int r = 0; r < e.rows; ++r) {
        const uint32_t* const draws = words + (size_t)r * e.width;
        T* const row = factors + r * e.stride;
        uint64_t left = (uint64_t)layer.exact_floor + (counts[r] < layer.exact_threshold ? 1 : 0);
        for (int j = 0; j < e.width; ++j) {
            const bool kept = (((uint64_t)draws[j] * (uint64_t)(e.width - j)) >> 32) < left;
            row[j] = kept ? scale : (T)0;
            left -= kept;
        }
    }
    return kFactors;
}

// Dropout of the inputs themselves: x *= mask, in place.
template <class T>
__attribute__((noinline)) void thin_inputs(const hunch::Layer& inputs, uint64_t seed, uint32_t step, Extent e, uint32_t* words, T* factors, T* x) {
    Mask<T> mask = {};
    const MaskKind kind = draw_mask<T>(inputs, seed, step, e, words, factors, mask);
    for (int r = 0; r < e.rows; ++r) {
        T* const row = x + r * e.stride;
        const uint16_t* const halves = mask.halves + (kind == kHalves ? (size_t)r * e.width : 0);
        const T* const drawn = mask.factors + r * e.stride;
        if (kind == kHalves)
            for (int j = 0; j < e.width; ++j) row[j] *= halves[j] < mask.threshold ? mask.scale : (T)0;
        else
            for (int j = 0; j < e.width; ++j) row[j] *= drawn[j];
    }
}

}  // namespace HUNCH_NS
