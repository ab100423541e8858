// The GGUF reader on handmade files: each field right, then each field wrong in turn.
#include "engine/gguf.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

namespace lar::engine {
namespace {

// Writes the format's primitives.
class Writer {
 public:
  template <typename Number>
  Writer& number(Number value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Writer& u32(std::uint32_t value) { return number(value); }
  Writer& u64(std::uint64_t value) { return number(value); }
  Writer& text(std::string_view value) {
    u64(value.size());
    bytes += value;
    return *this;
  }
  Writer& text_entry(std::string_view key, std::string_view value) {
    return text(key).u32(8).text(value);
  }
  Writer& u32_entry(std::string_view key, std::uint32_t value) {
    return text(key).u32(4).u32(value);
  }
  Writer& tensor(std::string_view name, std::vector<std::uint64_t> shape, std::uint32_t type,
                 std::uint64_t offset) {
    text(name).u32(static_cast<std::uint32_t>(shape.size()));
    for (const auto extent : shape) u64(extent);
    return u32(type).u64(offset);
  }
  Writer& align(std::size_t to) {
    bytes.resize((bytes.size() + to - 1) / to * to);
    return *this;
  }
  std::string bytes;
};

constexpr int entries = 14;
std::string whole_file() {
  Writer writer;
  writer.bytes = "GGUF";
  writer.u32(3).u64(3).u64(entries);
  writer.text_entry("general.architecture", "toy");
  writer.text_entry("general.name", "Toy of the test");
  writer.text_entry("general.license", "apache-2.0");
  writer.u32_entry("general.file_type", 15);
  writer.u32_entry("toy.context_length", 4096);
  writer.u32_entry("toy.embedding_length", 256);
  writer.u32_entry("toy.block_count", 2);
  writer.text("toy.attention.head_count").u32(9).u32(4).u64(2).u32(8).u32(6);  // one per layer
  writer.u32_entry("toy.expert_count", 16);
  writer.u32_entry("toy.expert_used_count", 2);
  writer.text_entry("tokenizer.ggml.model", "gpt2");
  writer.text("tokenizer.ggml.tokens").u32(9).u32(8).u64(10);
  for (int token = 0; token < 10; ++token) writer.text("t" + std::to_string(token));
  writer.text_entry("tokenizer.chat_template", "{{ messages }}");
  writer.text("toy.flag").u32(7).number<std::uint8_t>(1);
  writer.tensor("a", {256, 2}, 12, 0);     // Q4_K: 2 blocks of 144 bytes
  writer.tensor("b", {8}, 0, 288);         // F32: 32 bytes
  writer.tensor("c", {32, 1, 1}, 8, 320);  // Q8_0: 34 bytes
  writer.align(32);
  writer.bytes.resize(writer.bytes.size() + 320 + 34, 'w');
  return writer.bytes;
}

std::string code_of(const std::string& bytes) {
  const auto file = parse_gguf(bytes, "toy.gguf");
  return file ? "accepted" : file.error().code;
}
std::string parameter(const base::Error& error, std::string_view name) {
  for (const auto& [key, value] : error.parameters) {
    if (key == name) return value;
  }
  return "(none)";
}
std::string replaced(std::string bytes, std::size_t at, std::string_view with) {
  return bytes.replace(at, with.size(), with);
}
std::string u64_bytes(std::uint64_t value) { return Writer().u64(value).bytes; }
std::string u32_bytes(std::uint32_t value) { return Writer().u32(value).bytes; }
// Place of the first byte after a string in the file.
std::size_t after(const std::string& bytes, std::string_view text) {
  const std::size_t at = bytes.find(text);
  EXPECT_NE(at, std::string::npos);
  return at + text.size();
}

TEST(Gguf, a_whole_file_is_described_in_full) {
  const auto file = parse_gguf(whole_file(), "toy.gguf");
  ASSERT_TRUE(file) << file.error().describe();
  EXPECT_EQ(file->version, 3u);
  EXPECT_EQ(file->architecture, "toy");
  EXPECT_EQ(file->name, "Toy of the test");
  EXPECT_EQ(file->licence, "apache-2.0");
  EXPECT_EQ(file->quantisation, "Q4_K_M");
  EXPECT_EQ(file->context, 4096u);
  EXPECT_EQ(file->width, 256u);
  EXPECT_EQ(file->layers, 2u);
  EXPECT_EQ(file->heads, 8u);
  EXPECT_EQ(file->experts, 16u);
  EXPECT_EQ(file->experts_used, 2u);
  EXPECT_EQ(file->tokenizer, "gpt2");
  EXPECT_EQ(file->vocabulary, 10u);
  EXPECT_TRUE(file->has_chat_template);
  EXPECT_EQ(file->entries.size(), static_cast<size_t>(entries));
  EXPECT_EQ(file->weights, 512u + 8 + 32);
  ASSERT_EQ(file->tensors.size(), 3u);
  EXPECT_EQ(file->tensors[0].type, "Q4_K");
  EXPECT_EQ(file->tensors[0].size, 288u);
  EXPECT_EQ(file->tensors[1].offset, file->data_offset + 288);
  EXPECT_EQ(file->types.at("Q8_0").bytes, 34u);
  EXPECT_EQ(file->data_offset % 32, 0u);
}

TEST(Gguf, version_two_is_read_too) {
  EXPECT_EQ(code_of(replaced(whole_file(), 4, u32_bytes(2))), "accepted");
}

TEST(Gguf, the_alignment_of_the_file_counts) {
  Writer writer;
  writer.bytes = "GGUF";
  writer.u32(3).u64(1).u64(2);
  writer.text_entry("general.architecture", "toy").u32_entry("general.alignment", 1024);
  writer.tensor("a", {4}, 0, 0).align(1024);
  writer.bytes.resize(writer.bytes.size() + 16);
  const auto file = parse_gguf(writer.bytes, "toy.gguf");
  ASSERT_TRUE(file) << file.error().describe();
  EXPECT_EQ(file->data_offset, 1024u);
  EXPECT_EQ(file->quantisation, "F32");
  for (const std::uint32_t wrong : {0u, 3u, 1u << 30}) {
    EXPECT_EQ(code_of(replaced(writer.bytes, after(writer.bytes, "general.alignment") + 4,
                               u32_bytes(wrong))),
              "gguf.malformed");
  }
}

TEST(Gguf, a_file_cut_at_any_byte_is_refused_and_says_what_was_missing) {
  const std::string whole = whole_file();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto file = parse_gguf(std::string_view(whole).substr(0, length), "toy.gguf");
    ASSERT_FALSE(file) << "cut at " << length;
    if (length < 4) {
      EXPECT_EQ(file.error().code, "gguf.not_gguf");
      continue;
    }
    ASSERT_EQ(file.error().code, "gguf.truncated") << "cut at " << length;
    EXPECT_EQ(parameter(file.error(), "have"), std::to_string(length));
    EXPECT_GT(std::stoull(parameter(file.error(), "needed")), length);
    EXPECT_EQ(parameter(file.error(), "path"), "toy.gguf");
  }
  const auto file = parse_gguf(std::string_view(whole).substr(0, whole.size() - 1), "toy.gguf");
  EXPECT_EQ(parameter(file.error(), "needed"), std::to_string(whole.size()));
  EXPECT_EQ(parameter(file.error(), "field"), "c");
}

TEST(Gguf, what_is_not_gguf_is_said_to_be_so) {
  EXPECT_EQ(code_of(""), "gguf.not_gguf");
  EXPECT_EQ(code_of("PK\3\4 something else entirely"), "gguf.not_gguf");
  EXPECT_EQ(code_of(replaced(whole_file(), 0, "FUGG")), "gguf.not_gguf");
}

TEST(Gguf, other_versions_and_byte_orders_are_refused) {
  for (const std::uint32_t version : {0u, 1u, 4u, 0x03000000u}) {
    EXPECT_EQ(code_of(replaced(whole_file(), 4, u32_bytes(version))), "gguf.version") << version;
  }
}

TEST(Gguf, counts_in_the_header_are_not_believed) {
  const std::string whole = whole_file();
  for (const std::uint64_t count : {std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{1} << 40}) {
    EXPECT_EQ(code_of(replaced(whole, 8, u64_bytes(count))), "gguf.malformed") << count;
    EXPECT_EQ(code_of(replaced(whole, 16, u64_bytes(count))), "gguf.malformed") << count;
  }
  EXPECT_EQ(code_of(replaced(whole, 8, u64_bytes(200'000))), "gguf.truncated");
  EXPECT_EQ(code_of(replaced(whole, 16, u64_bytes(60'000))), "gguf.truncated");
  EXPECT_NE(code_of(replaced(whole, 8, u64_bytes(4))), "accepted");
  EXPECT_NE(code_of(replaced(whole, 16, u64_bytes(entries - 1))), "accepted");
  EXPECT_NE(code_of(replaced(whole, 16, u64_bytes(entries + 1))), "accepted");
}

TEST(Gguf, lengths_of_keys_and_strings_are_not_believed) {
  const std::string whole = whole_file();
  const std::size_t first_key = 24;
  EXPECT_EQ(code_of(replaced(whole, first_key, u64_bytes(0))), "gguf.malformed");
  EXPECT_EQ(code_of(replaced(whole, first_key, u64_bytes(65'536))), "gguf.malformed");
  EXPECT_EQ(code_of(replaced(whole, first_key, u64_bytes(~0ull))), "gguf.malformed");
  EXPECT_EQ(code_of(replaced(whole, first_key, u64_bytes(60'000))), "gguf.truncated");
  const std::size_t value = after(whole, "general.name") + 4;
  EXPECT_EQ(code_of(replaced(whole, value, u64_bytes(~0ull - 7))), "gguf.malformed");
  EXPECT_EQ(code_of(replaced(whole, value, u64_bytes(1'000'000))), "gguf.truncated");
}

TEST(Gguf, value_types_are_checked) {
  const std::string whole = whole_file();
  for (const std::uint32_t type : {13u, 99u, ~0u}) {
    EXPECT_EQ(code_of(replaced(whole, after(whole, "toy.context_length"), u32_bytes(type))),
              "gguf.malformed");
    EXPECT_EQ(code_of(replaced(whole, after(whole, "head_count") + 4, u32_bytes(type))),
              "gguf.malformed");
  }
  EXPECT_EQ(code_of(replaced(whole, after(whole, "head_count") + 4, u32_bytes(9))),
            "gguf.malformed")
      << "an array of arrays";
  EXPECT_EQ(code_of(replaced(whole, after(whole, "toy.flag") + 4, "\2")), "gguf.malformed")
      << "a bool of 2";
  EXPECT_EQ(code_of(replaced(whole, after(whole, "ggml.tokens") + 8, u64_bytes(~0ull))),
            "gguf.malformed");
  EXPECT_EQ(code_of(replaced(whole, after(whole, "ggml.tokens") + 8, u64_bytes(1'000'000))),
            "gguf.truncated");
}

TEST(Gguf, a_file_must_name_its_architecture_and_nothing_twice) {
  const std::string whole = whole_file();
  EXPECT_EQ(code_of(replaced(whole, whole.find("general.architecture"), "general.architectura")),
            "gguf.malformed");
  std::string twice = replaced(whole, whole.find("toy.expert_count"), "toy.block_count2");
  EXPECT_EQ(code_of(twice), "accepted");
  Writer writer;
  writer.bytes = "GGUF";
  writer.u32(3)
      .u64(1)
      .u64(2)
      .text_entry("general.architecture", "toy")
      .text_entry("general.architecture", "toy");
  writer.tensor("a", {4}, 0, 0).align(32);
  writer.bytes.resize(writer.bytes.size() + 16);
  EXPECT_EQ(code_of(writer.bytes), "gguf.duplicate");
}

// A file with two tensors whose table the caller may bend.
std::string with_tensors(const std::function<void(Writer&)>& table, std::size_t data) {
  Writer writer;
  writer.bytes = "GGUF";
  writer.u32(3).u64(2).u64(1).text_entry("general.architecture", "toy");
  table(writer);
  writer.align(32);
  writer.bytes.resize(writer.bytes.size() + data);
  return writer.bytes;
}

TEST(Gguf, the_tensor_table_is_checked_field_by_field) {
  const auto code = [](std::vector<std::uint64_t> shape, std::uint32_t type, std::uint64_t offset,
                       std::string_view name = "b") {
    return code_of(with_tensors(
        [&](Writer& writer) { writer.tensor("a", {8}, 0, 0).tensor(name, shape, type, offset); },
        64));
  };
  EXPECT_EQ(code({8}, 0, 32), "accepted");
  EXPECT_EQ(code({8}, 0, 32, ""), "gguf.malformed");
  EXPECT_EQ(code({8}, 0, 32, "a"), "gguf.duplicate");
  EXPECT_EQ(code({8}, 0, 32, std::string(256, 'n')), "gguf.malformed");
  EXPECT_EQ(code({}, 0, 32), "gguf.malformed");
  EXPECT_EQ(code({1, 1, 1, 1, 8}, 0, 32), "gguf.malformed");
  EXPECT_EQ(code({0}, 0, 32), "gguf.malformed");
  EXPECT_EQ(code({~0ull}, 0, 32), "gguf.malformed");
  EXPECT_EQ(code({1ull << 31, 1ull << 31}, 0, 32), "gguf.malformed")
      << "the product is beyond reason";
  EXPECT_EQ(code({8}, 4, 32), "gguf.unknown_type") << "a type that was taken out of the format";
  EXPECT_EQ(code({8}, 1000, 32), "gguf.unknown_type");
  EXPECT_EQ(code({8}, 2, 32), "gguf.malformed") << "not a whole block";
  EXPECT_EQ(code({8}, 0, 33), "gguf.malformed") << "not aligned";
  EXPECT_EQ(code({8}, 0, 0), "gguf.overlap");
  EXPECT_EQ(code({8}, 0, 64), "gguf.truncated");
  EXPECT_EQ(code({9}, 0, 32), "gguf.truncated");
  EXPECT_EQ(code({8}, 0, ~0ull - 31), "gguf.malformed");
}

TEST(Gguf, any_byte_changed_gives_an_answer_and_never_a_tensor_outside) {
  const std::string whole = whole_file();
  std::mt19937 random(7);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int change = 0; change < 4; ++change) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(random());
      const auto file = parse_gguf(bytes, "toy.gguf");
      if (!file) continue;
      for (const auto& tensor : file->tensors) {
        ASSERT_LE(tensor.offset + tensor.size, bytes.size()) << "byte " << at;
      }
    }
  }
}

TEST(Gguf, a_file_on_disk_reads_the_same_and_folders_are_refused) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("lar-gguf-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const std::string path = folder / "toy.gguf";
  std::ofstream(path, std::ios::binary) << whole_file();
  const auto file = read_gguf(path);
  ASSERT_TRUE(file) << file.error().describe();
  EXPECT_EQ(file->tensors.size(), 3u);
  EXPECT_EQ(read_gguf(folder).error().code, "file.is_folder");
  EXPECT_EQ(read_gguf(folder / "none.gguf").error().code, "file.missing");
  EXPECT_EQ(read_gguf("/dev/null").error().code, "file.not_regular");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace lar::engine
