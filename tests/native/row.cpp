// Trains fixed rows with the kernels of one instruction level and prints what came out, a number a line: for machines on
// which the Python suite does not run (`make arm` holds an emulated ARM64 against this processor with it).
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <vector>

#include "kernels.h"

#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)
#define LEVEL_NS JOIN(level, HUNCH_LEVEL)
namespace LEVEL_NS { extern const hunch::Kernels table; }

namespace {

unsigned long long state = 12345;

double uniform() {  // in (-1, 1), the same everywhere
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (double)(state >> 11) / 4503599627370496.0 - 1.0;
}

hunch::Layer layer(int n_in, int n_out, int norm, int after, int activation, int dropout, int site) {
    hunch::Layer y = {};
    y.n_in = n_in;
    y.n_out = n_out;
    y.norm = norm;
    y.norm_after = after;
    y.groups = 3;
    y.norm_eps = 1e-5;
    y.norm_momentum = 0.1;
    y.activation = activation;
    y.dropout = dropout;
    y.keep = 0.75;
    y.keep_threshold = 49152;
    y.exact_floor = n_out * 3 / 4;
    y.noise_stream = 77 + (unsigned)site;
    y.site = site;
    y.reads_activation = site >= 0;
    y.shift = hunch::kShiftIsBias;
    y.weight = {1, 1, 1};
    y.bias = {1, norm != hunch::kBatchNorm || after, 0};
    if (norm != hunch::kNoNorm) y.gamma = y.beta = {1, 1, 0};
    return y;
}

// Three variants have every activation in them, and with the four optimizers every cost.
template <class T> void run(int type, int optimizer, int variant) {
    using namespace hunch;
    const Layer layers[5] = {
        layer(9, 24, kBatchNorm, 0, 4 * variant % kActivations, kBernoulli, 0),
        layer(24, 17, kLayerNorm, 0, (4 * variant + 1) % kActivations, kGaussian, 1),
        layer(17, 24, kGroupNorm, 1, (4 * variant + 2) % kActivations, kExact, 2),
        layer(24, 7, kRmsNorm, 1, (4 * variant + 3) % kActivations, kNoDropout, 3),
        layer(7, 3, kNoNorm, 0, kIdentity, kNoDropout, -1),
    };
    const int n = 130, n_in = 9, budget = 40;
    std::vector<T> x(n * n_in), parameters, blocks(3 * n_in * kJudgedAtOnce);
    std::vector<int64_t> y(n);
    std::vector<T> targets(3 * n);
    const int cost_kind = (variant + optimizer) % 4;
    for (T& v : x) v = (T)uniform();
    for (int i = 0; i < n; ++i) {
        y[i] = x[i * n_in] > (T)0.3 ? 2 : x[i * n_in + 1] > 0 ? 1 : 0;
        for (int k = 0; k < 3; ++k)
            targets[3 * i + k] = cost_kind == kBinaryCrossEntropy ? (T)(y[i] == k) : x[i * n_in + k] - x[i * n_in + k + 1];
        for (int j = 0; j < n_in; ++j) blocks[((i / kJudgedAtOnce) * n_in + j) * kJudgedAtOnce + i % kJudgedAtOnce] = x[i * n_in + j];
    }
    for (const Layer& l : layers) {
        for (int i = 0; i < l.n_in * l.n_out; ++i) parameters.push_back((T)(uniform() / sqrt((double)l.n_in)));
        for (int i = 0; i < l.n_out; ++i) parameters.push_back((T)0);
        if (l.norm == kNoNorm) continue;
        for (int i = 0; i < l.n_out; ++i) parameters.push_back((T)1);
        for (int i = 0; i < l.n_out; ++i) parameters.push_back((T)0);
        if (l.norm != kBatchNorm) continue;
        for (int i = 0; i < l.n_out; ++i) parameters.push_back((T)0);
        for (int i = 0; i < l.n_out; ++i) parameters.push_back((T)1);
    }
    const std::vector<double> factors(budget, 1.0), y_scale(3, 1.0);
    const int64_t at[4] = {0, 10, 20, 40}, reading_at[2] = {1, 30};
    double cost[4], held[4], error[4];
    float readings[2 * kReadings * 4];
    for (float& r : readings) r = NAN;  // as the trace has it: what a layer does not measure stays so
    const volatile int stop = 0;
    Task t = {};
    t.layers = layers;
    t.n_layers = 5;
    t.cost = cost_kind;
    const void* const right = cost_kind == kCrossEntropy ? (const void*)y.data() : targets.data();
    t.train = {x.data(), right, n};
    t.slice = t.held = {blocks.data(), right, n};
    t.batch_size = 20;
    t.budget = budget;
    t.seed = 5;
    t.order_stream = 9;
    t.optimizer = optimizer;
    t.lr = optimizer == kAdam ? 0.003 : 0.05;
    t.momentum = 0.9;
    t.beta1 = 0.9;
    t.beta2 = 0.999;
    t.eps = 1e-8;
    t.l2 = 0.01;
    t.weight_decay = 0.02;
    t.steps_with_dropout = budget;
    t.factors = factors.data();
    t.y_scale = y_scale.data();
    t.eval_at = t.held_at = at;
    t.reading_at = reading_at;
    t.n_eval = t.n_held = 4;
    t.n_readings = 2;
    t.n_sites = 4;
    t.stop_at = -INFINITY;
    t.parameters = parameters.data();
    t.cost_out = cost;
    t.held_cost_out = held;
    t.held_error_out = error;
    t.readings_out = readings;
    t.stop = &stop;
    const Kernels& k = LEVEL_NS::table;
    std::vector<char> states(k.layer_bytes[type] * 5);
    const size_t bytes = (k.room_for[type](t, states.data()) + 63) / 64 * 64;
    void* room = aligned_alloc(64, bytes);
    if (k.train[type](t, states.data(), room) != Outcome::kDone) exit(1);
    free(room);
    for (int i = 0; i < 4; ++i) printf("%.17g\n%.17g\n%.17g\n", cost[i], held[i], error[i]);
    for (T p : parameters) printf("%.17g\n", (double)p);
    for (float r : readings)
        if (!isnan(r)) printf("%.9g\n", (double)r);
}

}  // namespace

int main(int argc, char**) {
    const int type = argc > 1;  // any argument: single precision
    for (int optimizer : {hunch::kSgd, hunch::kMomentum, hunch::kNesterov, hunch::kAdam})
        for (int variant = 0; variant < 3; ++variant)
            type == 0 ? run<double>(1, optimizer, variant) : run<float>(0, optimizer, variant);
    return 0;
}
