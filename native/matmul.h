// C[r, :] (+)= bias + sum over k of A(r, k) · B[k, :], for small and middling matrices: register tiles, no packing.
//
// A is read one number at a time and broadcast, so that it may be a matrix or its transpose (two strides); B and C have
// whole vectors a row (the columns beyond their width hold zeros). C must not overlap A or B.
#pragma once

#include "simd.h"

namespace HUNCH_NS {

#if HUNCH_LEVEL == 4
constexpr int kTileRows = 8, kTileVectors = 3;  // of 32 registers: 24 sums, 3 of B, 1 of A
#elif HUNCH_LEVEL == 3
constexpr int kTileRows = 6, kTileVectors = 2;  // of 16 registers: 12 sums, 2 of B, 1 of A
#elif HUNCH_LEVEL == 2
constexpr int kTileRows = 4, kTileVectors = 2;  // products need a register too: no fused multiply-add
#else
constexpr int kTileRows = 6, kTileVectors = 2;
#endif
constexpr int kDepth = 256;  // rows of B worked on at once, so that its panel stays in the first-level cache

enum class Start { kZero, kBias, kRowBias, kSum };

template <class T> struct Matmul {
    int rows, depth, vectors;  // rows of C, rows of B, vectors of a row of C
    const T* a;
    ptrdiff_t a_row, a_depth;  // A(r, k) = a[r · a_row + k · a_depth]
    const T* b;
    ptrdiff_t b_row;
    T* c;
    ptrdiff_t c_row;
    const T* bias;      // one number a column, or null
    const T* row_bias;  // one number a row, or null
};

template <class T, int R, int N, bool kDepthIsOne>
HUNCH_INLINE void tile(const Matmul<T>& m, Start start, int row, int vector, int from, int to) {
    constexpr int L = lanes<T>();
    Vec<T> sum[R][N];
    T* const c = m.c + row * m.c_row + vector * L;
    if (start == Start::kSum) {
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) sum[r][v] = load<T>(c + r * m.c_row + v * L);
    } else if (start == Start::kRowBias) {
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
            const Vec<T> first = splat<T>(m.row_bias[row + r]);
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) sum[r][v] = first;
        }
    } else {
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) {
            const Vec<T> first = start == Start::kBias ? load<T>(m.bias + (vector + v) * L) : Vec<T>{};
#pragma GCC unroll 8
            for (int r = 0; r < R; ++r) sum[r][v] = first;
        }
    }
    const ptrdiff_t a_row = kDepthIsOne ? m.a_row : 1, a_depth = kDepthIsOne ? 1 : m.a_depth;
    const T* a = m.a + row * a_row + from * a_depth;
    const T* b = m.b + from * m.b_row + vector * L;
#pragma GCC unroll 4
    for (int k = from; k < to; ++k) {
        Vec<T> right[N];
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) right[v] = load<T>(b + v * L);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
            const T left = a[r * a_row];
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) sum[r][v] += left * right[v];
        }
        a += a_depth;
        b += m.b_row;
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) store<T>(c + r * m.c_row + v * L, sum[r][v]);
}

template <class T, int R, bool kDepthIsOne>
HUNCH_INLINE void strip(const Matmul<T>& m, Start start, int row, int vector, int n, int from, int to) {
    if (kTileVectors >= 3 && n == 3) tile<T, R, kTileVectors >= 3 ? 3 : 1, kDepthIsOne>(m, start, row, vector, from, to);
    else if (n == 2) tile<T, R, 2, kDepthIsOne>(m, start, row, vector, from, to);
    else tile<T, R, 1, kDepthIsOne>(m, start, row, vector, from, to);
}

template <class T, bool kDepthIsOne> __attribute__((noinline)) void matmul_strided(const Matmul<T>& m) {
    const int tiles = (m.rows + kTileRows - 1) / kTileRows;
    const int height = m.rows / tiles, higher = m.rows % tiles;  // tiles as even as can be
    // Panels of two or three vectors; a single one only where there is one, since its tile waits for B.
    const int width = kTileVectors >= 3 && m.vectors % 2 == 1 ? 3 : 2;
    for (int from = 0; from < m.depth || from == 0; from += kDepth) {
        const int to = m.depth - from <= kDepth ? m.depth : from + kDepth;
        const Start start = from > 0                 ? Start::kSum
                            : m.bias != nullptr     ? Start::kBias
                            : m.row_bias != nullptr ? Start::kRowBias
                                                    : Start::kZero;
        for (int vector = 0; vector < m.vectors;) {
            const int left = m.vectors - vector;
            int n = left < width ? left : (left % 2 == 1 && width == 3) ? 3 : 2;
            if (n > left) n = left;
            int row = 0;
            for (int t = 0; t < tiles; ++t) {
                const int rows = height + (t < higher);
                switch (rows) {
                    case 1: strip<T, 1, kDepthIsOne>(m, start, row, vector, n, from, to); break;
                    case 2: strip<T, 2, kDepthIsOne>(m, start, row, vector, n, from, to); break;
                    case 3: strip<T, 3, kDepthIsOne>(m, start, row, vector, n, from, to); break;
                    case 4: strip<T, 4, kDepthIsOne>(m, start, row, vector, n, from, to); break;
#if HUNCH_LEVEL != 2
                    case 5: strip<T, 5, kDepthIsOne>(m, start, row, vector, n, from, to); break;
                    case 6: strip<T, 6, kDepthIsOne>(m, start, row, vector, n, from, to); break;
#endif
#if HUNCH_LEVEL == 4
                    case 7: strip<T, 7, kDepthIsOne>(m, start, row, vector, n, from, to); break;
                    default: strip<T, 8, kDepthIsOne>(m, start, row, vector, n, from, to); break;
#else
                    default: break;
#endif
                }
                row += rows;
            }
            vector += n;
        }
        if (m.depth == 0) break;
    }
}

// A matrix as it lies (rows one after another).
template <class T> HUNCH_INLINE void matmul(const Matmul<T>& m) { matmul_strided<T, true>(m); }

// A transposed: A(r, k) = a[r + k · a_depth].
template <class T> HUNCH_INLINE void matmul_transposed(const Matmul<T>& m) { matmul_strided<T, false>(m); }

// to[c, r] = from[r, c] for r < rows, c < columns; rows and columns are rounded up to whole blocks of 16 bytes, for which
// both matrices must have room.
template <class T> __attribute__((noinline)) void transpose(const T* from, ptrdiff_t from_row, T* to, ptrdiff_t to_row, int rows, int columns) {
    constexpr int S = 16 / (int)sizeof(T);
    typedef T Block __attribute__((vector_size(16)));
    for (int r = 0; r < rows; r += S)
        for (int c = 0; c < columns; c += S) {
            Block in[S], out[S];
            for (int i = 0; i < S; ++i) __builtin_memcpy(&in[i], from + (r + i) * from_row + c, 16);
            if constexpr (S == 4) {
                const Block a = __builtin_shufflevector(in[0], in[1], 0, 4, 1, 5), b = __builtin_shufflevector(in[0], in[1], 2, 6, 3, 7);
                const Block d = __builtin_shufflevector(in[2], in[3], 0, 4, 1, 5), e = __builtin_shufflevector(in[2], in[3], 2, 6, 3, 7);
                out[0] = __builtin_shufflevector(a, d, 0, 1, 4, 5);
                out[1] = __builtin_shufflevector(a, d, 2, 3, 6, 7);
                out[2] = __builtin_shufflevector(b, e, 0, 1, 4, 5);
                out[3] = __builtin_shufflevector(b, e, 2, 3, 6, 7);
            } else {
                out[0] = __builtin_shufflevector(in[0], in[1], 0, 2);
                out[1] = __builtin_shufflevector(in[0], in[1], 1, 3);
            }
            for (int i = 0; i < S; ++i) __builtin_memcpy(to + (c + i) * to_row + r, &out[i], 16);
        }
}

}  // namespace HUNCH_NS
