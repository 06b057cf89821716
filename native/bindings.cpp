// The Python module hunch.engine._native. Arrays are checked here; the kernels trust what they are given.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "kernels.h"

namespace nb = nanobind;

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

}  // namespace

NB_MODULE(_native, m) {
    m.doc() = "Hunch's compiled engine; use it through hunch.engine.";
    m.def("words", &words, nb::arg("seed"), nb::arg("stream"), nb::arg("step"), nb::arg("n"));
    m.def("philox_block", &philox_block, nb::arg("seed"), nb::arg("stream"), nb::arg("step"), nb::arg("block"));
    m.def("level", &level, "The instruction level in use.");
    m.def("levels", &levels, "The instruction levels that this machine can run, best first.");
}
