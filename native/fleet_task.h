// What the batched engine asks of the kernels: products and convolutions of many rows, one after another.
#pragma once

#include <stddef.h>

namespace hunch {

// C_r = bias_r + A_r · B_r for each row r. Steps are in elements. One of a_i and a_k must be 1; C lies row after row.
struct FleetProduct {
    int rows, m, k, n;
    const void* a;
    ptrdiff_t a_row, a_i, a_k;
    const void* b;
    ptrdiff_t b_row, b_k, b_j;
    const void* bias;  // null, or n numbers a row
    ptrdiff_t bias_row;
    void* c;
};

// Convolutions with stride 1 and no dilation. x: (rows, images, channels, height, width), w: (rows, outs, channels,
// kernel height, kernel width), y: (rows, images, outs, height', width'); inside of a row all lie without gaps.
struct FleetConv {
    int rows, images, channels, height, width, outs, kernel_height, kernel_width, pad_height, pad_width;
    const void* x;
    ptrdiff_t x_row;
    const void* w;
    ptrdiff_t w_row;
    const void* bias;  // null, or outs numbers a row
    ptrdiff_t bias_row;
    void* y;         // forward: the result; else the gradient for it
    void* x_grad;    // null, or like x without gaps between rows
    void* w_grad;    // like w without gaps between rows
    void* bias_grad; // null, or (rows, outs)

    int out_height() const { return height + 2 * pad_height - kernel_height + 1; }
    int out_width() const { return width + 2 * pad_width - kernel_width + 1; }
};

// The largest number of each window of a map, windows without padding or dilation. maps: (planes, height, width).
struct FleetPool {
    int planes, height, width, kernel_height, kernel_width, step_height, step_width;
    const void* x;
    const void* y_grad;  // backward
    void* out;           // forward: the result; backward: the gradient for x

    int out_height() const { return (height - kernel_height) / step_height + 1; }
    int out_width() const { return (width - kernel_width) / step_width + 1; }
};

}  // namespace hunch
