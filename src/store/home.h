// The Store made of its parts. Internal: callers see store.h; tests and the benchmark may open a
// home with a Tuning of their own.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "os/file.h"
#include "store/assistant_store.h"
#include "store/blobs.h"
#include "store/database.h"
#include "store/records.h"
#include "store/store.h"
#include "store/vector_store.h"
#include "store/writer.h"

namespace lar::store {

struct Tuning {
  std::int64_t most_pages = 0;  // of the database; 0: no limit. Stands in for a full disk.
};
base::Result<std::unique_ptr<Store>> open_home(const std::string& home, const Tuning& tuning);

// search.cc. `indexes` loads the vectors of the request's model.
base::Result<std::vector<Hit>> search_passages(Connection& connection, VectorIndexes& indexes,
                                               const SearchRequest& request);
base::Result<std::vector<Hit>> hits_of_item(Connection& connection, const Id& item);

// check.cc. One line per fault.
base::Result<std::vector<std::string>> check_home(Connection& connection, const Blobs& blobs,
                                                  Check depth);

// assistant_records.cc. Both must outlive it.
std::unique_ptr<AssistantStore> open_assistant(Readers& readers, Writer& writer);

class Home final : public Store {
 public:
  Home(std::string home, os::Descriptor lock, std::unique_ptr<Connection> connection, bool unclean);
  ~Home() override;

  base::Result<Source> add_source(const Source& source) override;
  base::Result<std::vector<Source>> sources() override;
  base::Status save_settings(const Id& source, const std::string& settings) override;
  base::Status save_sync(const Id& source, const std::string& cursor,
                         const std::string& error) override;
  base::Result<std::int64_t> remove_source(const Id& source) override;

  base::Result<RecordOutcome> record(const Recording& recording) override;
  base::Result<std::vector<RecordOutcome>> record_all(std::span<const Recording> all) override;
  base::Result<std::vector<Placement>> placements(const Id& source) override;
  base::Status update_placement(const Placement& placement) override;
  base::Status move_placement(const Placement& from, const Placement& to) override;
  base::Result<std::int64_t> forget(std::span<const Placement> gone) override;

  base::Result<StoredItem> item(const Id& id) override;
  base::Result<std::optional<Id>> find_item(const std::string& external_id) override;
  base::Result<std::vector<Id>> thread_items(const std::string& thread) override;
  base::Result<std::string> original(const Id& item) override;
  base::Result<std::vector<domain::Passage>> passages(const Id& item) override;
  base::Result<std::vector<Placement>> made_by_older(const std::string& producer,
                                                     int version) override;

  base::Result<std::vector<Hit>> search(const SearchRequest& request) override;
  base::Result<std::vector<StoredOccurrence>> occurrences(Microseconds after,
                                                          Microseconds before) override;
  base::Result<std::vector<Hit>> item_passages(const Id& item) override;

  base::Result<std::vector<PendingPassage>> pending_vectors(const std::string& model,
                                                            int limit) override;
  base::Status save_vectors(const std::string& model,
                            std::span<const PassageVector> vectors) override;
  base::Result<VectorProgress> vector_progress(const std::string& model) override;
  base::Status drop_vectors(const std::string& model) override;

  base::Status write_journal(std::string kind, std::string summary, std::string detail) override;
  using Store::journal;
  base::Result<std::vector<JournalEntry>> journal(int limit, std::optional<Id> before,
                                                  const std::string& kind) override;

  base::Result<Id> save_turn(std::optional<Id> conversation, const Turn& turn) override;
  base::Result<std::vector<Conversation>> conversations() override;
  base::Result<std::vector<Turn>> turns(const Id& conversation) override;
  base::Status correct_turn(const Id& turn, const std::optional<Correction>& correction) override;
  base::Result<std::vector<Turn>> corrected_turns() override;

  base::Result<Job> start_job(const std::string& kind, const std::string& subject) override;
  base::Status save_job(const Job& job) override;
  base::Result<std::vector<Job>> unfinished_jobs() override;

  base::Result<std::string> setting(const std::string& name) override;
  base::Status set_setting(const std::string& name, const std::string& value) override;

  AssistantStore& assistant() override { return *assistant_; }

  base::Result<Counts> counts() override;
  base::Result<std::vector<std::string>> check(Check depth) override;

 private:
  // Runs `operation(WriteContext&) -> Result<T>` on the writer's thread and gives its value back.
  template <typename Operation>
  auto write(Durability durability, Operation operation)
      -> decltype(operation(std::declval<WriteContext&>())) {
    using Outcome = decltype(operation(std::declval<WriteContext&>()));
    if constexpr (std::is_same_v<Outcome, base::Status>) {
      return writer_->run(operation, durability);
    } else {
      std::optional<typename Outcome::value_type> value;
      TRY(writer_->run(
          [&](WriteContext& context) -> base::Status {
            Outcome outcome = operation(context);
            if (!outcome) return tl::unexpected<base::Error>(std::move(outcome).error());
            value = std::move(*outcome);
            return {};
          },
          durability));
      return std::move(*value);
    }
  }
  static base::Result<std::vector<Placement>> read_placements(Statement rows);
  static base::Result<StoredItem> load_item(Connection& connection, const Id& id);
  base::Result<std::int64_t> register_model(const std::string& model);
  base::Status sweep(const std::stop_token& stop);

  const std::string home_;
  os::Descriptor lock_;
  Blobs blobs_;
  VectorIndexes indexes_;
  Readers readers_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<AssistantStore> assistant_;
  std::atomic<bool> tidy_;  // nothing is left of an unclean end
  std::jthread sweeper_;    // after an unclean end: removes blobs nobody refers to
};

}  // namespace lar::store
