// Dot products of 8-bit vectors, and half floats: the arithmetic of vector search. The fastest way
// the running processor has is chosen at run time; every way gives the same integers. Pure, any
// thread. Internal to the store (and its benchmark).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lar::store {

enum class ScanPath { scalar, avx2, avx512_vnni };
std::string_view name_of(ScanPath path);
// Those this processor can run, slowest first; never empty.
std::vector<ScanPath> available_scan_paths();

// Rows are padded with zeros to whole blocks of this many values.
constexpr std::size_t scan_block = 64;
constexpr std::size_t padded_dimensions(std::size_t dimensions) {
  return (dimensions + scan_block - 1) / scan_block * scan_block;
}

// v ≈ scale * values, values in [-127, 127]; sum is that of the values.
struct Quantized {
  std::vector<std::int8_t> values;  // padded
  float scale = 0;
  std::int32_t sum = 0;
};
Quantized quantize(std::span<const float> vector);

// out[i] = the integer dot product of query.values with row i, for `count` rows that start `stride`
// bytes apart; row_sums likewise point to each row's sum (4 bytes).
void dot_rows(ScanPath path, const Quantized& query, const std::int8_t* rows, std::size_t stride,
              const std::byte* row_sums, std::size_t count, std::int32_t* out);

// IEEE 754 binary16, round to nearest even, little endian.
std::uint16_t half_from(float value);
float float_from(std::uint16_t half);
std::string halves_from(std::span<const float> values);
// Dot product with stored halves; 0 where the sizes differ.
float dot_halves(std::span<const float> query, std::string_view halves);
std::vector<float> floats_from(std::string_view halves);

}  // namespace lar::store
