// The kernels of one instruction level, as a table of functions: all that the rest of the engine sees of them.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fleet_task.h"
#include "task.h"

namespace hunch {

struct Kernels {
    const char* name;  // "x86-64-v4", …
    void (*philox_words)(uint64_t seed, uint64_t stream, uint32_t step, uint32_t block, size_t n, uint32_t* out);
    // Number types: 0 float, 1 double. `layers`: layer_bytes · n_layers; `room`: room_for bytes, on a 64-byte boundary.
    size_t layer_bytes[2];
    size_t (*room_for[2])(const Task& task, void* layers);
    Outcome (*train[2])(Task& task, void* layers, void* room);
    // Of the batched engine; `room` as above.
    size_t (*product_room[2])(const FleetProduct& product);
    void (*products[2])(const FleetProduct& product, void* room);
    size_t (*conv_room[2])(const FleetConv& conv);
    void (*conv_forward[2])(const FleetConv& conv, void* room);
    void (*conv_backward[2])(const FleetConv& conv, void* room);
    void (*pool_forward[2])(const FleetPool& pool);
    void (*pool_backward[2])(const FleetPool& pool);
};

// The levels that this machine can run, best first, ended by a null pointer.
const Kernels* const* available_kernels();

// The level in use: HUNCH_ISA=v2|v3|v4|portable if set, else the best. Null, with the reason, if it cannot run here.
const Kernels* chosen_kernels(const char** reason);

}  // namespace hunch
