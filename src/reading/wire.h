// The conversation with lar-read. Requests go over a unix stream socket on its standard input: four
// bytes of length (little endian), then JSON; the descriptor of the file travels with the first
// byte (SCM_RIGHTS). Answers come on its standard output, one JSON object a line:
//
//   {"frame": "hello", "readers": [{"name", "version", "extensions"}]}   once, after confinement
//   {"frame": "item", "item": …}                                         domain/json.h
//   {"frame": "done", "producer", "version"}                             ends a request
//   {"frame": "error", "kind", "code", "parameters"}                     ends a request
#pragma once

#include <cstddef>
#include <cstdint>

namespace lar::reading {

constexpr std::size_t most_request_bytes = 64 * 1024;
// Larger files are refused before they are read: they would not fit into the worker.
constexpr std::uint64_t most_file_bytes = 256ull << 20;

}  // namespace lar::reading
