// Files carried inside the program: the page, the sentences, the catalogue. The definitions are
// written at build time by cmake/embed.py.
#pragma once

#include <span>
#include <string_view>

namespace lar::embedded {

struct File {
  std::string_view path;  // relative, "en.json"
  std::string_view bytes;
};

std::span<const File> sentences();       // i18n/*.json
std::span<const File> catalogue();       // models/models.toml
std::span<const File> page();            // web/dist
std::span<const File> assistant_data();  // src/assistant/data/*
std::span<const File> ranking();         // src/copilot/data/*.json
std::span<const File> schemas();         // src/api/schemas/*.json

}  // namespace lar::embedded
