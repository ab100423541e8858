// Reading the weights and applying them.
#include "assistant/judgement.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/embedded.h"

namespace lar::assistant {
namespace {

std::vector<double> softmax(std::vector<double> scores) {
  const double most = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& score : scores) {
    score = std::exp(score - most);
    sum += score;
  }
  for (double& score : scores) score /= sum;
  return scores;
}

}  // namespace

namespace {

constexpr std::array<std::string_view, 4> priorities = {"urgent", "reply", "fyi", "bulk"};
constexpr std::array<std::string_view, 3> suspicions = {"none", "spam", "phishing"};

template <typename Kind, size_t count>
std::optional<Kind> kind_from(const std::array<std::string_view, count>& names,
                              std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Kind>(found - names.begin());
}

}  // namespace

std::string_view name_of(Priority priority) { return priorities[static_cast<size_t>(priority)]; }
std::string_view name_of(Suspicious suspicious) {
  return suspicions[static_cast<size_t>(suspicious)];
}
std::optional<Priority> priority_from(std::string_view name) {
  return kind_from<Priority>(priorities, name);
}
std::optional<Suspicious> suspicious_from(std::string_view name) {
  return kind_from<Suspicious>(suspicions, name);
}

base::Result<Judge> Judge::load() {
  Judge judge;
  try {
    for (const embedded::File& file : embedded::assistant_data()) {
      if (file.path != "judgement.json") continue;
      const auto data = nlohmann::json::parse(file.bytes);
      judge.space_ = data.value("space", "");
      judge.thresholds_ = data.at("thresholds").get<std::map<std::string, double, std::less<>>>();
      for (const auto& [name, model] : data.at("models").items()) {
        Model made;
        made.bias = model.at("bias").get<std::vector<double>>();
        for (const auto& [feature, weights] : model.at("weights").items()) {
          made.weights[feature] = weights.get<std::vector<double>>();
          if (made.weights[feature].size() != made.bias.size()) {
            return base::fail(base::ErrorKind::internal, "judgement.malformed",
                              {{"detail", feature}});
          }
        }
        if (model.contains("embedding")) {
          made.embedding = model["embedding"].get<std::vector<std::vector<double>>>();
        }
        judge.models_[name] = std::move(made);
      }
    }
  } catch (const nlohmann::json::exception& error) {
    return base::fail(base::ErrorKind::internal, "judgement.malformed", {{"detail", error.what()}});
  }
  for (const auto& [name, classes] :
       {std::pair("priority", 4U), std::pair("personal", 2U), std::pair("suspicious", 3U),
        std::pair("task", 2U), std::pair("appointment", 2U)}) {
    if (!judge.models_.contains(name) || judge.models_[name].bias.size() != classes) {
      return base::fail(base::ErrorKind::internal, "judgement.malformed", {{"detail", name}});
    }
  }
  return judge;
}

std::vector<double> Judge::Model::scores(const std::map<std::string, double>& features,
                                         const std::vector<float>& vector) const {
  std::vector<double> scores = bias;
  for (const auto& [name, value] : features) {
    const auto found = weights.find(name);
    if (found == weights.end() || value == 0) continue;
    for (size_t index = 0; index < scores.size(); ++index) {
      scores[index] += value * found->second[index];
    }
  }
  for (size_t index = 0; index < embedding.size() && index < scores.size(); ++index) {
    const size_t size = std::min(embedding[index].size(), vector.size());
    for (size_t at = 0; at < size; ++at) {
      scores[index] += embedding[index][at] * static_cast<double>(vector[at]);
    }
  }
  return softmax(scores);
}

double Judge::threshold(std::string_view name, bool embedded) const {
  if (embedded) {
    const auto found = thresholds_.find(std::string(name) + "+embedding");
    if (found != thresholds_.end()) return found->second;
  }
  const auto found = thresholds_.find(name);
  return found == thresholds_.end() ? 0.5 : found->second;
}

double Judge::task(const std::map<std::string, double>& features) const {
  return models_.at("task").scores(features, {})[1];
}

double Judge::appointment(const std::map<std::string, double>& features) const {
  return models_.at("appointment").scores(features, {})[1];
}

Judgement Judge::judge(const std::map<std::string, double>& features,
                       const std::vector<float>& embedding) const {
  const auto model = [&](const std::string& name) -> const Model& {
    const auto with = models_.find(name + "+embedding");
    return !embedding.empty() && with != models_.end() ? with->second : models_.at(name);
  };
  Judgement judgement;
  const auto priority = model("priority").scores(features, embedding);
  std::copy_n(priority.begin(), 4, judgement.priority.begin());
  judgement.personal = model("personal").scores(features, embedding)[1];
  const auto suspicious = model("suspicious").scores(features, embedding);
  std::copy_n(suspicious.begin(), 3, judgement.suspicious.begin());
  return judgement;
}

}  // namespace lar::assistant
