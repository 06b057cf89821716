// One run to be made, as plain data: what the pool hands to a kernel.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace hunch {

enum Norm { kNoNorm, kBatchNorm, kLayerNorm, kRmsNorm, kGroupNorm };
enum Activation { kIdentity, kRelu, kLeakyRelu, kElu, kGelu, kGeluTanh, kSilu, kSigmoid, kTanh, kSoftplus, kActivations };
enum Dropout { kNoDropout, kBernoulli, kGaussian, kExact };
enum Cost { kCrossEntropy, kBinaryCrossEntropy, kSquaredError, kHuber };
enum Optimizer { kSgd, kMomentum, kNesterov, kAdam };
enum Shift { kNoShift, kShiftIsBeta, kShiftIsBias };

struct Parameter {
    int exists, trained, decayed;
};

// A linear layer and what follows it. Its numbers lie in Task::parameters in this order, those that exist: weight
// (n_out, n_in), bias, norm weight, norm bias, running mean, running variance.
struct Layer {
    int n_in, n_out;
    int norm, norm_after, groups;
    double norm_eps, norm_momentum;
    int activation;
    int dropout;
    double keep;                 // the keep probability that scales
    int keep_threshold;          // bernoulli: draws of 65536 that are kept
    int exact_floor;             // exact: units kept at least …
    uint32_t exact_threshold;    // … and of 2^32 draws, how many keep one more
    uint64_t noise_stream;
    int site;                    // index into the readings; -1: not read
    int reads_activation;
    int shift;                   // what update_shift is about
    Parameter weight, bias, gamma, beta;
};

constexpr int kJudgedAtOnce = 64;  // examples that go through the network together when they are judged

// Examples: int64 labels (n) or targets (n, outputs), and inputs: (n, features) to train on, and blocks (⌈n / 64⌉, features,
// 64) to judge, where what is not there is 0. All contiguous.
struct Examples {
    const void* x;
    const void* y;
    int64_t n;
};

struct Task {
    Layer inputs;                // its dropout alone, over n_out features
    const Layer* layers;
    int n_layers;
    int cost;
    Examples train, slice, held;
    int64_t batch_size, budget;
    uint64_t seed, order_stream;
    int optimizer;
    double lr, momentum, beta1, beta2, eps, l2, weight_decay;
    double steps_with_dropout;
    const double* factors;       // learning-rate factor of each step
    const double* y_scale;       // what a regression target was divided by, per output
    const int64_t *eval_at, *held_at, *reading_at;  // increasing
    int64_t n_eval, n_held, n_readings;
    int n_sites;
    double stop_at;              // stop once the cost has been at most this at two evaluations in a row; -inf: never
    int stops_on_held;           // … the cost of what is held out, not of the slice
    void* parameters;            // in: before the first update; out: after the last
    double *cost_out, *held_cost_out, *held_error_out;
    float* held_losses_out;      // the cost of each held-out example at the last entry of held_at; null: not wanted
    float* readings_out;         // (n_readings, kReadings, n_sites)
    int64_t diverged_at;         // out; -1: it did not
    const volatile int* stop;    // not 0: give up at once
};

enum Reading {
    kSaturation, kSaturated, kSlope, kInactive, kMean, kSpread, kGradient, kUpdate, kRelativeUpdate, kShiftUpdate, kReadings
};

enum class Outcome { kDone, kStopped };

}  // namespace hunch
