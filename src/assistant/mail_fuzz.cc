// Fuzzes the judging of mails by code, which happens in lar itself: subject, sender and text of
// strangers give a verdict that can be written as JSON. The first line of the input is the subject,
// the second the sender's name and address, the third what is quoted.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "assistant/assistant.h"
#include "assistant/money.h"
#include "assistant/orders.h"
#include "base/text.h"

namespace {

std::string line_of(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return std::string(line);
}

lar::domain::Item mail_of(std::string_view text, std::int64_t sent) {
  using namespace lar::domain;
  Item item;
  item.kind = ItemKind::mail;
  item.external_id = "mail@example.org";
  item.title = line_of(text);
  const std::string sender = line_of(text);
  item.people = {{PersonRole::from, sender, lar::base::lower_ascii(sender)},
                 {PersonRole::to, "Clara Soler", "clara@casa.example"}};
  item.when = Instant{sent, "Europe/Madrid"};
  const std::string quoted = line_of(text);
  TextPart part;
  part.id = "1";
  part.media_type = "text/plain";
  part.text = quoted + std::string(text);
  part.segments = {{SegmentKind::quoted, 0, quoted.size()},
                   {SegmentKind::text, quoted.size(), part.text.size()}};
  item.parts = {part};
  item.mail = MailDetails{};
  item.mail->links = {{item.title, sender}};
  return item;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lar::assistant;
  const std::string text =
      lar::base::clean_utf8(std::string_view(reinterpret_cast<const char*>(data), size));
  constexpr std::int64_t now = 1'780'000'000'000'000;
  Mailbox mailbox;
  mailbox.mails = {make_mail(mail_of(text, now - 1'000'000))};
  MailboxOptions options;
  options.now = now;
  options.zone = "Europe/Madrid";
  options.me = {"clara@casa.example"};
  complete(mailbox, options);
  (void)find_amounts(text);
  std::vector<Verdict> verdicts;
  const auto done = triage(mailbox, {},
                           [&](const Verdict& verdict) {
                             verdicts.push_back(verdict);
                             (void)to_json(verdict, lar::base::Language::spanish).dump();
                             return true;
                           },
                           {});
  if (!done || verdicts.size() != mailbox.mails.size()) std::abort();
  for (const Point& point : brief(mailbox, verdicts)) (void)to_json(point).dump();
  return 0;
}
