// How the plug-in reports what can fail for reasons of the world: a value, or one sentence that
// says what happened and what to do. The plug-in has no other language than that of llama.cpp's
// log.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace expert_stream {

struct Error {
  std::string message;
};

template <typename T>
using Outcome = tl::expected<T, Error>;

inline tl::unexpected<Error> failure(std::string message) {
  return tl::unexpected<Error>(Error{std::move(message)});
}

}  // namespace expert_stream
