// The source types lar knows. A new one is a folder beside this file and one line here. Read-only,
// so any thread may ask.
#include <array>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sources/chats/chats.h"
#include "sources/dav/dav.h"
#include "sources/folder/folder.h"
#include "sources/ics/ics.h"
#include "sources/imap/imap.h"
#include "sources/maildir/maildir.h"
#include "sources/mbox/mbox.h"
#include "sources/source.h"
#include "sources/subscription/subscription.h"
#include "sources/vcf/vcf.h"

namespace lar::sources {

std::span<const SourceType> registry() {
  static const std::array types{
      maildir::source_type(),      mbox::source_type(), folder::source_type(), ics::source_type(),
      vcf::source_type(),          imap::source_type(), dav::caldav_type(),    dav::carddav_type(),
      subscription::source_type(), chats::whatsapp(),   chats::telegram(),
  };
  return types;
}

const SourceType* find_source_type(std::string_view kind) {
  for (const SourceType& type : registry()) {
    if (type.kind == kind) return &type;
  }
  return nullptr;
}

std::optional<Submission> submission_of(const store::Source& source) {
  const SourceType* type = find_source_type(source.kind);
  if (type == nullptr || type->send == nullptr) return std::nullopt;
  const auto settings = nlohmann::json::parse(source.settings, nullptr, false);
  const auto smtp = settings.is_object() ? settings.find("smtp") : settings.end();
  if (!settings.is_object() || smtp == settings.end() || !smtp->is_object()) return std::nullopt;
  return Submission{smtp->value("host", ""), smtp->value("port", 0),
                    smtp->value("keeps_copy", false)};
}

std::string secret_name(const store::Id& source) { return "source/" + source.text(); }

void SyncReport::note(std::string about, domain::Notice notice) {
  if (notices.size() >= most_notices) return;
  for (auto& [name, value] : notice.parameters) value = base::clean_utf8(value);
  notices.emplace_back(base::clean_utf8(about), std::move(notice));
}

}  // namespace lar::sources
