// Hybrid search. Each list is ranked on its own: the text by lar_rank, the vectors by 8-bit scan
// and then by the stored half floats; quoted text, signatures and boilerplate lose a little in
// both. The lists meet by reciprocal rank (Cormack, Clarke, Büttcher, SIGIR 2009, k = 60). Where
// threads and items swallow so many passages that hits run short, both lists are drawn again,
// longer.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "base/clock.h"
#include "base/text.h"
#include "domain/json.h"
#include "store/home.h"

namespace lar::store {

using base::ErrorKind;
using domain::SegmentKind;

namespace {

constexpr double rank_constant = 60;
constexpr std::size_t first_depth = 100;
// Rows taken by their 8-bit score for each one that is wanted by its exact score; at least four
// times the hits asked for.
constexpr std::size_t rescoring = 2;
// Beyond this a few threads hold nearly everything, and looking further finds no others worth it.
constexpr std::size_t last_depth = 6400;
constexpr double year = 365.0 * static_cast<double>(base::one_day);
// Recency only settles near ties: a fresh item gains at most this share of its text score.
constexpr double recency_share = 0.02;
constexpr double recency_of_tie = 1e-5;

struct Candidate {
  std::int64_t passage = 0;
  std::int64_t item = 0;
  Id thread;
  double recency = 0;
  double score = 0;  // of the list it came from, then fused
  int text_rank = 0;
  int vector_rank = 0;
  float similarity = 0;
};

struct KindWeight {
  double factor = 1;    // of a text score
  double discount = 0;  // of a cosine
};

KindWeight weight_of(std::string_view kind) {
  switch (domain::segment_kind_from(kind).value_or(SegmentKind::text)) {
    case SegmentKind::quoted:
      return {0.7, 0.04};
    case SegmentKind::signature:
      return {0.55, 0.08};
    case SegmentKind::boilerplate:
      return {0.5, 0.08};
    default:
      return {};
  }
}

// 1 for now and the future, falling to 1/e in a year.
double recency_of(const Statement& row, int column, Microseconds now) {
  if (row.is_null(column)) return 0;
  const double age = static_cast<double>(std::max<std::int64_t>(0, now - row.integer(column)));
  return std::exp(-age / year);
}

bool better(const Candidate& left, const Candidate& right) {
  if (left.score != right.score) return left.score > right.score;
  if (left.recency != right.recency) return left.recency > right.recency;
  return left.passage < right.passage;
}

bool has_filter(const SearchRequest& request) {
  return request.kind || request.source || !base::trim(request.person).empty() || request.after ||
         request.before;
}

// The condition on `item i` and its values, for all filters of a request.
struct Filter {
  std::string condition;
  std::vector<std::variant<std::int64_t, std::string, Id>> values;

  std::string place(std::variant<std::int64_t, std::string, Id> value) {
    values.push_back(std::move(value));
    return "?" + std::to_string(values.size());
  }
  void both(const std::string& more) {
    if (!condition.empty()) condition += " AND ";
    condition += more;
  }
  Statement query(Connection& connection, const std::string& before, const std::string& after) {
    Statement statement(connection, before + condition + after);
    int index = 0;
    for (const auto& value : values) {
      std::visit([&](const auto& held) { statement.bind(++index, held); }, value);
    }
    return statement;
  }
};

// "starts .. ends touches [after, before)"; what has no end ends as it starts.
std::string touches(Filter& filter, const SearchRequest& request, const std::string& table) {
  std::string condition;
  if (request.before) condition = table + "starts < " + filter.place(*request.before);
  if (request.after) {
    const std::string after = filter.place(*request.after);
    if (!condition.empty()) condition += " AND ";
    condition += "(" + table + "starts >= " + after + " OR " + table + "ends > " + after + ")";
  }
  return condition;
}

Filter filter_of(const SearchRequest& request) {
  Filter filter;
  if (request.kind) {
    filter.both("i.kind = " + filter.place(std::string(domain::name_of(*request.kind))));
  }
  if (request.source) {
    filter.both(
        "i.key IN (SELECT p.item FROM placement p JOIN source s ON s.key = p.source "
        "WHERE s.id = " +
        filter.place(*request.source) + ")");
  }
  const std::string person = base::collapse_spaces(base::fold_to_n(request.person));
  if (!person.empty()) {
    std::string all;
    for (const std::string_view word : base::split(person, ' ')) {
      if (!all.empty()) all += " AND ";
      all += "instr(q.folded, " + filter.place(std::string(word)) + ") > 0";
    }
    filter.both(
        "i.key IN (SELECT ip.item FROM person q JOIN item_person ip ON ip.person = q.key "
        "WHERE " +
        all + ")");
  }
  if (request.after || request.before) {
    const std::string own = touches(filter, request, "i.");
    const std::string other = touches(filter, request, "o.");
    filter.both("((" + own + ") OR i.key IN (SELECT o.item FROM occurrence o WHERE " + other +
                "))");
  }
  return filter;
}

base::Result<KeySet> keys_of(Statement rows) {
  KeySet keys;
  for (;;) {
    TRY_ASSIGN(const bool row, rows.step());
    if (!row) return keys;
    keys.add(rows.integer(0));
  }
}

class Search {
 public:
  Search(Connection& connection, VectorIndexes& indexes, const SearchRequest& request)
      : connection_(connection),
        indexes_(indexes),
        request_(request),
        query_(text_query(request.text, request.more_terms)),
        now_(base::Clock::now()) {}

  base::Result<std::vector<Candidate>> run() {
    if (has_filter(request_)) {
      Filter filter = filter_of(request_);
      TRY_ASSIGN(items_, keys_of(filter.query(connection_, "SELECT i.key FROM item i WHERE ", "")));
    }
    if (request_.limit <= 0) return std::vector<Candidate>();
    if (query_.match.empty() && request_.vector.empty()) return newest();
    if (!request_.vector.empty()) {
      TRY_ASSIGN(index_, indexes_.find(connection_, request_.vector_model));
      if (index_ != nullptr) TRY(index_->load(connection_));
      if (!query_.phrases.empty()) {
        TRY_ASSIGN(passages_, keys_of(connection_.query(
                                  "SELECT rowid FROM passage_text WHERE passage_text MATCH ?1",
                                  query_.phrases)));
      }
    }
    std::size_t depth = std::max(first_depth, static_cast<std::size_t>(request_.limit) * 4);
    for (;; depth *= 4) {
      bool more = false;
      TRY_ASSIGN(std::vector<Candidate> text, text_list(depth, more));
      TRY_ASSIGN(std::vector<Candidate> vector, vector_list(depth, more));
      std::vector<Candidate> chosen = choose(fuse(text, vector));
      const bool enough = chosen.size() == static_cast<std::size_t>(request_.limit);
      if (!more || enough || depth >= last_depth) return chosen;
    }
  }

 private:
  base::Result<std::vector<Candidate>> text_list(std::size_t depth, bool& more) {
    std::vector<Candidate> list;
    if (query_.match.empty()) return list;
    // Without filters only the best few need their item looked up.
    const std::size_t drawn = depth * 8;
    Statement rows =
        items_ ? connection_.query(
                     "SELECT f.rowid, lar_rank(f.passage_text, ?2), p.item, p.kind, i.starts, "
                     "i.thread FROM passage_text f CROSS JOIN passage p ON p.key = f.rowid "
                     "CROSS JOIN item i ON i.key = p.item "
                     "WHERE f.passage_text MATCH ?1 AND lar_allowed(?3, p.item)",
                     query_.match, Bytes{query_.weights}, &*items_)
               : connection_.query(
                     "SELECT f.key, f.score, p.item, p.kind, i.starts, i.thread FROM "
                     "(SELECT rowid AS key, lar_rank(passage_text, ?2) AS score FROM passage_text "
                     "WHERE passage_text MATCH ?1 ORDER BY score DESC LIMIT ?3) f "
                     "CROSS JOIN passage p ON p.key = f.key CROSS JOIN item i ON i.key = p.item",
                     query_.match, Bytes{query_.weights}, static_cast<std::int64_t>(drawn));
    std::size_t seen = 0;
    for (;;) {
      TRY_ASSIGN(const bool row, rows.step());
      if (!row) break;
      ++seen;
      Candidate candidate;
      candidate.passage = rows.integer(0);
      candidate.item = rows.integer(2);
      candidate.thread = rows.id(5);
      candidate.recency = recency_of(rows, 4, now_);
      candidate.score =
          rows.real(1) * weight_of(rows.text(3)).factor * (1 + recency_share * candidate.recency);
      list.push_back(candidate);
    }
    if (!items_ && seen == drawn) more = true;
    std::sort(list.begin(), list.end(), better);
    if (list.size() > depth) {
      list.resize(depth);
      more = true;
    }
    return list;
  }

  base::Result<std::vector<Candidate>> vector_list(std::size_t depth, bool& more) {
    std::vector<Candidate> list;
    if (index_ == nullptr) return list;
    static const ScanPath path = available_scan_paths().back();
    const std::vector<VectorCandidate> found =
        index_->search(request_.vector, depth * rescoring, items_ ? &*items_ : nullptr,
                       passages_ ? &*passages_ : nullptr, path);
    if (found.size() == depth * rescoring) more = true;
    for (const VectorCandidate& close : found) {
      Statement row = connection_.query(
          "SELECT v.numbers, p.kind, i.starts, i.thread FROM vector v "
          "JOIN passage p ON p.key = v.passage JOIN item i ON i.key = p.item WHERE v.key = ?1",
          close.vector);
      TRY_ASSIGN(const bool there, row.step());
      if (!there) continue;  // removed since the scan
      Candidate candidate;
      candidate.passage = close.passage;
      candidate.item = close.item;
      candidate.thread = row.id(3);
      candidate.recency = recency_of(row, 2, now_);
      candidate.similarity = dot_halves(request_.vector, row.blob(0));
      candidate.score = static_cast<double>(candidate.similarity) - weight_of(row.text(1)).discount;
      list.push_back(candidate);
    }
    std::sort(list.begin(), list.end(), better);
    if (list.size() > depth) list.resize(depth);
    return list;
  }

  static std::vector<Candidate> fuse(const std::vector<Candidate>& text,
                                     const std::vector<Candidate>& vector) {
    std::unordered_map<std::int64_t, Candidate> fused;
    for (std::size_t index = 0; index < text.size(); ++index) {
      Candidate candidate = text[index];
      candidate.text_rank = static_cast<int>(index) + 1;
      fused[candidate.passage] = candidate;
    }
    for (std::size_t index = 0; index < vector.size(); ++index) {
      Candidate& candidate = fused.try_emplace(vector[index].passage, vector[index]).first->second;
      candidate.vector_rank = static_cast<int>(index) + 1;
      candidate.similarity = vector[index].similarity;
    }
    std::vector<Candidate> list;
    list.reserve(fused.size());
    for (auto& [passage, candidate] : fused) {
      candidate.score = recency_of_tie * candidate.recency;
      for (const int rank : {candidate.text_rank, candidate.vector_rank}) {
        if (rank > 0) candidate.score += 1 / (rank_constant + rank);
      }
      list.push_back(candidate);
    }
    std::sort(list.begin(), list.end(), better);
    return list;
  }

  // Applies limits per item and thread, best first.
  std::vector<Candidate> choose(const std::vector<Candidate>& list) const {
    std::vector<Candidate> chosen;
    std::unordered_map<std::int64_t, int> per_item;
    std::unordered_map<std::string, std::int64_t> thread_item;
    for (const Candidate& candidate : list) {
      if (chosen.size() == static_cast<std::size_t>(request_.limit)) break;
      if (request_.one_per_thread) {
        const auto [shown, fresh] =
            thread_item.try_emplace(candidate.thread.text(), candidate.item);
        if (!fresh && shown->second != candidate.item) continue;
      }
      int& passages = per_item[candidate.item];
      if (passages >= std::max(1, request_.passages_per_item)) continue;
      ++passages;
      chosen.push_back(candidate);
    }
    return chosen;
  }

  // Nothing to look for: what passes the filters, newest first, with its first passage.
  base::Result<std::vector<Candidate>> newest() {
    std::vector<Candidate> list;
    if (!items_) return list;
    Filter filter = filter_of(request_);
    Statement rows = filter.query(
        connection_,
        "SELECT (SELECT p.key FROM passage p WHERE p.item = i.key ORDER BY p.position LIMIT 1), "
        "i.key, i.thread FROM item i WHERE ",
        " ORDER BY i.starts DESC, i.key DESC");
    while (list.size() < static_cast<std::size_t>(request_.limit)) {
      TRY_ASSIGN(const bool row, rows.step());
      if (!row) break;
      if (rows.is_null(0)) continue;
      Candidate candidate;
      candidate.passage = rows.integer(0);
      candidate.item = rows.integer(1);
      candidate.thread = rows.id(2);
      const bool seen = std::any_of(list.begin(), list.end(), [&](const Candidate& other) {
        return other.thread == candidate.thread;
      });
      if (!request_.one_per_thread || !seen) list.push_back(candidate);
    }
    return list;
  }

  Connection& connection_;
  VectorIndexes& indexes_;
  const SearchRequest& request_;
  TextQuery query_;
  Microseconds now_;
  std::optional<KeySet> items_;
  std::optional<KeySet> passages_;
  std::shared_ptr<VectorIndex> index_;
};

constexpr const char* hit_columns =
    "SELECT i.id, p.id, i.external_id, i.details, i.thread, p.part_name, p.kind, p.locator, "
    "p.text, (SELECT s.id FROM placement l JOIN source s ON s.key = l.source "
    "WHERE l.item = i.key ORDER BY s.id = ?2 DESC, l.key LIMIT 1), i.origin "
    "FROM passage p JOIN item i ON i.key = p.item ";

base::Result<Hit> hit_from(const Statement& row) {
  const auto corrupt = [] {
    return base::fail(ErrorKind::corrupt, "store.corrupt",
                      {{"path", "lar.db"}, {"detail", "JSON"}});
  };
  Hit hit;
  hit.item = row.id(0);
  hit.passage = row.id(1);
  hit.external_id = row.string(2);
  const nlohmann::json details = nlohmann::json::parse(row.text(3), nullptr, false);
  if (details.is_discarded()) return corrupt();
  TRY_ASSIGN(domain::Item item, domain::item_from_json(details));
  hit.kind = item.kind;
  hit.origin = domain::origin_from(row.text(10)).value_or(domain::Origin::web);
  hit.title = std::move(item.title);
  hit.people = std::move(item.people);
  hit.when = item.when;
  hit.thread = row.id(4).text();
  hit.part_name = row.string(5);
  hit.segment = domain::segment_kind_from(row.text(6)).value_or(SegmentKind::text);
  const nlohmann::json locator = nlohmann::json::parse(row.text(7), nullptr, false);
  if (locator.is_discarded()) return corrupt();
  TRY_ASSIGN(hit.locator, domain::locator_from_json(locator));
  hit.text = row.string(8);
  hit.source = row.id(9);
  return hit;
}

}  // namespace

base::Result<std::vector<Hit>> search_passages(Connection& connection, VectorIndexes& indexes,
                                               const SearchRequest& request) {
  const ReadMoment moment(connection);
  TRY(moment.status());
  Search search(connection, indexes, request);
  TRY_ASSIGN(const std::vector<Candidate> chosen, search.run());
  std::vector<Hit> hits;
  for (const Candidate& candidate : chosen) {
    Statement row = connection.query(std::string(hit_columns) + "WHERE p.key = ?1",
                                     candidate.passage, request.source);
    TRY_ASSIGN(const bool there, row.step());
    if (!there) continue;
    TRY_ASSIGN(Hit hit, hit_from(row));
    hit.score = candidate.score;
    hit.text_rank = candidate.text_rank;
    hit.vector_rank = candidate.vector_rank;
    hit.similarity = candidate.similarity;
    hits.push_back(std::move(hit));
  }
  return hits;
}

base::Result<std::vector<Hit>> hits_of_item(Connection& connection, const Id& item) {
  const ReadMoment moment(connection);
  TRY(moment.status());
  TRY_ASSIGN(const std::int64_t key, connection.number("SELECT key FROM item WHERE id = ?1", item));
  if (key == 0) return base::fail(ErrorKind::not_found, "item.unknown", {{"id", item.text()}});
  Statement rows = connection.query(
      std::string(hit_columns) + "WHERE p.item = ?1 ORDER BY p.position", key, nullptr);
  std::vector<Hit> hits;
  for (;;) {
    TRY_ASSIGN(const bool row, rows.step());
    if (!row) return hits;
    TRY_ASSIGN(Hit hit, hit_from(rows));
    hits.push_back(std::move(hit));
  }
}

}  // namespace lar::store
