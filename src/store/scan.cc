// Kernels of the flat scan. Function pointers by path instead of ifunc, which sanitizers cannot
// start before. AVX-512 VNNI multiplies unsigned by signed bytes, so the query is shifted by 128
// there and the row's sum takes the shift out again.
#include "store/scan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace lar::store {

namespace {

void dot_scalar(const Quantized& query, const std::int8_t* rows, std::size_t stride,
                const std::byte*, std::size_t count, std::int32_t* out) {
  const std::size_t size = query.values.size();
  const std::int8_t* left = query.values.data();
  for (std::size_t row = 0; row < count; ++row) {
    const std::int8_t* right = rows + row * stride;
    std::int32_t sum = 0;
    for (std::size_t index = 0; index < size; ++index) {
      sum += static_cast<std::int32_t>(left[index]) * static_cast<std::int32_t>(right[index]);
    }
    out[row] = sum;
  }
}

#if defined(__x86_64__)
__attribute__((target("avx2"), always_inline)) inline __m256i widen(const std::int8_t* from) {
  return _mm256_cvtepi8_epi16(
      _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(from))));
}

__attribute__((target("avx2"))) void dot_avx2(const Quantized& query, const std::int8_t* rows,
                                              std::size_t stride, const std::byte*,
                                              std::size_t count, std::int32_t* out) {
  const std::size_t size = query.values.size();
  for (std::size_t row = 0; row < count; ++row) {
    const std::int8_t* right = rows + row * stride;
    __m256i low = _mm256_setzero_si256();
    __m256i high = _mm256_setzero_si256();
    for (std::size_t index = 0; index < size; index += 32) {
      const std::int8_t* left = query.values.data() + index;
      low = _mm256_add_epi32(low, _mm256_madd_epi16(widen(left), widen(right + index)));
      high = _mm256_add_epi32(high, _mm256_madd_epi16(widen(left + 16), widen(right + index + 16)));
    }
    const __m256i both = _mm256_add_epi32(low, high);
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1));
    out[row] = _mm_cvtsi128_si32(sum);
  }
}

__attribute__((target("avx512f,avx512bw,avx512vnni"))) void dot_avx512_vnni(
    const Quantized& query, const std::int8_t* rows, std::size_t stride, const std::byte* row_sums,
    std::size_t count, std::int32_t* out) {
  const std::size_t size = query.values.size();
  std::vector<std::uint8_t> shifted(size);
  for (std::size_t index = 0; index < size; ++index) {
    shifted[index] = static_cast<std::uint8_t>(query.values[index] + 128);
  }
  for (std::size_t row = 0; row < count; ++row) {
    const std::int8_t* right = rows + row * stride;
    __m512i sum = _mm512_setzero_si512();
    for (std::size_t index = 0; index < size; index += 64) {
      sum = _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(shifted.data() + index),
                                _mm512_loadu_si512(right + index));
    }
    std::int32_t row_sum = 0;
    std::memcpy(&row_sum, row_sums + row * stride, sizeof row_sum);
    // Summed by hand: gcc 12 warns about its own _mm512_reduce_add_epi32.
    alignas(64) std::array<std::int32_t, 16> lanes;
    _mm512_store_si512(lanes.data(), sum);
    out[row] = std::accumulate(lanes.begin(), lanes.end(), -128 * row_sum);
  }
}
#endif

}  // namespace

std::string_view name_of(ScanPath path) {
  switch (path) {
    case ScanPath::avx2:
      return "avx2";
    case ScanPath::avx512_vnni:
      return "avx512-vnni";
    case ScanPath::scalar:
      break;
  }
  return "scalar";
}

std::vector<ScanPath> available_scan_paths() {
  std::vector<ScanPath> paths = {ScanPath::scalar};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) paths.push_back(ScanPath::avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vnni")) {
    paths.push_back(ScanPath::avx512_vnni);
  }
#endif
  return paths;
}

Quantized quantize(std::span<const float> vector) {
  Quantized result;
  result.values.assign(padded_dimensions(vector.size()), 0);
  float largest = 0;
  for (const float value : vector) largest = std::max(largest, std::fabs(value));
  if (!(largest > 0)) return result;
  result.scale = largest / 127.0F;
  for (std::size_t index = 0; index < vector.size(); ++index) {
    const long rounded = std::lround(vector[index] / result.scale);
    result.values[index] = static_cast<std::int8_t>(std::clamp(rounded, -127L, 127L));
    result.sum += result.values[index];
  }
  return result;
}

void dot_rows(ScanPath path, const Quantized& query, const std::int8_t* rows, std::size_t stride,
              const std::byte* row_sums, std::size_t count, std::int32_t* out) {
#if defined(__x86_64__)
  if (path == ScanPath::avx512_vnni) {
    return dot_avx512_vnni(query, rows, stride, row_sums, count, out);
  }
  if (path == ScanPath::avx2) return dot_avx2(query, rows, stride, row_sums, count, out);
#else
  (void)path;
#endif
  dot_scalar(query, rows, stride, row_sums, count, out);
}

std::uint16_t half_from(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return static_cast<std::uint16_t>(sign | 0x7E00U);
  if (magnitude >= 0x477FF000U) return static_cast<std::uint16_t>(sign | 0x7C00U);
  if (magnitude < 0x38800000U) {  // subnormal: units of 2^-24
    const float scaled = std::bit_cast<float>(magnitude) * 16777216.0F;
    return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(std::nearbyint(scaled)));
  }
  const std::uint32_t odd = (magnitude >> 13) & 1U;
  return static_cast<std::uint16_t>(sign | ((magnitude + 0xFFFU + odd - 0x38000000U) >> 13));
}

float float_from(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t magnitude = half & 0x7FFFU;
  if (magnitude >= 0x7C00U) {
    return std::bit_cast<float>(sign | 0x7F800000U | ((magnitude & 0x3FFU) << 13));
  }
  if (magnitude < 0x0400U) {
    const float value = static_cast<float>(magnitude) / 16777216.0F;
    return sign != 0 ? -value : value;
  }
  return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000U));
}

std::string halves_from(std::span<const float> values) {
  std::string bytes;
  bytes.reserve(values.size() * 2);
  for (const float value : values) {
    const std::uint16_t half = half_from(value);
    bytes += static_cast<char>(half & 0xFF);
    bytes += static_cast<char>(half >> 8);
  }
  return bytes;
}

std::vector<float> floats_from(std::string_view halves) {
  std::vector<float> values(halves.size() / 2);
  for (std::size_t index = 0; index < values.size(); ++index) {
    const auto low = static_cast<std::uint8_t>(halves[2 * index]);
    const auto high = static_cast<std::uint8_t>(halves[2 * index + 1]);
    values[index] = float_from(static_cast<std::uint16_t>(low | (high << 8)));
  }
  return values;
}

float dot_halves(std::span<const float> query, std::string_view halves) {
  if (halves.size() != query.size() * 2) return 0;
  float sum = 0;
  for (std::size_t index = 0; index < query.size(); ++index) {
    const auto low = static_cast<std::uint8_t>(halves[2 * index]);
    const auto high = static_cast<std::uint8_t>(halves[2 * index + 1]);
    sum += query[index] * float_from(static_cast<std::uint16_t>(low | (high << 8)));
  }
  return sum;
}

}  // namespace lar::store
