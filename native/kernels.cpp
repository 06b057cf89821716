// Compiled once for each instruction level (see isa.h).
#include "kernels.h"

#include "fleet.h"
#include "isa.h"
#include "random.h"
#include "train.h"

namespace HUNCH_NS {

#if HUNCH_LEVEL == 4
#define HUNCH_LEVEL_NAME "x86-64-v4"
#elif HUNCH_LEVEL == 3
#define HUNCH_LEVEL_NAME "x86-64-v3"
#elif HUNCH_LEVEL == 2
#define HUNCH_LEVEL_NAME "x86-64-v2"
#else
#define HUNCH_LEVEL_NAME "portable"
#endif

extern const ::hunch::Kernels table;
const ::hunch::Kernels table = {
    HUNCH_LEVEL_NAME,
    philox_words,
    {sizeof(LayerState<float>), sizeof(LayerState<double>)},
    {room_for<float>, room_for<double>},
    {train<float>, train<double>},
    {product_room<float>, product_room<double>},
    {products<float>, products<double>},
    {conv_room<float>, conv_room<double>},
    {conv_forward<float>, conv_forward<double>},
    {conv_backward<float>, conv_backward<double>},
    {pool_forward<float>, pool_forward<double>},
    {pool_backward<float>, pool_backward<double>},
};

}  // namespace HUNCH_NS
