// From the ids of a MUL_MAT_ID to work: which experts a batch uses and which rows each of them
// serves. Pure computation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "store.h"

namespace expert_stream {

// The ids as ggml lays them out: `positions` experts for each of `tokens` rows, with strides in
// bytes.
struct IdMatrix {
  const char* data = nullptr;
  std::int64_t positions = 0;
  std::int64_t tokens = 0;
  std::size_t position_stride = 0;
  std::size_t token_stride = 0;
  std::int32_t at(std::int64_t position, std::int64_t token) const {
    return *reinterpret_cast<const std::int32_t*>(
        data + static_cast<std::size_t>(position) * position_stride +
        static_cast<std::size_t>(token) * token_stride);
  }
};

struct Row {
  std::int32_t position = 0;
  std::int32_t token = 0;
};

struct Routing {
  std::vector<Use> uses;               // distinct experts, in order of first use
  std::vector<std::vector<Row>> rows;  // of each use, in the order of tokens
};

// An id outside 0 … experts − 1 makes it false: the graph is not one of a model.
bool make_routing(const IdMatrix& ids, int experts, Routing& routing);

}  // namespace expert_stream
