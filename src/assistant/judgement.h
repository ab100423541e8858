// The learned judgement: small logistic regressions over named features (of a mail: priority,
// personal, suspicious; of one sentence: task, appointment), with weights in data/judgement.json.
// eval/train_judgement.py makes that file from the development mailbox. Thread-safe once loaded.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lar::assistant {

enum class Priority { urgent, reply, fyi, bulk };
std::string_view name_of(Priority priority);
enum class Suspicious { none, spam, phishing };
std::string_view name_of(Suspicious suspicious);
std::optional<Priority> priority_from(std::string_view name);
std::optional<Suspicious> suspicious_from(std::string_view name);

struct Judgement {
  std::array<double, 4> priority{};  // probabilities
  double personal = 0;
  std::array<double, 3> suspicious{};
};

class Judge {
 public:
  // judgement.malformed {detail}: only if the file carried in the program is damaged.
  static base::Result<Judge> load();
  // `embedding` may be empty; then the weights learnt without it are used.
  Judgement judge(const std::map<std::string, double>& features,
                  const std::vector<float>& embedding) const;
  // How likely a candidate of tasks.h is something to do, or something that takes place with the
  // owner, by its features.
  double task(const std::map<std::string, double>& features) const;
  double appointment(const std::map<std::string, double>& features) const;
  // The embedding space the weights were learnt in; empty if they use none.
  const std::string& space() const { return space_; }
  // "urgent", "phishing", "task", …: above which probability something counts as that; by the
  // weights over embeddings, another where one is set.
  double threshold(std::string_view name, bool embedded = false) const;

 private:
  struct Model {
    std::vector<double> bias;
    std::map<std::string, std::vector<double>, std::less<>> weights;
    std::vector<std::vector<double>> embedding;  // one row a class; may be empty
    std::vector<double> scores(const std::map<std::string, double>& features,
                               const std::vector<float>& vector) const;
  };
  std::map<std::string, Model> models_;  // "priority", "priority+embedding", …
  std::map<std::string, double, std::less<>> thresholds_;
  std::string space_;
};

}  // namespace lar::assistant
