// Which instruction level runs.
#include <cstdlib>
#include <cstring>

#include "kernels.h"

#if HUNCH_X86
namespace level2 { extern const hunch::Kernels table; }
namespace level3 { extern const hunch::Kernels table; }
namespace level4 { extern const hunch::Kernels table; }
#else
namespace level0 { extern const hunch::Kernels table; }
#endif

namespace hunch {

const Kernels* const* available_kernels() {
    static const Kernels* found[4] = {};
    static const bool once = [] {
        int n = 0;
#if HUNCH_X86
        __builtin_cpu_init();
        const bool v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("popcnt");
        const bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                        __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
        const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vl");
        if (v4) found[n++] = &level4::table;
        if (v3) found[n++] = &level3::table;
        if (v2) found[n++] = &level2::table;
#else
        found[n++] = &level0::table;
#endif
        return n > 0;
    }();
    (void)once;
    return found;
}

const Kernels* chosen_kernels(const char** reason) {
    const Kernels* const* found = available_kernels();
    const char* wanted = std::getenv("HUNCH_ISA");
    if (wanted == nullptr || *wanted == '\0') {
        if (*found == nullptr) *reason = "this processor is older than x86-64-v2";
        return *found;
    }
    for (; *found != nullptr; ++found) {
        const char* name = (*found)->name;
        if (std::strcmp(name, wanted) == 0) return *found;
        if (std::strncmp(name, "x86-64-", 7) == 0 && std::strcmp(name + 7, wanted) == 0) return *found;
    }
    *reason = "HUNCH_ISA names a level that this processor or build does not have";
    return nullptr;
}

}  // namespace hunch
