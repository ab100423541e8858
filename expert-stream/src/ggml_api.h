// The functions of ggml that the plug-in calls, found by name in the program that loads it. Nothing
// is linked: a program with another ggml, or none, is met with a sentence instead of an unresolved
// symbol. Filled once when the plug-in is loaded, read from then on.
#pragma once

#include "ggml-backend-impl.h"
#include "ggml-backend.h"
#include "ggml.h"
#include "outcome.h"

namespace expert_stream {

#define EXPERT_STREAM_GGML_FUNCTIONS(X) \
  X(ggml_version)                       \
  X(ggml_commit)                        \
  X(ggml_op_name)                       \
  X(ggml_type_name)                     \
  X(ggml_tensor_overhead)               \
  X(ggml_graph_overhead_custom)         \
  X(ggml_init)                          \
  X(ggml_free)                          \
  X(ggml_nbytes)                        \
  X(ggml_row_size)                      \
  X(ggml_new_tensor_3d)                 \
  X(ggml_new_tensor_2d)                 \
  X(ggml_mul_mat)                       \
  X(ggml_mul_mat_id)                    \
  X(ggml_new_graph_custom)              \
  X(ggml_build_forward_expand)          \
  X(ggml_graph_n_nodes)                 \
  X(ggml_graph_node)                    \
  X(ggml_backend_buffer_init)           \
  X(ggml_backend_buffer_free)           \
  X(ggml_backend_buft_is_host)          \
  X(ggml_backend_buft_name)             \
  X(ggml_backend_buft_alloc_buffer)     \
  X(ggml_backend_buft_get_alloc_size)   \
  X(ggml_backend_reg_by_name)           \
  X(ggml_backend_reg_dev_get)           \
  X(ggml_backend_dev_init)              \
  X(ggml_backend_dev_supports_op)       \
  X(ggml_backend_free)                  \
  X(ggml_backend_graph_compute)

struct GgmlApi {
#define EXPERT_STREAM_MEMBER(name) decltype(&::name) name = nullptr;
  EXPERT_STREAM_GGML_FUNCTIONS(EXPERT_STREAM_MEMBER)
#undef EXPERT_STREAM_MEMBER
};

// Finds the functions and makes sure that this ggml is the one the plug-in was built against: same
// version and commit, same names for the numbers we use. EXPERT_STREAM_ACCEPT_COMMIT names another
// commit that its user vouches for.
Outcome<GgmlApi> load_ggml_api();

}  // namespace expert_stream
