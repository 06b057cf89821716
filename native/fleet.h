// Products and convolutions of a fleet's rows. Every row is computed by itself, from its own numbers in an order of its
// own, so its bits do not depend on its neighbours, on how many they are, or on where in memory it lies.
#pragma once

#include "fleet_task.h"
#include "matmul.h"

namespace HUNCH_NS {

using ::hunch::FleetConv;
using ::hunch::FleetProduct;

HUNCH_INLINE size_t rounded(size_t n, size_t to) { return (n + to - 1) / to * to; }

// ---- products

template <class T> size_t product_room(const FleetProduct& p) {
    const size_t wide = rounded((size_t)p.n, lanes<T>());
    return sizeof(T) * ((size_t)p.k * wide + (size_t)p.m * wide + wide) + 64;
}

// to[k, j] = from[j, k] for a k by n matrix; in blocks of 16 bytes where they are whole.
template <class T> HUNCH_INLINE void turn(const T* from, ptrdiff_t from_row, T* to, ptrdiff_t to_row, int k, int n) {
    constexpr int S = 16 / (int)sizeof(T);
    const int whole_k = k / S * S, whole_n = n / S * S;
    if (whole_k > 0 && whole_n > 0) transpose<T>(from, from_row, to, to_row, whole_n, whole_k);
    for (int j = 0; j < n; ++j)
        for (int i = j < whole_n ? whole_k : 0; i < k; ++i) to[i * to_row + j] = from[j * from_row + i];
}

template <class T> void products(const FleetProduct& p, void* room) {
    constexpr int L = lanes<T>();
    const int vectors = (p.n + L - 1) / L;
    const ptrdiff_t wide = (ptrdiff_t)vectors * L;
    T* const packed = (T*)room;
    T* const result = packed + p.k * wide;
    T* const bias = result + p.m * wide;
    const bool is_whole = wide == p.n;
    for (int j = p.n; j < wide; ++j) bias[j] = 0;
    for (int r = 0; r < p.rows; ++r) {
        const T* b = (const T*)p.b + r * p.b_row;
        ptrdiff_t b_step = p.b_k;
        if (!is_whole || p.b_j != 1) {
            if (p.b_k == 1 && p.b_j != 1) turn<T>(b, p.b_j, packed, wide, p.k, p.n);
            for (int k = 0; k < p.k; ++k) {
                T* to = packed + k * wide;
                const T* from = b + k * p.b_k;
                if (p.b_j == 1) __builtin_memcpy(to, from, sizeof(T) * (size_t)p.n);
                else if (p.b_k != 1) for (int j = 0; j < p.n; ++j) to[j] = from[j * p.b_j];
                for (int j = p.n; j < wide; ++j) to[j] = 0;
            }
            b = packed;
            b_step = wide;
        }
        if (p.bias != nullptr) __builtin_memcpy(bias, (const T*)p.bias + r * p.bias_row, sizeof(T) * (size_t)p.n);
        T* const c = (T*)p.c + (ptrdiff_t)r * p.m * p.n;
        Matmul<T> one = {p.m, p.k, vectors, (const T*)p.a + r * p.a_row, p.a_i, p.a_k, b, b_step, is_whole ? c : result, wide,
                         p.bias != nullptr ? bias : nullptr, nullptr};
        if (p.a_k == 1) matmul(one);
        else matmul_transposed(one);
        if (!is_whole)
            for (int i = 0; i < p.m; ++i) __builtin_memcpy(c + (ptrdiff_t)i * p.n, result + i * wide, sizeof(T) * (size_t)p.n);
    }
}

// ---- convolutions
//
// An image is laid into a frame of zeros, its rows one after another. Seen from a frame's first number, what the kernel's
// number (i, j) meets at output position p = y · frame width + x lies i · frame width + j further on: so a convolution is a
// product whose right matrix is the frame itself, read at shifted places. Between the rows of the output some positions
// are computed that nobody needs.

template <class T> struct Frame {
    int width, height, positions, vectors;  // positions: from the first output to the last
    ptrdiff_t plane;                        // numbers of one channel's frame
    ptrdiff_t lead;                         // of a gradient's frame: zeros before the first number
    ptrdiff_t gradient_plane;
};

#if HUNCH_LEVEL == 4
constexpr int kConvOuts = 8, kConvVectors = 3, kGradOuts = 4, kGradPlaces = 4;
#elif HUNCH_LEVEL == 3
constexpr int kConvOuts = 6, kConvVectors = 2, kGradOuts = 2, kGradPlaces = 4;
#else
constexpr int kConvOuts = 4, kConvVectors = 2, kGradOuts = 2, kGradPlaces = 2;
#endif
constexpr int kImagesAtOnce = 4;  // of the weights' gradient: their frames stay in the first-level cache

template <class T> HUNCH_INLINE Frame<T> frame_of(const FleetConv& c) {
    constexpr int L = lanes<T>();
    Frame<T> f;
    f.width = c.width + 2 * c.pad_width;
    f.height = c.height + 2 * c.pad_height;
    f.positions = (c.out_height() - 1) * f.width + c.out_width();
    f.vectors = (f.positions + L - 1) / L;
    const ptrdiff_t furthest = (ptrdiff_t)(c.kernel_height - 1) * f.width + c.kernel_width - 1;
    f.plane = (ptrdiff_t)rounded((size_t)(furthest + f.vectors * L), L);
    if (f.plane < (ptrdiff_t)f.width * f.height) f.plane = (ptrdiff_t)rounded((size_t)f.width * (size_t)f.height, L);
    f.lead = furthest;
    const ptrdiff_t inner = (ptrdiff_t)(c.height - 1) * f.width + c.width + c.pad_height * f.width + c.pad_width;
    f.gradient_plane = (ptrdiff_t)rounded((size_t)(f.lead + inner + L), L);
    const ptrdiff_t least = f.lead + (ptrdiff_t)f.vectors * L;
    if (f.gradient_plane < least) f.gradient_plane = (ptrdiff_t)rounded((size_t)least, L);
    return f;
}

template <class T> size_t conv_room(const FleetConv& c) {
    constexpr size_t L = lanes<T>();
    const Frame<T> f = frame_of<T>(c);
    const size_t kernel = (size_t)c.kernel_height * (size_t)c.kernel_width;
    const size_t places = (size_t)c.channels * kernel, outs = (size_t)c.outs;
    size_t n = kImagesAtOnce * ((size_t)c.channels * (size_t)f.plane + outs * (size_t)f.gradient_plane);
    n += (outs > (size_t)c.channels ? outs : (size_t)c.channels) * (size_t)(f.plane + f.gradient_plane);  // a result
    n += outs * places;                                   // weights turned round
    n += (outs * places + outs) * L;                      // sums of the weights' gradient
    n += 2 * (places + outs * kernel) + 64;  // offsets, of eight bytes each
    return sizeof(T) * n + 256;
}

// R rows of A times the frame at shifted places, for N vectors of positions.
template <class T, int R, int N>
HUNCH_INLINE void shifted_tile(const T* a, ptrdiff_t a_row, int depth, const T* b, const int64_t* offset, const T* bias, T* c, ptrdiff_t c_row) {
    constexpr int L = lanes<T>();
    Vec<T> sum[R][N];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
        const Vec<T> first = bias != nullptr ? splat<T>(bias[r]) : Vec<T>{};
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) sum[r][v] = first;
    }
    for (int k = 0; k < depth; ++k) {
        const T* at = b + offset[k];
        Vec<T> right[N];
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) right[v] = load<T>(at + v * L);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
            const T left = a[r * a_row + k];
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) sum[r][v] += left * right[v];
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) store<T>(c + r * c_row + v * L, sum[r][v]);
}

template <class T, int R>
HUNCH_INLINE void shifted_strip(int n, const T* a, ptrdiff_t a_row, int depth, const T* b, const int64_t* offset, const T* bias, T* c, ptrdiff_t c_row) {
    if (kConvVectors >= 3 && n == 3) shifted_tile<T, R, kConvVectors >= 3 ? 3 : 1>(a, a_row, depth, b, offset, bias, c, c_row);
    else if (n == 2) shifted_tile<T, R, 2>(a, a_row, depth, b, offset, bias, c, c_row);
    else shifted_tile<T, R, 1>(a, a_row, depth, b, offset, bias, c, c_row);
}

// C (rows, vectors · L) = A (rows, depth) · frame.
template <class T>
__attribute__((noinline)) void shifted_product(int rows, int depth, int vectors, const T* a, const T* frame, const int64_t* offset, const T* bias, T* c, ptrdiff_t c_row) {
    constexpr int L = lanes<T>();
    const int tiles = (rows + kConvOuts - 1) / kConvOuts;
    const int height = rows / tiles, higher = rows % tiles;
    for (int vector = 0; vector < vectors;) {
        const int left = vectors - vector;
        int n = left < kConvVectors ? left : kConvVectors;
        if (left == 4 && n == 3) n = 2;
        int row = 0;
        for (int t = 0; t < tiles; ++t) {
            const int here = height + (t < higher);
            const T* ra = a + (ptrdiff_t)row * depth;
            const T* rb = bias == nullptr ? nullptr : bias + row;
            T* rc = c + row * c_row + vector * L;
            const T* at = frame + vector * L;
            switch (here) {
                case 1: shifted_strip<T, 1>(n, ra, depth, depth, at, offset, rb, rc, c_row); break;
                case 2: shifted_strip<T, 2>(n, ra, depth, depth, at, offset, rb, rc, c_row); break;
                case 3: shifted_strip<T, 3>(n, ra, depth, depth, at, offset, rb, rc, c_row); break;
                case 4: shifted_strip<T, 4>(n, ra, depth, depth, at, offset, rb, rc, c_row); break;
#if HUNCH_LEVEL >= 3
                case 5: shifted_strip<T, 5>(n, ra, depth, depth, at, offset, rb, rc, c_row); break;
                case 6: shifted_strip<T, 6>(n, ra, depth, depth, at, offset, rb, rc, c_row); break;
#endif
#if HUNCH_LEVEL == 4
                case 7: shifted_strip<T, 7>(n, ra, depth, depth, at, offset, rb, rc, c_row); break;
                default: shifted_strip<T, 8>(n, ra, depth, depth, at, offset, rb, rc, c_row); break;
#else
                default: break;
#endif
            }
            row += here;
        }
        vector += n;
    }
}

// Lay the planes of one image into frames; the zeros around are there already.
template <class T>
HUNCH_INLINE void lay(const T* from, int planes, int height, int width, T* to, ptrdiff_t plane, ptrdiff_t start, int frame_width) {
    for (int c = 0; c < planes; ++c)
        for (int y = 0; y < height; ++y)
            __builtin_memcpy(to + c * plane + start + (ptrdiff_t)y * frame_width, from + ((ptrdiff_t)c * height + y) * width, sizeof(T) * (size_t)width);
}

template <class T>
HUNCH_INLINE void take(const T* from, ptrdiff_t plane, int frame_width, T* to, int planes, int height, int width) {
    for (int c = 0; c < planes; ++c)
        for (int y = 0; y < height; ++y)
            __builtin_memcpy(to + ((ptrdiff_t)c * height + y) * width, from + c * plane + (ptrdiff_t)y * frame_width, sizeof(T) * (size_t)width);
}

template <class T> HUNCH_INLINE void clear(T* p, size_t n) { __builtin_memset(p, 0, sizeof(T) * n); }

template <class T> void conv_forward(const FleetConv& c, void* room) {
    constexpr int L = lanes<T>();
    const Frame<T> f = frame_of<T>(c);
    const int oh = c.out_height(), ow = c.out_width(), kernel = c.kernel_height * c.kernel_width, depth = c.channels * kernel;
    T* const frame = (T*)room;
    T* const result = frame + c.channels * f.plane;
    const ptrdiff_t result_row = (ptrdiff_t)f.vectors * L;
    int64_t* const offset = (int64_t*)((char*)room + rounded(sizeof(T) * (size_t)(c.channels * f.plane + c.outs * result_row), 64));
    for (int ch = 0, k = 0; ch < c.channels; ++ch)
        for (int i = 0; i < c.kernel_height; ++i)
            for (int j = 0; j < c.kernel_width; ++j) offset[k++] = ch * f.plane + (ptrdiff_t)i * f.width + j;
    clear(frame, (size_t)(c.channels * f.plane));
    const ptrdiff_t start = (ptrdiff_t)c.pad_height * f.width + c.pad_width;
    for (int r = 0; r < c.rows; ++r) {
        const T* w = (const T*)c.w + r * c.w_row;
        const T* bias = c.bias == nullptr ? nullptr : (const T*)c.bias + r * c.bias_row;
        for (int n = 0; n < c.images; ++n) {
            const T* x = (const T*)c.x + r * c.x_row + (ptrdiff_t)n * c.channels * c.height * c.width;
            T* y = (T*)c.y + ((ptrdiff_t)r * c.images + n) * c.outs * oh * ow;
            lay(x, c.channels, c.height, c.width, frame, f.plane, start, f.width);
            shifted_product<T>(c.outs, depth, f.vectors, w, frame, offset, bias, result, result_row);
            take(result, result_row, f.width, y, c.outs, oh, ow);
        }
    }
}

template <class T, int R, int K>
HUNCH_INLINE void gradient_tile(const T* dy, ptrdiff_t dy_plane, const T* x, const int64_t* offset, int vectors, T* sums, ptrdiff_t sums_row) {
    constexpr int L = lanes<T>();
    Vec<T> sum[R][K];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int k = 0; k < K; ++k) sum[r][k] = load<T>(sums + r * sums_row + k * L);
    for (int v = 0; v < vectors; ++v) {
        Vec<T> left[R];
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) left[r] = load<T>(dy + r * dy_plane + v * L);
#pragma GCC unroll 4
        for (int k = 0; k < K; ++k) {
            const Vec<T> right = load<T>(x + offset[k] + v * L);
#pragma GCC unroll 4
            for (int r = 0; r < R; ++r) sum[r][k] += left[r] * right;
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int k = 0; k < K; ++k) store<T>(sums + r * sums_row + k * L, sum[r][k]);
}

template <class T, int R>
HUNCH_INLINE void gradient_strip(int places, const T* dy, ptrdiff_t dy_plane, const T* x, const int64_t* offset, int vectors, T* sums, ptrdiff_t sums_row) {
    constexpr int L = lanes<T>();
    int k = 0;
    for (; k + kGradPlaces <= places; k += kGradPlaces)
        gradient_tile<T, R, kGradPlaces>(dy, dy_plane, x, offset + k, vectors, sums + (ptrdiff_t)k * L, sums_row);
    for (; k < places; ++k) gradient_tile<T, R, 1>(dy, dy_plane, x, offset + k, vectors, sums + (ptrdiff_t)k * L, sums_row);
}

template <class T> void conv_backward(const FleetConv& c, void* room) {
    constexpr int L = lanes<T>();
    const Frame<T> f = frame_of<T>(c);
    const int oh = c.out_height(), ow = c.out_width(), kernel = c.kernel_height * c.kernel_width, places = c.channels * kernel;
    T* const frames = (T*)room;
    T* const gradients = frames + kImagesAtOnce * c.channels * f.plane;
    T* const sums = gradients + kImagesAtOnce * c.outs * f.gradient_plane;
    T* const bias_sums = sums + (ptrdiff_t)c.outs * places * L;
    T* const turned = bias_sums + c.outs * L;
    T* const result = turned + (ptrdiff_t)c.outs * places;
    const int inner = (c.height - 1) * f.width + c.width, inner_vectors = (inner + L - 1) / L;
    const ptrdiff_t result_row = (ptrdiff_t)inner_vectors * L;
    int64_t* const offset = (int64_t*)((char*)room + rounded((size_t)((char*)(result + c.channels * result_row) - (char*)room), 64));
    int64_t* const back = offset + places;
    for (int ch = 0, k = 0; ch < c.channels; ++ch)
        for (int i = 0; i < c.kernel_height; ++i)
            for (int j = 0; j < c.kernel_width; ++j) offset[k++] = ch * f.plane + (ptrdiff_t)i * f.width + j;
    const ptrdiff_t start = (ptrdiff_t)c.pad_height * f.width + c.pad_width;
    for (int o = 0, k = 0; o < c.outs; ++o)
        for (int i = 0; i < c.kernel_height; ++i)
            for (int j = 0; j < c.kernel_width; ++j) back[k++] = o * f.gradient_plane + f.lead + start - (ptrdiff_t)i * f.width - j;
    clear(frames, (size_t)(kImagesAtOnce * c.channels * f.plane));
    clear(gradients, (size_t)(kImagesAtOnce * c.outs * f.gradient_plane));
    for (int r = 0; r < c.rows; ++r) {
        const T* w = (const T*)c.w + r * c.w_row;
        if (c.x_grad != nullptr)
            for (int o = 0; o < c.outs; ++o)
                for (int ch = 0; ch < c.channels; ++ch)
                    __builtin_memcpy(turned + ((ptrdiff_t)ch * c.outs + o) * kernel, w + ((ptrdiff_t)o * c.channels + ch) * kernel, sizeof(T) * (size_t)kernel);
        clear(sums, (size_t)c.outs * (size_t)places * L);
        clear(bias_sums, (size_t)c.outs * L);
        for (int first = 0; first < c.images; first += kImagesAtOnce) {
            const int here = c.images - first < kImagesAtOnce ? c.images - first : kImagesAtOnce;
            for (int n = 0; n < here; ++n) {
                const ptrdiff_t image = (ptrdiff_t)r * c.images + first + n;
                lay((const T*)c.x + r * c.x_row + (ptrdiff_t)(first + n) * c.channels * c.height * c.width, c.channels, c.height, c.width,
                    frames + n * c.channels * f.plane, f.plane, start, f.width);
                T* gradient = gradients + n * c.outs * f.gradient_plane;
                lay((const T*)c.y + image * c.outs * oh * ow, c.outs, oh, ow, gradient, f.gradient_plane, f.lead, f.width);
                if (c.x_grad != nullptr) {
                    shifted_product<T>(c.channels, c.outs * kernel, inner_vectors, turned, gradient, back, nullptr, result, result_row);
                    take(result, result_row, f.width, (T*)c.x_grad + image * c.channels * c.height * c.width, c.channels, c.height, c.width);
                }
                for (int o = 0; o < c.outs; ++o) {
                    Vec<T> total = load<T>(bias_sums + o * L);
                    for (int v = 0; v < f.vectors; ++v) total += load<T>(gradient + o * f.gradient_plane + f.lead + v * L);
                    store<T>(bias_sums + o * L, total);
                }
            }
            int o = 0;
            for (; o + kGradOuts <= c.outs; o += kGradOuts)
                for (int n = 0; n < here; ++n)
                    gradient_strip<T, kGradOuts>(places, gradients + (n * c.outs + o) * f.gradient_plane + f.lead, f.gradient_plane,
                                                 frames + n * c.channels * f.plane, offset, f.vectors, sums + (ptrdiff_t)o * places * L, (ptrdiff_t)places * L);
            for (; o < c.outs; ++o)
                for (int n = 0; n < here; ++n)
                    gradient_strip<T, 1>(places, gradients + (n * c.outs + o) * f.gradient_plane + f.lead, f.gradient_plane,
                                         frames + n * c.channels * f.plane, offset, f.vectors, sums + (ptrdiff_t)o * places * L, (ptrdiff_t)places * L);
        }
        T* w_grad = (T*)c.w_grad + (ptrdiff_t)r * c.outs * places;
        for (ptrdiff_t k = 0; k < (ptrdiff_t)c.outs * places; ++k) w_grad[k] = sum<T>(load<T>(sums + k * L));
        if (c.bias_grad != nullptr)
            for (int o = 0; o < c.outs; ++o) ((T*)c.bias_grad)[(ptrdiff_t)r * c.outs + o] = sum<T>(load<T>(bias_sums + o * L));
    }
}

// ---- pooling; of equal numbers the first counts, and a NaN wins, as torch has it

using ::hunch::FleetPool;

template <class T> HUNCH_INLINE bool wins(T candidate, T best) { return (candidate > best) | (candidate != candidate); }

// Four windows of two by two at a time, without a branch: what wins is as good as random.
template <class T> struct Four {
    typedef T V __attribute__((vector_size(4 * sizeof(T))));
    typedef typename Simd<T>::Int I __attribute__((vector_size(4 * sizeof(T))));
};

template <class T> HUNCH_INLINE void split(const T* from, typename Four<T>::V& even, typename Four<T>::V& odd) {
    typename Four<T>::V a, b;
    __builtin_memcpy(&a, from, sizeof a);
    __builtin_memcpy(&b, from + 4, sizeof b);
    even = __builtin_shufflevector(a, b, 0, 2, 4, 6);
    odd = __builtin_shufflevector(a, b, 1, 3, 5, 7);
}

template <class T> HUNCH_INLINE void joined(typename Four<T>::V even, typename Four<T>::V odd, T* to) {
    const typename Four<T>::V a = __builtin_shufflevector(even, odd, 0, 4, 1, 5), b = __builtin_shufflevector(even, odd, 2, 6, 3, 7);
    __builtin_memcpy(to, &a, sizeof a);
    __builtin_memcpy(to + 4, &b, sizeof b);
}

template <class T> HUNCH_INLINE typename Four<T>::I winners(typename Four<T>::V candidate, typename Four<T>::V best) {
    return (typename Four<T>::I)(candidate > best) | (typename Four<T>::I)(candidate != candidate);
}

template <class T> HUNCH_INLINE void four_forward(const T* a, const T* b, T* y) {
    typename Four<T>::V p, q, s, t;
    split<T>(a, p, q);
    split<T>(b, s, t);
    p = winners<T>(q, p) ? q : p;
    p = winners<T>(s, p) ? s : p;
    p = winners<T>(t, p) ? t : p;
    __builtin_memcpy(y, &p, sizeof p);
}

template <class T> HUNCH_INLINE void four_backward(const T* a, const T* b, const T* g, T* to_a, T* to_b) {
    typedef typename Four<T>::V V;
    typedef typename Four<T>::I I;
    V p, q, s, t, gradient;
    const V zero = {};
    split<T>(a, p, q);
    split<T>(b, s, t);
    __builtin_memcpy(&gradient, g, sizeof gradient);
    const I second = winners<T>(q, p);
    p = second ? q : p;
    const I third = winners<T>(s, p);
    p = third ? s : p;
    const I fourth = winners<T>(t, p);
    const I late = third | fourth;
    joined<T>((second | late) ? zero : gradient, (second & ~late) ? gradient : zero, to_a);
    joined<T>((third & ~fourth) ? gradient : zero, fourth ? gradient : zero, to_b);
}

template <class T> __attribute__((noinline)) void pairs_forward(const T* a, const T* b, T* y, int n) {
    int i = 0;
    for (; i + 4 <= n; i += 4) four_forward<T>(a + 2 * i, b + 2 * i, y + i);
    if (i == n) return;
    T from[2][8] = {}, to[4];
    __builtin_memcpy(from[0], a + 2 * i, sizeof(T) * 2 * (size_t)(n - i));
    __builtin_memcpy(from[1], b + 2 * i, sizeof(T) * 2 * (size_t)(n - i));
    four_forward<T>(from[0], from[1], to);
    __builtin_memcpy(y + i, to, sizeof(T) * (size_t)(n - i));
}

template <class T> __attribute__((noinline)) void pairs_backward(const T* a, const T* b, const T* g, T* to_a, T* to_b, int n) {
    int i = 0;
    for (; i + 4 <= n; i += 4) four_backward<T>(a + 2 * i, b + 2 * i, g + i, to_a + 2 * i, to_b + 2 * i);
    if (i == n) return;
    const size_t left = (size_t)(n - i);
    T from[2][8] = {}, gradient[4] = {}, to[2][8];
    __builtin_memcpy(from[0], a + 2 * i, sizeof(T) * 2 * left);
    __builtin_memcpy(from[1], b + 2 * i, sizeof(T) * 2 * left);
    __builtin_memcpy(gradient, g + i, sizeof(T) * left);
    four_backward<T>(from[0], from[1], gradient, to[0], to[1]);
    __builtin_memcpy(to_a + 2 * i, to[0], sizeof(T) * 2 * left);
    __builtin_memcpy(to_b + 2 * i, to[1], sizeof(T) * 2 * left);
}

template <class T> HUNCH_INLINE bool by_pairs(const FleetPool& p) {
    return p.kernel_height == 2 && p.kernel_width == 2 && p.step_height == 2 && p.step_width == 2;
}

template <class T> void pool_forward(const FleetPool& p) {
    const int oh = p.out_height(), ow = p.out_width();
    for (int plane = 0; plane < p.planes; ++plane) {
        const T* x = (const T*)p.x + (ptrdiff_t)plane * p.height * p.width;
        T* y = (T*)p.out + (ptrdiff_t)plane * oh * ow;
        for (int i = 0; i < oh; ++i) {
            const T* top = x + (ptrdiff_t)i * p.step_height * p.width;
            if (by_pairs<T>(p)) {
                pairs_forward<T>(top, top + p.width, y + (ptrdiff_t)i * ow, ow);
                continue;
            }
            for (int j = 0; j < ow; ++j) {
                const T* corner = top + j * p.step_width;
                T best = *corner;
                for (int u = 0; u < p.kernel_height; ++u)
                    for (int v = 0; v < p.kernel_width; ++v) best = wins(corner[u * p.width + v], best) ? corner[u * p.width + v] : best;
                y[(ptrdiff_t)i * ow + j] = best;
            }
        }
    }
}

template <class T> void pool_backward(const FleetPool& p) {
    const int oh = p.out_height(), ow = p.out_width();
    for (int plane = 0; plane < p.planes; ++plane) {
        const T* x = (const T*)p.x + (ptrdiff_t)plane * p.height * p.width;
        const T* g = (const T*)p.y_grad + (ptrdiff_t)plane * oh * ow;
        T* to = (T*)p.out + (ptrdiff_t)plane * p.height * p.width;
        if (!by_pairs<T>(p) || 2 * oh != p.height || 2 * ow != p.width) clear(to, (size_t)p.height * (size_t)p.width);
        for (int i = 0; i < oh; ++i) {
            const ptrdiff_t top = (ptrdiff_t)i * p.step_height * p.width;
            if (by_pairs<T>(p)) {
                pairs_backward<T>(x + top, x + top + p.width, g + (ptrdiff_t)i * ow, to + top, to + top + p.width, ow);
                continue;
            }
            for (int j = 0; j < ow; ++j) {
                ptrdiff_t best = top + j * p.step_width;
                for (int u = 0; u < p.kernel_height; ++u)
                    for (int v = 0; v < p.kernel_width; ++v) {
                        const ptrdiff_t at = top + j * p.step_width + u * p.width + v;
                        if (wins(x[at], x[best])) best = at;
                    }
                to[best] += g[(ptrdiff_t)i * ow + j];
            }
        }
    }
}

}  // namespace HUNCH_NS
