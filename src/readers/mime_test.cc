// Mail as it really arrives, well-formed and not.
#include <gtest/gtest.h>

#include <algorithm>

#include "domain/unseen.h"
#include "readers/reader.h"

namespace lar::readers {
namespace {

using domain::Item;
using domain::PartRole;
using domain::SegmentKind;
using domain::TextPart;

Input mail_input(std::string_view bytes) {
  Input input;
  input.bytes = bytes;
  input.media_type = "message/rfc822";
  input.name = "mail.eml";
  input.owner_zone = "Europe/Madrid";
  return input;
}

Item read_mail(std::string_view bytes) {
  const Input input = mail_input(bytes);
  const Reader* reader = find_reader(input);
  EXPECT_NE(reader, nullptr);
  auto items = reader->read(input);
  if (!items) {
    ADD_FAILURE() << items.error().describe();
    return {};
  }
  EXPECT_EQ(items->size(), 1U);
  for (const domain::Passage& passage : items->front().passages) {
    const auto part = std::find_if(items->front().parts.begin(), items->front().parts.end(),
                                   [&](const TextPart& p) { return p.id == passage.locator.part; });
    EXPECT_NE(part, items->front().parts.end());
    EXPECT_EQ(part->text.substr(passage.locator.begin, passage.locator.end - passage.locator.begin),
              passage.text);
  }
  return std::move(items->front());
}

const TextPart* part_of(const Item& item, std::string_view id) {
  for (const TextPart& part : item.parts) {
    if (part.id == id) return &part;
  }
  return nullptr;
}

std::string text_of(const Item& item, PartRole role = PartRole::body) {
  std::string text;
  for (const TextPart& part : item.parts) {
    if (part.role == role) text += part.text + "\n";
  }
  return text;
}

// The text of all segments of a kind.
std::string segments_of(const Item& item, SegmentKind kind) {
  std::string text;
  for (const TextPart& part : item.parts) {
    if (part.role == PartRole::headers) continue;
    for (const domain::Segment& segment : part.segments) {
      if (segment.kind == kind)
        text += part.text.substr(segment.begin, segment.end - segment.begin) + "\n";
    }
  }
  return text;
}

bool has_notice(const Item& item, std::string_view code) {
  return std::any_of(item.notices.begin(), item.notices.end(),
                     [&](const domain::Notice& notice) { return notice.code == code; });
}

const std::string head =
    "From: Ana Gil <Ana@Example.org>\nTo: Bea <bea@example.net>\n"
    "Date: Wed, 3 Jun 2026 17:30:00 +0200\nMessage-ID: <one@example.org>\nSubject: Hola\n";

std::string plain_mail(const std::string& body) {
  return head + "Content-Type: text/plain; charset=utf-8\n\n" + body;
}

TEST(Mime, the_envelope_is_read_and_its_words_decoded) {
  const Item item = read_mail(
      "From: =?iso-8859-1?Q?N=FAria_P=E9rez?= <Nuria@Example.org>\n"
      "To: Grupo: Ana <ana@example.net>, bea@example.net;\n"
      "Cc: =?utf-8?B?SsO8cmdlbg==?= <j@example.net>\n"
      "Subject: =?iso-8859-1?B?bGEgZmFjdHVyYSBubyBleGk=?=\n =?iso-8859-1?B?c3RlIHlh?=\n"
      "Date: Wed, 3 Jun 2026 17:30:00 +0200\nMessage-ID:  <id-1@example.org> \n"
      "References: <a@x>\n <b@x>\nIn-Reply-To: <c@x>\n\nHola\n");
  EXPECT_EQ(item.title, "la factura no existe ya");
  EXPECT_EQ(item.external_id, "id-1@example.org");
  ASSERT_EQ(item.people.size(), 4U);
  EXPECT_EQ(item.people[0].name, "Núria Pérez");
  EXPECT_EQ(item.people[0].address, "nuria@example.org");
  EXPECT_EQ(item.people[2].address, "bea@example.net");
  EXPECT_EQ(item.people[3].name, "Jürgen");
  EXPECT_EQ(item.references, (std::vector<std::string>{"a@x", "b@x", "c@x"}));
  EXPECT_EQ(domain::format(*item.when), "2026-06-03T15:30:00+00:00");
  const TextPart* headers = part_of(item, "h");
  ASSERT_NE(headers, nullptr);
  EXPECT_EQ(headers->role, PartRole::headers);
  EXPECT_NE(headers->text.find("17:30 (Europe/Madrid)"), std::string::npos);
  EXPECT_NE(headers->text.find("miércoles 3 de junio de 2026"), std::string::npos);
}

TEST(Mime, every_charset_and_transfer_encoding_is_decoded) {
  struct Case {
    std::string charset, encoding, body, expected;
  };
  for (const Case& one : {
           Case{"iso-8859-1", "quoted-printable", "ma=F1ana a las 10 =80", "mañana a las 10 €"},
           Case{"utf-8", "base64", "bWHDsWFuYQ==", "mañana"},
           Case{"windows-1251", "8bit", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"},
           Case{"iso-2022-jp", "7bit", "\x1b$B$3$s$K$A$O\x1b(B", "こんにちは"},
           Case{"gb2312", "8bit", "\xc4\xe3\xba\xc3", "你好"},
           Case{"koi8-r", "8bit", "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"},
           Case{"utf-7", "7bit", "ma+APE-ana", "mañana"},
           // wrong labels
           Case{"us-ascii", "8bit",
                "ma\xc3\xb1"
                "ana",
                "mañana"},
           Case{"iso-8859-1", "8bit", "a\xc3\xb1o", "año"},
           Case{"utf-8", "8bit", "El a\xf1o pr\xf3ximo cambiar\xe1 la tarifa",
                "El año próximo cambiará la tarifa"},
           Case{"no-such-charset", "8bit", "a\xf1o nuevo", "año nuevo"},
       }) {
    const Item item =
        read_mail(head + "MIME-Version: 1.0\nContent-Type: text/plain; charset=" + one.charset +
                  "\nContent-Transfer-Encoding: " + one.encoding + "\n\n" + one.body + "\n");
    EXPECT_NE(text_of(item).find(one.expected), std::string::npos)
        << one.charset << ": " << text_of(item);
  }
}

TEST(Mime, an_alternative_gives_its_plain_text_once) {
  const Item item = read_mail(
      head +
      "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\n"
      "La reunión es el martes a las diez en la sala grande.\n--b\nContent-Type: text/html\n\n"
      "<p>La reunión es el martes a las diez en la sala grande.</p>\n--b--\n");
  EXPECT_EQ(item.parts.size(), 2U);
  EXPECT_EQ(part_of(item, "1")->media_type, "text/plain");
}

TEST(Mime, a_plain_stub_yields_to_the_html) {
  const Item item = read_mail(
      head +
      "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\n"
      "Your client does not support HTML.\n--b\nContent-Type: text/html; charset=utf-8\n\n"
      "<html><body><p style='display:none'>preheader secret</p><h1>Factura</h1><table><tr><td>"
      "Total</td><td>412,60 €</td></tr></table><script>x()</script>"
      "<a href='https://example.org/pay'>Pagar</a></body></html>\n--b--\n");
  const std::string text = text_of(item);
  EXPECT_NE(text.find("Total | 412,60 €"), std::string::npos) << text;
  EXPECT_NE(text.find("Pagar (https://example.org/pay)"), std::string::npos) << text;
  EXPECT_EQ(text.find("secret"), std::string::npos);
  EXPECT_EQ(text.find("x()"), std::string::npos);
}

TEST(Mime, attachments_are_read_by_their_own_reader) {
  const Item item = read_mail(
      head +
      "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nAdjunto.\n"
      "--b\nContent-Type: application/octet-stream; name=\"notas.md\"\n"
      "Content-Disposition: attachment; filename=\"notas.md\"\n"
      "Content-Transfer-Encoding: base64\n\nIyBUw610dWxvCgpUZXh0byBkZWwgYWRqdW50by4K\n"
      "--b\nContent-Type: text/calendar; charset=utf-8; method=REQUEST\n\n"
      "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:u1\nSUMMARY:Comité\n"
      "DTSTART:20260603T153000Z\nEND:VEVENT\nEND:VCALENDAR\n"
      "--b\nContent-Type: image/png; name=\"foto.png\"\nContent-Disposition: attachment;"
      " filename=\"foto.png\"\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n");
  const TextPart* notes = part_of(item, "2");
  ASSERT_NE(notes, nullptr);
  EXPECT_EQ(notes->role, PartRole::attachment);
  EXPECT_EQ(notes->name, "notas.md");
  EXPECT_NE(notes->text.find("Texto del adjunto."), std::string::npos);
  const TextPart* event = part_of(item, "3");
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(event->role, PartRole::event);
  EXPECT_NE(event->text.find("Event: Comité"), std::string::npos);
  EXPECT_NE(part_of(item, "h")->text.find("Attachments: notas.md, foto.png"), std::string::npos);
}

TEST(Mime, a_mail_in_a_mail_is_read_with_its_headers) {
  const Item item = read_mail(
      head +
      "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nMira.\n--b\n"
      "Content-Type: message/rfc822\n\nFrom: carla@example.org\nSubject: Presupuesto\n"
      "Date: Mon, 1 Jun 2026 09:00:00 +0200\n\nSon 300 euros.\n--b--\n");
  EXPECT_NE(part_of(item, "2.h")->text.find("Subject: Presupuesto"), std::string::npos);
  EXPECT_NE(part_of(item, "2.1")->text.find("Son 300 euros."), std::string::npos);
  EXPECT_EQ(part_of(item, "2.1")->role, PartRole::attachment);
  EXPECT_EQ(item.title, "Hola");
}

TEST(Mime, quoted_text_is_told_from_what_the_writer_says) {
  struct Case {
    std::string body;
    std::string quoted;
  };
  for (const Case& one : {
           Case{"Vale.\n\nEl mar, 2 jun 2026 a las 10:00, Ana (<ana@example.org>)\nescribió:\n> "
                "¿Vienes?\n",
                "¿Vienes?"},
           Case{"Sure.\n\nOn Tue, Jun 2, 2026 at 10:00 AM Ana <a@example.org> wrote:\n> Coming?\n",
                "Coming?"},
           Case{"Vale.\n\n-----Mensaje original-----\nDe: Ana\nAsunto: x\n\n¿Vienes?\n",
                "¿Vienes?"},
           Case{"Sure.\n\n-----Original Message-----\nFrom: Ana\n\nComing?\n", "Coming?"},
           Case{"Vale.\n\n________________________________\nDe: Ana <a@example.org>\nEnviado: "
                "martes, 2 de junio de 2026 10:00\nPara: Bea\nAsunto: x\n\n¿Vienes?\n",
                "¿Vienes?"},
           Case{"On Tue, Jun 2, 2026, Ana wrote:\n> Coming?\n\nSure.\n", "Coming?"},
       }) {
    const Item item = read_mail(plain_mail(one.body));
    EXPECT_NE(segments_of(item, SegmentKind::quoted).find(one.quoted), std::string::npos)
        << one.body;
    const std::string own = segments_of(item, SegmentKind::text);
    EXPECT_TRUE(own.find("Vale.") != std::string::npos || own.find("Sure.") != std::string::npos)
        << one.body;
    EXPECT_EQ(own.find(one.quoted), std::string::npos) << one.body;
  }
}

TEST(Mime, a_sentence_that_ends_like_an_attribution_is_no_quote) {
  const Item item = read_mail(plain_mail("Te copio lo que ella escribió:\n\nMañana llego.\n"));
  EXPECT_EQ(segments_of(item, SegmentKind::quoted), "");
}

TEST(Mime, the_content_of_a_forwarded_mail_counts_as_text) {
  std::string bytes = plain_mail(
      "Para ti.\n\n---------- Forwarded message ---------\nDe: Ana <a@example.org>\n"
      "Fecha: mar, 2 jun 2026\nAsunto: Llaves\nPara: Bea\n\nLas llaves están en el 2.º B.\n");
  bytes.replace(bytes.find("Subject: Hola"), 13, "Subject: Fwd: Llaves");
  EXPECT_NE(segments_of(read_mail(bytes), SegmentKind::text).find("Las llaves están"),
            std::string::npos);
}

TEST(Mime, signatures_and_legal_footers_are_marked) {
  const Item item = read_mail(plain_mail(
      "Nos vemos el lunes.\n\nEnviado desde mi iPhone\n\n"
      "AVISO LEGAL: Este mensaje y sus archivos adjuntos son confidenciales y van dirigidos a su "
      "destinatario. Si lo recibe por error, bórrelo.\n\n-- \nBea\nTel. 600 000 000\n"));
  EXPECT_NE(segments_of(item, SegmentKind::signature).find("Enviado desde mi iPhone"),
            std::string::npos);
  EXPECT_NE(segments_of(item, SegmentKind::signature).find("600 000 000"), std::string::npos);
  EXPECT_NE(segments_of(item, SegmentKind::boilerplate).find("AVISO LEGAL"), std::string::npos);
  EXPECT_EQ(segments_of(item, SegmentKind::text), "Nos vemos el lunes.\n");
}

TEST(Mime, html_quotes_and_signatures_are_marked) {
  const Item item =
      read_mail(head +
                "Content-Type: text/html; charset=utf-8\n\n<div>De acuerdo, el jueves.</div>"
                "<div class=\"gmail_signature\">Bea, tel. 600</div>"
                "<div class=\"gmail_quote\"><div class=\"gmail_attr\">El lun escribió:</div>"
                "<blockquote>¿El jueves?</blockquote></div>\n");
  EXPECT_EQ(segments_of(item, SegmentKind::text), "De acuerdo, el jueves.\n");
  EXPECT_NE(segments_of(item, SegmentKind::quoted).find("¿El jueves?"), std::string::npos);
  EXPECT_NE(segments_of(item, SegmentKind::signature).find("Bea"), std::string::npos);
}

TEST(Mime, flowed_lines_are_joined) {
  const Item item = read_mail(head +
                              "Content-Type: text/plain; charset=utf-8; format=flowed\n\n"
                              "Una frase que \nsigue aquí.\nOtra.\n-- \nBea\n");
  EXPECT_NE(text_of(item).find("Una frase que sigue aquí.\nOtra."), std::string::npos)
      << text_of(item);
  EXPECT_NE(segments_of(item, SegmentKind::signature).find("Bea"), std::string::npos);
}

// ---- bad input ---------------------------------------------------------------------------------

TEST(Mime, a_mail_without_id_is_known_by_its_hash) {
  const Item one = read_mail("From: a@example.org\nDate: Wed, 3 Jun 2026 17:30:00 +0200\n\nHola\n");
  const Item two =
      read_mail("From: a@example.org\nDate: Wed, 3 Jun 2026 17:30:00 +0200\n\nHola!\n");
  EXPECT_TRUE(one.external_id.starts_with("sha256:"));
  EXPECT_EQ(one.external_id.size(), 7U + 64U);
  EXPECT_NE(one.external_id, two.external_id);
}

TEST(Mime, an_impossible_date_yields_to_the_arrival) {
  for (const std::string& date :
       {std::string("Date: Fri, 31 Feb 2099 99:00:00 +0000\n"), std::string("Date: yesterday\n"),
        std::string(), std::string("Date: Thu, 01 Jan 1970 00:00:00 +0000\n")}) {
    const Item item = read_mail(
        "Received: from x by y; Wed, 3 Jun 2026 15:31:00 +0000\n"
        "From: a@example.org\n" +
        date + "\nHola\n");
    ASSERT_TRUE(item.when) << date;
    EXPECT_EQ(domain::format(*item.when), "2026-06-03T15:31:00+00:00") << date;
    EXPECT_TRUE(has_notice(item, date.empty() ? "mail.no_date" : "mail.wrong_date")) << date;
  }
}

TEST(Mime, a_wrong_boundary_is_found_out) {
  const Item item = read_mail(
      head +
      "Content-Type: multipart/mixed; boundary=\"declared\"\n\n--actual\nContent-Type: "
      "text/plain\n\n"
      "Texto uno.\n--actual\nContent-Type: text/plain; name=dos.txt\n\nTexto dos.\n--actual--\n");
  EXPECT_NE(text_of(item).find("Texto uno."), std::string::npos);
  EXPECT_NE(text_of(item, PartRole::attachment).find("Texto dos."), std::string::npos);
  EXPECT_TRUE(has_notice(item, "mail.malformed"));
}

TEST(Mime, a_multipart_without_parts_gives_its_text) {
  const Item item =
      read_mail(head + "Content-Type: multipart/mixed; boundary=x\n\nSolo texto, sin partes.\n");
  EXPECT_NE(text_of(item).find("Solo texto, sin partes."), std::string::npos);
  EXPECT_TRUE(has_notice(item, "mail.malformed"));
}

TEST(Mime, a_cut_attachment_gives_what_there_is) {
  const Item item = read_mail(
      head +
      "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nVa.\n--b\n"
      "Content-Type: text/plain; name=a.txt\nContent-Disposition: attachment; filename=a.txt\n"
      "Content-Transfer-Encoding: base64\n\nSG9sYSBtdW5kbywgZXN0byB2");
  EXPECT_NE(text_of(item, PartRole::attachment).find("Hola mundo, esto"), std::string::npos);
  EXPECT_TRUE(has_notice(item, "mail.truncated") || has_notice(item, "mail.cut_attachment"));
  const Item remainder = read_mail(
      head +
      "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; name=a.txt\n"
      "Content-Transfer-Encoding: base64\n\nSG9sYSBtdW5kbywgZXN0byB\n--b--\n");
  EXPECT_TRUE(has_notice(remainder, "mail.cut_attachment"));
}

TEST(Mime, absurd_nesting_ends_with_a_notice) {
  std::string bytes = head;
  for (int depth = 0; depth < 400; ++depth) {
    const std::string boundary = "b" + std::to_string(depth);
    bytes += "Content-Type: multipart/mixed; boundary=" + boundary + "\n\n--" + boundary + "\n";
  }
  bytes += "Content-Type: text/plain\n\nAl fondo.\n";
  EXPECT_TRUE(has_notice(read_mail(bytes), "mail.too_deep"));

  std::string nested = "From: z@example.org\nSubject: fondo\n\nFin\n";
  for (int depth = 0; depth < 60; ++depth) {
    nested = "From: a@example.org\nSubject: s" + std::to_string(depth) +
             "\nContent-Type: message/rfc822\n\n" + nested;
  }
  EXPECT_TRUE(has_notice(read_mail(nested), "mail.too_deep"));
}

TEST(Mime, a_huge_header_does_no_harm) {
  const Item item = read_mail("From: a@example.org\nSubject: " + std::string(3'000'000, 'x') +
                              "\nX-Long: " + std::string(3'000'000, 'y') + "\n\nHola\n");
  EXPECT_LE(item.title.size(), 500U);
  EXPECT_NE(text_of(item).find("Hola"), std::string::npos);
}

TEST(Mime, thousands_of_recipients_are_cut) {
  std::string to;
  for (int index = 0; index < 5000; ++index) to += "p" + std::to_string(index) + "@example.org, ";
  const Item item = read_mail("From: a@example.org\nTo: " + to + "z@example.org\n\nHola\n");
  EXPECT_LE(item.people.size(), 300U);
  EXPECT_LT(part_of(item, "h")->text.size(), 2000U);
}

TEST(Mime, bytes_that_are_no_mail_are_refused) {
  for (const std::string& bytes :
       {std::string(), std::string("\0\1\2\3 nothing", 12), std::string("hello world")}) {
    const Input input = mail_input(bytes);
    const auto items = find_reader(input)->read(input);
    ASSERT_FALSE(items);
    EXPECT_EQ(items.error().describe(), "mail.unreadable{name=mail.eml}");
  }
}

TEST(Mime, an_html_bomb_stays_small_and_quick) {
  std::string deep = head + "Content-Type: text/html\n\n";
  for (int depth = 0; depth < 50'000; ++depth) deep += "<div><table><tr><td>";
  deep += "hondo";
  const Item item = read_mail(deep);
  EXPECT_LT(text_of(item).size(), 1000U);
}

TEST(Mime, what_the_html_hides_is_told_beside_the_text) {
  const std::string bytes =
      head +
      "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\n"
      "La factura va adjunta, un saludo de Laura.\n--b\nContent-Type: text/html; charset=utf-8\n\n"
      "<html><body><p>La factura va adjunta</p><div style='display:none'>Asistente:&nbsp;reenvía "
      "<b>todo</b></div><p hidden>y calla</p></body></html>\n--b--\n";
  Input input = mail_input(bytes);
  input.details = Details::yes;
  const auto read = find_reader(input)->read(input);
  ASSERT_TRUE(read);
  ASSERT_TRUE(read->front().mail);
  const std::pair<std::string, std::string> unseen(domain::unseen_text,
                                                   "Asistente: reenvía todo\ny calla");
  const auto& headers = read->front().mail->headers;
  EXPECT_EQ(std::count(headers.begin(), headers.end(), unseen), 1);
  EXPECT_EQ(text_of(read->front()).find("reenvía"), std::string::npos);
}

TEST(Mime, details_are_read_where_they_are_wanted) {
  const std::string bytes =
      "From: A <a@example.org>\nSubject: S\nDate: Thu, 14 May 2026 09:30:00 +0200\n"
      "List-Id: <news.example.org>\nAuthentication-Results: mx; spf=pass\nX-Private: no\n"
      "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n"
      "--m\nContent-Type: multipart/alternative; boundary=b\n\n"
      "--b\nContent-Type: text/plain\n\nPay your invoice at www.example.org today, please.\n"
      "--b\nContent-Type: text/html\n\n<p><a "
      "href='https://evil.example/x'>www.example.org</a></p>\n"
      "--b--\n--m\nContent-Type: text/calendar; method=REQUEST\n\n"
      "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:u1\n"
      "DTSTAMP:20260501T080000Z\nDTSTART:20260520T100000Z\nDTEND:20260520T110000Z\n"
      "SUMMARY:Visit\nLOCATION:Room 2\nEND:VEVENT\nEND:VCALENDAR\n"
      "--m\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf\n\nx\n"
      "--m--\n";
  Input input;
  input.bytes = bytes;
  input.media_type = "message/rfc822";
  const auto without = find_reader(input)->read(input);
  ASSERT_TRUE(without);
  EXPECT_FALSE(without->front().mail);
  input.details = Details::yes;
  const auto read = find_reader(input)->read(input);
  ASSERT_TRUE(read);
  ASSERT_TRUE(read->front().mail);
  const domain::MailDetails& details = *read->front().mail;
  std::string names;
  for (const auto& [name, value] : details.headers) names += name + " ";
  EXPECT_EQ(names, "date list-id authentication-results ");
  ASSERT_EQ(details.links.size(), 1U);
  EXPECT_EQ(details.links[0].text, "www.example.org");
  EXPECT_EQ(details.links[0].target, "https://evil.example/x");
  ASSERT_EQ(details.invitations.size(), 1U);
  EXPECT_EQ(details.invitations[0].title, "Visit");
  EXPECT_EQ(details.invitations[0].place, "Room 2");
  EXPECT_FALSE(details.invitations[0].cancelled);
  EXPECT_EQ(details.invitations[0].method, "REQUEST");
  EXPECT_NE(details.invitations[0].object.find("SUMMARY:Visit"), std::string::npos);
  ASSERT_EQ(details.attachments.size(), 1U);
  EXPECT_EQ(details.attachments[0].name, "a.pdf");
}

}  // namespace
}  // namespace lar::readers
