// The Python module hunch.engine._native. Arrays are checked here; the kernels trust what they are given.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "pool.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

const hunch::Kernels& kernels() {
    const char* reason = "";
    const hunch::Kernels* found = hunch::chosen_kernels(&reason);
    if (found == nullptr) throw std::runtime_error(reason);
    return *found;
}

nb::ndarray<nb::numpy, uint32_t, nb::ndim<1>> words(uint64_t seed, uint64_t stream, uint32_t step, size_t n) {
    uint32_t* out = new uint32_t[n ? n : 1];
    nb::capsule owner(out, [](void* p) noexcept { delete[] static_cast<uint32_t*>(p); });
    kernels().philox_words(seed, stream, step, 0, n, out);
    return nb::ndarray<nb::numpy, uint32_t, nb::ndim<1>>(out, {n}, owner);
}

std::vector<uint32_t> philox_block(uint64_t seed, uint64_t stream, uint32_t step, uint32_t block) {
    std::vector<uint32_t> out(4);
    kernels().philox_words(seed, stream, step, block, 4, out.data());
    return out;
}

std::string level() { return kernels().name; }

std::vector<std::string> levels() {
    std::vector<std::string> out;
    for (const hunch::Kernels* const* k = hunch::available_kernels(); *k != nullptr; ++k) out.push_back((*k)->name);
    return out;
}

using Array = nb::ndarray<nb::numpy, nb::c_contig, nb::device::cpu>;
using ReadOnly = nb::ndarray<nb::numpy, nb::ro, nb::c_contig, nb::device::cpu>;

void require(bool condition, const std::string& what) {
    if (!condition) throw nb::value_error(what.c_str());
}

template <class U, class A> U* data_of(const A& a, size_t size, const char* name) {
    require(a.dtype() == nb::dtype<std::remove_const_t<U>>(), std::string(name) + " has the wrong number type");
    require(a.size() == size, std::string(name) + " has " + std::to_string(a.size()) + " elements, not " + std::to_string(size));
    return static_cast<U*>(a.data());
}

// What all runs of a setting share. Python keeps it, and so its arrays, alive for as long as a pool uses it.
class Setting {
  public:
    Setting(bool is_double, int cost, int64_t n_outputs, int64_t budget, ReadOnly x, ReadOnly y, ReadOnly x_slice, ReadOnly y_slice,
            ReadOnly x_held, ReadOnly y_held, ReadOnly y_scale, ReadOnly eval_at, ReadOnly held_at, ReadOnly reading_at, int n_sites)
        : arrays_{x, y, x_slice, y_slice, x_held, y_held, y_scale, eval_at, held_at, reading_at}, is_double(is_double) {
        require(0 <= cost && cost <= hunch::kHuber, "no such cost");
        require(n_outputs >= 1 && budget >= 1 && n_sites >= 0, "n_outputs, budget or n_sites is out of range");
        require(x.ndim() == 2, "x must have two axes");
        n_features = (int64_t)x.shape(1);
        this->n_outputs = n_outputs;
        task.cost = cost;
        task.budget = budget;
        task.n_sites = n_sites;
        task.train = examples(x, y, "train", false);
        task.slice = examples(x_slice, y_slice, "slice", true);
        task.held = examples(x_held, y_held, "held", true);
        require(task.slice.n > 0, "the slice is empty");
        task.y_scale = data_of<const double>(y_scale, (size_t)n_outputs, "y_scale");
        task.eval_at = grid(eval_at, task.n_eval, 0, "eval_at");
        task.held_at = grid(held_at, task.n_held, 0, "held_at");
        task.reading_at = grid(reading_at, task.n_readings, 1, "reading_at");
    }

    hunch::Task task = {};
    int64_t n_features = 0, n_outputs = 0;

  private:
    hunch::Examples examples(const ReadOnly& x, const ReadOnly& y, const char* name, bool in_blocks) const {
        const std::string who = name;
        require(y.ndim() >= 1, who + " targets have the wrong shape");
        const size_t n = y.shape(0), block = hunch::kJudgedAtOnce;
        if (in_blocks)
            require(x.ndim() == 3 && x.shape(0) == (n + block - 1) / block && (int64_t)x.shape(1) == n_features && x.shape(2) == block,
                    who + " inputs have the wrong shape");
        else
            require(x.ndim() == 2 && x.shape(0) == n && (int64_t)x.shape(1) == n_features, who + " inputs have the wrong shape");
        hunch::Examples out = {nullptr, nullptr, (int64_t)n};
        require(n < (size_t)1 << 31, who + " has too many examples");
        if (is_double) out.x = data_of<const double>(x, x.size(), name);
        else out.x = data_of<const float>(x, x.size(), name);
        if (task.cost == hunch::kCrossEntropy) {
            const int64_t* labels = data_of<const int64_t>(y, n, name);
            for (size_t i = 0; i < n; ++i)
                require(0 <= labels[i] && labels[i] < n_outputs, who + " has a label out of range");
            out.y = labels;
        } else if (is_double) {
            out.y = data_of<const double>(y, n * (size_t)n_outputs, name);
        } else {
            out.y = data_of<const float>(y, n * (size_t)n_outputs, name);
        }
        return out;
    }

    const int64_t* grid(const ReadOnly& at, int64_t& n, int64_t low, const char* name) const {
        n = (int64_t)at.size();
        const int64_t* values = data_of<const int64_t>(at, at.size(), name);
        for (int64_t i = 0; i < n; ++i)
            require(values[i] >= (i == 0 ? low : values[i - 1] + 1) && values[i] <= task.budget, std::string(name) + " must increase");
        return values;
    }

    std::vector<ReadOnly> arrays_;

  public:
    const bool is_double;
};

hunch::Parameter parameter(nb::handle of) {
    const auto flags = nb::cast<std::tuple<bool, bool, bool>>(of);
    return {std::get<0>(flags), std::get<0>(flags) && std::get<1>(flags), std::get<0>(flags) && std::get<2>(flags)};
}

void read_dropout(nb::dict d, hunch::Layer& y) {
    y.dropout = nb::cast<int>(d["dropout"]);
    y.keep = nb::cast<double>(d["keep"]);
    y.keep_threshold = nb::cast<int>(d["keep_threshold"]);
    y.exact_floor = nb::cast<int>(d["exact_floor"]);
    y.exact_threshold = nb::cast<uint32_t>(d["exact_threshold"]);
    y.noise_stream = nb::cast<uint64_t>(d["noise_stream"]);
    require(0 <= y.dropout && y.dropout <= hunch::kExact, "no such dropout");
    require(y.keep > 0 && y.keep <= 1, "keep must be in (0, 1]");
}

hunch::Layer layer_of(nb::dict d) {
    hunch::Layer y = {};
    read_dropout(d, y);
    const auto whole = [&](const char* key) { return nb::cast<int>(d[key]); };
    y.n_in = whole("n_in");
    y.n_out = whole("n_out");
    y.norm = whole("norm");
    y.norm_after = whole("norm_after");
    y.groups = whole("groups");
    y.norm_eps = nb::cast<double>(d["norm_eps"]);
    y.norm_momentum = nb::cast<double>(d["norm_momentum"]);
    y.activation = whole("activation");
    y.site = whole("site");
    y.reads_activation = whole("reads_activation");
    y.shift = whole("shift");
    y.weight = parameter(d["weight"]);
    y.bias = parameter(d["bias"]);
    y.gamma = parameter(d["gamma"]);
    y.beta = parameter(d["beta"]);
    require(y.n_in >= 1 && y.n_out >= 1, "a layer needs inputs and outputs");
    require(0 <= y.norm && y.norm <= hunch::kGroupNorm && 0 <= y.activation && y.activation < hunch::kActivations,
            "no such norm or activation");
    require(y.norm != hunch::kGroupNorm || (y.groups >= 1 && y.n_out % y.groups == 0), "the groups must divide the width");
    require(y.weight.exists, "a layer needs a weight");
    return y;
}

class Trainer {
  public:
    explicit Trainer(int threads) : pool_(kernels(), at_least_one(threads)) {}

    // With only_measure nothing is trained. Returns the bytes that the row needs while it is.
    size_t submit(int64_t id, nb::object setting_object, nb::dict inputs, nb::list layers, int64_t batch_size, uint64_t seed, uint64_t order_stream,
                int optimizer, nb::dict numbers, ReadOnly factors, Array parameters, Array cost, Array held_cost, Array held_error, Array readings,
                std::optional<Array> held_losses, bool only_measure) {
        const Setting& setting = nb::cast<const Setting&>(setting_object);
        auto run = std::make_unique<hunch::Run>();
        run->id = id;
        run->number_type = setting.is_double;
        hunch::Task& t = run->task;
        t = setting.task;
        int64_t n_in = setting.n_features;
        t.inputs = {};
        t.inputs.n_out = (int)n_in;
        read_dropout(inputs, t.inputs);
        size_t n_parameters = 0;
        bool has_batch_norm = false;
        for (nb::handle one : layers) {
            const hunch::Layer y = layer_of(nb::cast<nb::dict>(one));
            require(y.n_in == n_in, "layers do not fit together");
            require(y.site < t.n_sites, "site is out of range");
            n_in = y.n_out;
            n_parameters += (size_t)y.n_in * y.n_out + (size_t)y.n_out * (y.bias.exists + y.gamma.exists + y.beta.exists);
            if (y.norm == hunch::kBatchNorm) n_parameters += 2 * (size_t)y.n_out;
            has_batch_norm = has_batch_norm || y.norm == hunch::kBatchNorm;
            run->layers.push_back(y);
        }
        require(!run->layers.empty() && n_in == setting.n_outputs, "the last layer's width does not fit the targets");
        require(batch_size >= 1 + has_batch_norm && batch_size <= t.train.n, "batch_size is out of range");
        require(0 <= optimizer && optimizer <= hunch::kAdam, "no such optimizer");
        t.n_layers = (int)run->layers.size();
        t.batch_size = batch_size;
        t.seed = seed;
        t.order_stream = order_stream;
        t.optimizer = optimizer;
        const auto number = [&](const char* key) { return nb::cast<double>(numbers[key]); };
        t.lr = number("lr");
        t.momentum = number("momentum");
        t.beta1 = number("beta1");
        t.beta2 = number("beta2");
        t.eps = number("eps");
        t.l2 = number("l2");
        t.weight_decay = number("weight_decay");
        t.steps_with_dropout = number("steps_with_dropout");
        t.stop_at = number("stop_at");
        t.stops_on_held = number("stops_on_held") != 0;
        t.factors = data_of<const double>(factors, (size_t)t.budget, "factors");
        if (setting.is_double) t.parameters = data_of<double>(parameters, n_parameters, "parameters");
        else t.parameters = data_of<float>(parameters, n_parameters, "parameters");
        t.cost_out = data_of<double>(cost, (size_t)t.n_eval, "cost");
        t.held_cost_out = data_of<double>(held_cost, (size_t)t.n_held, "held_cost");
        t.held_error_out = data_of<double>(held_error, (size_t)t.n_held, "held_error");
        t.readings_out = data_of<float>(readings, (size_t)(t.n_readings * hunch::kReadings * t.n_sites), "readings");
        t.held_losses_out = held_losses ? data_of<float>(*held_losses, (size_t)t.held.n, "held_losses") : nullptr;
        t.layers = run->layers.data();
        const hunch::Kernels& k = kernels();
        std::vector<char> states(k.layer_bytes[run->number_type] * run->layers.size() + 64);
        const size_t bytes = k.room_for[run->number_type](t, states.data());
        if (only_measure) return bytes;
        require(!stopped_, "the trainer has been stopped");
        require(!alive_.contains(nb::int_(id)), "a run with this id is under way");
        alive_[nb::int_(id)] = nb::make_tuple(setting_object, factors, parameters, cost, held_cost, held_error, readings, held_losses);
        pool_.submit(std::move(run));
        return bytes;
    }

    std::vector<std::tuple<int64_t, int64_t, double, std::string>> collect(double seconds) {
        std::vector<hunch::Finished> finished;
        {
            nb::gil_scoped_release release;
            finished = pool_.collect(seconds);
        }
        std::vector<std::tuple<int64_t, int64_t, double, std::string>> out;
        for (const hunch::Finished& f : finished) {
            nb::del(alive_[nb::int_(f.id)]);
            out.emplace_back(f.id, f.diverged_at, f.wall_s, f.failure);
        }
        return out;
    }

    void stop() {
        stopped_ = true;
        {
            nb::gil_scoped_release release;
            pool_.stop();
        }
        alive_.clear();
    }

  private:
    static int at_least_one(int threads) {
        require(threads >= 1, "a trainer needs at least one thread");
        return threads;
    }

    bool stopped_ = false;
    nb::dict alive_;  // the arrays of runs under way; declared before the pool, so that it outlives the threads
    hunch::Pool pool_;
};

// ---- fleets

using AnyArray = nb::ndarray<nb::numpy, nb::ro, nb::device::cpu>;

// Memory on a 64-byte boundary, kept by each thread for the next call.
void* fleet_room(size_t bytes) {
    thread_local std::vector<char> room;
    if (room.size() < bytes + 64) room.resize(bytes + 64);
    const uintptr_t at = reinterpret_cast<uintptr_t>(room.data());
    return reinterpret_cast<void*>((at + 63) / 64 * 64);
}

int number_type(const AnyArray& a, const char* name) {
    if (a.dtype() == nb::dtype<float>()) return 0;
    require(a.dtype() == nb::dtype<double>(), std::string(name) + " must be float32 or float64");
    return 1;
}

void require_shape(const AnyArray& a, const std::vector<int64_t>& shape, const std::string& name, int type, size_t contiguous_from) {
    require(number_type(a, name.c_str()) == type, name + " has another number type than the first array");
    require(a.ndim() == shape.size(), name + " has the wrong number of axes");
    for (size_t k = 0; k < shape.size(); ++k)
        require((int64_t)a.shape(k) == shape[k], name + ": axis " + std::to_string(k) + " is " + std::to_string(a.shape(k)) + ", not " + std::to_string(shape[k]));
    int64_t step = 1;
    for (size_t k = shape.size(); k-- > contiguous_from;) {
        require(shape[k] == 1 || a.stride(k) == step, name + " has gaps");
        step *= shape[k];
    }
}

void require_small(const AnyArray& a) {
    for (size_t k = 0; k < a.ndim(); ++k) require(a.shape(k) >= 1 && a.shape(k) < (1u << 30), "an axis has no length, or too much");
}

// a: (rows, m, k), b: (rows, k, n), bias: (rows, n); c: (rows, m, n) without gaps.
void fleet_products(AnyArray a, AnyArray b, std::optional<AnyArray> bias, Array c) {
    const int type = number_type(a, "a");
    require(a.ndim() == 3 && b.ndim() == 3, "a and b must have three axes");
    require_small(a);
    require_small(b);
    const int64_t rows = (int64_t)a.shape(0), m = (int64_t)a.shape(1), k = (int64_t)a.shape(2), n = (int64_t)b.shape(2);
    require(a.stride(2) == 1 || a.stride(1) == 1 || k == 1, "rows or columns of a must lie without gaps");
    require_shape(b, {rows, k, n}, "b", type, 3);
    require(c.dtype() == a.dtype() && c.ndim() == 3 && (int64_t)c.shape(0) == rows && (int64_t)c.shape(1) == m && (int64_t)c.shape(2) == n, "c has the wrong shape or type");
    if (bias) require_shape(*bias, {rows, n}, "bias", type, 1);
    hunch::FleetProduct p{(int)rows, (int)m, (int)k, (int)n, a.data(), a.stride(0), a.stride(1), k == 1 ? 1 : a.stride(2),
                          b.data(), b.stride(0), b.stride(1), b.stride(2), bias ? bias->data() : nullptr, bias ? bias->stride(0) : 0, c.data()};
    const hunch::Kernels& kernel = kernels();
    nb::gil_scoped_release release;
    kernel.products[type](p, fleet_room(kernel.product_room[type](p)));
}

hunch::FleetConv conv_task(const AnyArray& x, const AnyArray& w, const std::tuple<int, int>& padding, int type) {
    require(x.ndim() == 5 && w.ndim() == 5, "x and w must have five axes");
    require_small(x);
    require_small(w);
    const auto [pad_height, pad_width] = padding;
    require(pad_height >= 0 && pad_width >= 0 && pad_height < (1 << 20) && pad_width < (1 << 20), "padding is out of range");
    const int64_t rows = (int64_t)x.shape(0), channels = (int64_t)x.shape(2);
    require_shape(x, {rows, (int64_t)x.shape(1), channels, (int64_t)x.shape(3), (int64_t)x.shape(4)}, "x", type, 1);
    require_shape(w, {rows, (int64_t)w.shape(1), channels, (int64_t)w.shape(3), (int64_t)w.shape(4)}, "w", type, 1);
    hunch::FleetConv c{};
    c.rows = (int)rows;
    c.images = (int)x.shape(1);
    c.channels = (int)channels;
    c.height = (int)x.shape(3);
    c.width = (int)x.shape(4);
    c.outs = (int)w.shape(1);
    c.kernel_height = (int)w.shape(3);
    c.kernel_width = (int)w.shape(4);
    c.pad_height = pad_height;
    c.pad_width = pad_width;
    c.x = x.data();
    c.x_row = x.stride(0);
    c.w = w.data();
    c.w_row = w.stride(0);
    require(c.out_height() >= 1 && c.out_width() >= 1, "the kernel is larger than the padded input");
    return c;
}

// y: (rows, images, outs, height', width') without gaps.
void fleet_conv_forward(AnyArray x, AnyArray w, std::optional<AnyArray> bias, std::tuple<int, int> padding, Array y) {
    const int type = number_type(x, "x");
    hunch::FleetConv c = conv_task(x, w, padding, type);
    if (bias) {
        require_shape(*bias, {c.rows, c.outs}, "bias", type, 1);
        c.bias = bias->data();
        c.bias_row = bias->stride(0);
    }
    require_shape(AnyArray(y), {c.rows, c.images, c.outs, c.out_height(), c.out_width()}, "y", type, 0);
    c.y = y.data();
    const hunch::Kernels& kernel = kernels();
    nb::gil_scoped_release release;
    kernel.conv_forward[type](c, fleet_room(kernel.conv_room[type](c)));
}

void fleet_conv_backward(AnyArray x, AnyArray w, AnyArray y_grad, std::tuple<int, int> padding, std::optional<Array> x_grad, Array w_grad, std::optional<Array> bias_grad) {
    const int type = number_type(x, "x");
    hunch::FleetConv c = conv_task(x, w, padding, type);
    require_shape(y_grad, {c.rows, c.images, c.outs, c.out_height(), c.out_width()}, "y_grad", type, 0);
    require_shape(AnyArray(w_grad), {c.rows, c.outs, c.channels, c.kernel_height, c.kernel_width}, "w_grad", type, 0);
    c.y = const_cast<void*>(y_grad.data());
    c.w_grad = w_grad.data();
    if (x_grad) {
        require_shape(AnyArray(*x_grad), {c.rows, c.images, c.channels, c.height, c.width}, "x_grad", type, 0);
        c.x_grad = x_grad->data();
    }
    if (bias_grad) {
        require_shape(AnyArray(*bias_grad), {c.rows, c.outs}, "bias_grad", type, 0);
        c.bias_grad = bias_grad->data();
    }
    const hunch::Kernels& kernel = kernels();
    nb::gil_scoped_release release;
    kernel.conv_backward[type](c, fleet_room(kernel.conv_room[type](c)));
}

// x, out: (planes, height, width) and (planes, height', width'), or the other way round with y_grad.
void fleet_pool(AnyArray x, std::tuple<int, int> kernel_size, std::tuple<int, int> step, std::optional<AnyArray> y_grad, Array out) {
    const int type = number_type(x, "x");
    require(x.ndim() == 3, "x must have three axes");
    require_small(x);
    hunch::FleetPool p{};
    p.planes = (int)x.shape(0);
    p.height = (int)x.shape(1);
    p.width = (int)x.shape(2);
    std::tie(p.kernel_height, p.kernel_width) = kernel_size;
    std::tie(p.step_height, p.step_width) = step;
    require(p.kernel_height >= 1 && p.kernel_width >= 1 && p.step_height >= 1 && p.step_width >= 1, "window and step must be at least 1");
    require(p.kernel_height <= p.height && p.kernel_width <= p.width, "the window is larger than the map");
    require_shape(x, {p.planes, p.height, p.width}, "x", type, 0);
    p.x = x.data();
    p.out = out.data();
    const hunch::Kernels& kernel = kernels();
    if (y_grad) {
        require_shape(*y_grad, {p.planes, p.out_height(), p.out_width()}, "y_grad", type, 0);
        require_shape(AnyArray(out), {p.planes, p.height, p.width}, "out", type, 0);
        p.y_grad = y_grad->data();
        nb::gil_scoped_release release;
        kernel.pool_backward[type](p);
        return;
    }
    require_shape(AnyArray(out), {p.planes, p.out_height(), p.out_width()}, "out", type, 0);
    nb::gil_scoped_release release;
    kernel.pool_forward[type](p);
}

}  // namespace

NB_MODULE(_native, m) {
    m.doc() = "Hunch's compiled engine; use it through hunch.engine.";
    m.def("words", &words, "seed"_a, "stream"_a, "step"_a, "n"_a);
    m.def("philox_block", &philox_block, "seed"_a, "stream"_a, "step"_a, "block"_a);
    m.def("level", &level, "The instruction level in use.");
    m.def("levels", &levels, "The instruction levels that this machine can run, best first.");
    m.def("fleet_products", &fleet_products, "a"_a, "b"_a, "bias"_a.none(), "c"_a.noconvert());
    m.def("fleet_conv_forward", &fleet_conv_forward, "x"_a, "w"_a, "bias"_a.none(), "padding"_a, "y"_a.noconvert());
    m.def("fleet_conv_backward", &fleet_conv_backward, "x"_a, "w"_a, "y_grad"_a, "padding"_a, "x_grad"_a.noconvert().none(),
          "w_grad"_a.noconvert(), "bias_grad"_a.noconvert().none());
    m.def("fleet_pool", &fleet_pool, "x"_a, "kernel_size"_a, "step"_a, "y_grad"_a.none(), "out"_a.noconvert());
    nb::class_<Setting>(m, "Setting")
        .def(nb::init<bool, int, int64_t, int64_t, ReadOnly, ReadOnly, ReadOnly, ReadOnly, ReadOnly, ReadOnly, ReadOnly, ReadOnly, ReadOnly, ReadOnly, int>(),
             nb::kw_only(), "is_double"_a, "cost"_a, "n_outputs"_a, "budget"_a, "x"_a, "y"_a, "x_slice"_a, "y_slice"_a, "x_held"_a,
             "y_held"_a, "y_scale"_a, "eval_at"_a, "held_at"_a, "reading_at"_a, "n_sites"_a);
    nb::class_<Trainer>(m, "Trainer")
        .def(nb::init<int>(), "threads"_a)
        .def("submit", &Trainer::submit, nb::kw_only(), "id"_a, "setting"_a, "inputs"_a, "layers"_a, "batch_size"_a, "seed"_a, "order_stream"_a,
             "optimizer"_a, "numbers"_a, "factors"_a, "parameters"_a.noconvert(), "cost"_a.noconvert(), "held_cost"_a.noconvert(), "held_error"_a.noconvert(),
             "readings"_a.noconvert(), "held_losses"_a.noconvert().none() = nb::none(), "only_measure"_a = false)
        .def("collect", &Trainer::collect, "seconds"_a)
        .def("stop", &Trainer::stop);
}
