// Documents and passages: order, structure, and files that are broken or hostile. Inputs are made
// here.
#include <gtest/gtest.h>
#include <zip.h>

#include <algorithm>

#include "base/text.h"
#include "readers/building.h"
#include "readers/reader.h"

#if defined(__SANITIZE_ADDRESS__)
// fontconfig keeps its configuration until the end.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libfontconfig"; }
#endif

namespace lar::readers {
namespace {

using domain::Item;
using domain::SegmentKind;
using domain::TextPart;

base::Result<std::vector<Item>> try_read(std::string_view bytes, const std::string& name) {
  Input input;
  input.bytes = bytes;
  input.name = name;
  input.path = "folder/" + name;
  return find_reader(input)->read(input);
}

Item read_one(std::string_view bytes, const std::string& name) {
  auto items = try_read(bytes, name);
  if (!items) {
    ADD_FAILURE() << items.error().describe();
    return {};
  }
  return std::move(items->front());
}

std::string kinds(const TextPart& part) {
  std::string text;
  for (const domain::Segment& segment : part.segments) {
    text += std::string(domain::name_of(segment.kind)) + ":" +
            part.text.substr(segment.begin, segment.end - segment.begin) + "\n";
  }
  return text;
}

// ---- passages ----------------------------------------------------------------------------------

TextPart plain(const std::string& text) {
  TextPart part;
  part.id = "1";
  part.text = text;
  part.segments = plain_segments(part.text);
  return part;
}

TEST(Passages, every_byte_of_text_is_in_exactly_one_passage_of_fitting_size) {
  std::string text;
  for (int paragraph = 0; paragraph < 40; ++paragraph) {
    for (int sentence = 0; sentence < paragraph % 9 + 1; ++sentence) {
      text += "La frase número " + std::to_string(sentence) + " del párrafo " +
              std::to_string(paragraph) +
              " habla del Sr. Gómez, que vive en la C/ Mayor, núm. 3, desde enero. ";
    }
    text += "\n\n";
  }
  const TextPart part = plain(text);
  const auto passages = make_passages({part});
  ASSERT_GT(passages.size(), 5U);
  size_t covered = 0;
  size_t last = 0;
  for (const auto& passage : passages) {
    EXPECT_GE(passage.locator.begin, last);
    EXPECT_EQ(base::trim(part.text.substr(last, passage.locator.begin - last)), "");
    EXPECT_LE(passage.text.size(), 1250U);
    EXPECT_EQ(passage.text, part.text.substr(passage.locator.begin, passage.text.size()));
    EXPECT_EQ(passage.text.substr(0, 8), "La frase") << passage.text.substr(0, 40);
    EXPECT_EQ(passage.text.substr(passage.text.size() - 6), "enero.");
    last = passage.locator.end;
    covered += passage.text.size();
  }
  EXPECT_EQ(base::trim(part.text.substr(last)), "");
  EXPECT_GT(covered / passages.size(), 400U);
}

TEST(Passages, text_without_any_break_is_cut_at_characters) {
  std::string text;
  for (int index = 0; index < 5000; ++index) text += "ñ";
  for (const auto& passage : make_passages({plain(text)})) {
    EXPECT_LE(passage.text.size(), 1100U);
    EXPECT_TRUE(base::is_valid_utf8(passage.text));
  }
}

TEST(Passages, a_heading_goes_with_what_follows) {
  PartBuilder builder;
  builder.add(SegmentKind::text, std::string(500, 'a') + ".");
  builder.add(SegmentKind::heading, "Precios");
  builder.add_table({{"Trabajo", "Precio"}, {"Logotipo", "950 €"}}, SegmentKind::table);
  const auto passages = make_passages({builder.finish()});
  ASSERT_EQ(passages.size(), 2U);
  EXPECT_TRUE(passages[1].text.starts_with("Precios\n"));
  EXPECT_EQ(passages[1].kind, SegmentKind::table);
}

TEST(Passages, pages_kinds_and_parts_do_not_mix) {
  PartBuilder builder;
  builder.add(SegmentKind::text, "uno", 1);
  builder.add(SegmentKind::text, "dos", 2);
  builder.add(SegmentKind::quoted, "tres", 2);
  builder.add(SegmentKind::signature, "cuatro", 2);
  TextPart first = builder.finish();
  TextPart second = plain("cinco");
  second.id = "2";
  EXPECT_EQ(make_passages({first, second}).size(), 5U);
}

TEST(Passages, a_long_table_repeats_its_header_row) {
  std::vector<std::vector<std::string>> rows = {{"Fecha", "Importe"}};
  for (int row = 0; row < 200; ++row)
    rows.push_back({"2026-01-" + std::to_string(row), "412,60 €"});
  PartBuilder builder;
  builder.add_table(rows, SegmentKind::table);
  for (const auto& passage : make_passages({builder.finish()})) {
    EXPECT_TRUE(passage.text.starts_with("Fecha | Importe\n"));
  }
}

// ---- text, Markdown, HTML ----------------------------------------------------------------------

TEST(Text, lines_are_counted_and_latin1_is_recognised) {
  const Item item =
      read_one("Notas del coche\n\nLa revisi\xf3n es en oto\xf1o.\n- uno\n- dos\n", "a.txt");
  EXPECT_EQ(item.title, "Notas del coche");
  EXPECT_EQ(item.external_id, "folder/a.txt");
  ASSERT_GE(item.parts[0].segments.size(), 3U);
  EXPECT_EQ(item.parts[0].segments[1].line, 3);
  EXPECT_NE(item.parts[0].text.find("revisión es en otoño"), std::string::npos);
  EXPECT_EQ(item.parts[0].segments[2].kind, SegmentKind::list);
}

TEST(Markdown, structure_links_and_lines_are_kept) {
  const Item item = read_one(
      "---\ntitle: \"Mi título\"\n---\n# Cabecera\n\nVer [la web](https://example.org/x).\n\n"
      "1. uno\n2. dos\n\n| a | b |\n|---|---|\n| 1 | &amp; |\n\n> cita\n",
      "a.md");
  EXPECT_EQ(item.title, "Mi título");
  const std::string all = kinds(item.parts[0]);
  EXPECT_NE(all.find("heading:Cabecera\n"), std::string::npos) << all;
  EXPECT_NE(all.find("text:Ver la web (https://example.org/x).\n"), std::string::npos) << all;
  EXPECT_NE(all.find("list:2. dos\n"), std::string::npos) << all;
  EXPECT_NE(all.find("table:a | b\n1 | &\n"), std::string::npos) << all;
  EXPECT_NE(all.find("quoted:cita\n"), std::string::npos) << all;
  const auto heading = std::find_if(item.parts[0].segments.begin(), item.parts[0].segments.end(),
                                    [](const auto& s) { return s.kind == SegmentKind::heading; });
  EXPECT_EQ(heading->line, 4);
}

TEST(Html, main_text_is_told_from_navigation_and_hidden_text) {
  const Item item = read_one(
      "<html><head><title>La página</title><style>p{}</style></head><body><nav>Inicio Menú</nav>"
      "<main><h1>Cabecera</h1><p>Un p&aacute;rrafo con <a "
      "href='https://example.org/a?utm=1'>enlace</a>.</p>"
      "<p hidden>oculto uno</p><p style='display: none'>oculto dos</p><p "
      "style='font-size:0px'>oculto tres</p>"
      "<p style='font-size:0.9em'>visible</p><ul><li>a</li><li>b</li></ul></main>"
      "<footer>Pie de página</footer><script>alert(1)</script></body></html>",
      "a.html");
  EXPECT_EQ(item.title, "La página");
  const std::string all = kinds(item.parts[0]);
  EXPECT_NE(all.find("boilerplate:Inicio Menú"), std::string::npos) << all;
  EXPECT_NE(all.find("text:Un párrafo con enlace (https://example.org/a?utm=1)."),
            std::string::npos)
      << all;
  EXPECT_NE(all.find("text:visible"), std::string::npos) << all;
  EXPECT_NE(all.find("list:- a\nlist:- b"), std::string::npos) << all;
  EXPECT_NE(all.find("boilerplate:Pie de página"), std::string::npos) << all;
  EXPECT_EQ(all.find("oculto"), std::string::npos) << all;
  EXPECT_EQ(all.find("alert"), std::string::npos) << all;
}

TEST(Html, rows_of_layout_tables_stay_together_and_blocks_stay_apart) {
  const Item item = read_one(
      "<table><tr><td><table><tr><td>Total</td><td>412,60 €</td></tr><tr><td>IVA</td><td>71,61 "
      "€</td></tr></table>"
      "</td></tr><tr><td><p>Un párrafo.</p><p>Otro.</p></td></tr></table>",
      "a.html");
  EXPECT_EQ(kinds(item.parts[0]),
            "table:Total | 412,60 €\nIVA | 71,61 €\ntext:Un párrafo.\ntext:Otro.\n");
}

TEST(Html, broken_and_deep_pages_are_read_as_far_as_they_go) {
  EXPECT_NE(read_one("<p>uno<div>dos</p></b></table><td>tres", "a.html").parts[0].text.find("tres"),
            std::string::npos);
  std::string deep;
  for (int depth = 0; depth < 100'000; ++depth) deep += "<b><i>";
  EXPECT_NE(read_one(deep + "fondo", "a.html").parts[0].text.size(), 9999U);
  EXPECT_TRUE(read_one("", "a.html").parts[0].text.empty());
  EXPECT_TRUE(read_one(std::string("\0\xff\xfe<", 4), "a.html").passages.size() <= 1);
}

// ---- DOCX --------------------------------------------------------------------------------------

// A zip archive in memory.
std::string archive(const std::vector<std::pair<std::string, std::string>>& files) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(nullptr, 0, 0, &error);
  zip_source_keep(source);
  zip_t* zip = zip_open_from_source(source, ZIP_TRUNCATE, &error);
  for (const auto& [name, bytes] : files) {
    zip_source_t* entry = zip_source_buffer(zip, bytes.data(), bytes.size(), 0);
    zip_file_add(zip, name.c_str(), entry, ZIP_FL_OVERWRITE);
  }
  zip_close(zip);
  zip_source_open(source);
  zip_source_seek(source, 0, SEEK_END);
  const auto size = zip_source_tell(source);
  zip_source_seek(source, 0, SEEK_SET);
  std::string bytes(static_cast<size_t>(size), '\0');
  zip_source_read(source, bytes.data(), bytes.size());
  zip_source_close(source);
  zip_source_free(source);
  return bytes;
}

std::string word(const std::string& body) {
  return "<?xml version=\"1.0\"?><w:document xmlns:w=\"w\" xmlns:r=\"r\"><w:body>" + body +
         "</w:body></w:document>";
}

std::string paragraph(const std::string& text, const std::string& properties = "") {
  return "<w:p><w:pPr>" + properties + "</w:pPr><w:r><w:t>" + text + "</w:t></w:r></w:p>";
}

TEST(Docx, paragraphs_headings_lists_tables_and_links_are_read) {
  const Item item = read_one(
      archive({{"word/styles.xml",
                "<w:styles xmlns:w=\"w\"><w:style w:styleId=\"Ttulo1\"><w:name w:val=\"heading "
                "1\"/></w:style></w:styles>"},
               {"word/_rels/document.xml.rels",
                "<Relationships><Relationship Id=\"r9\" TargetMode=\"External\" "
                "Target=\"https://example.org/\"/></Relationships>"},
               {"word/header1.xml", "<w:hdr xmlns:w=\"w\">" + paragraph("Membrete") + "</w:hdr>"},
               {"docProps/core.xml",
                "<cp xmlns:dc=\"d\" "
                "xmlns:dcterms=\"t\"><dc:title>Contrato</"
                "dc:title><dcterms:modified>2026-02-16T10:00:00Z</dcterms:modified></cp>"},
               {"word/document.xml",
                word(paragraph("Objeto", "<w:pStyle w:val=\"Ttulo1\"/>") +
                     "<w:p><w:r><w:t "
                     "xml:space=\"preserve\">Dise</w:t></w:r><w:r><w:t>ño</w:t></"
                     "w:r><w:del><w:r><w:delText>viejo</w:delText></w:r></w:del>"
                     "<w:ins><w:r><w:t xml:space=\"preserve\"> "
                     "nuevo</w:t></w:r></w:ins><w:hyperlink r:id=\"r9\"><w:r><w:t "
                     "xml:space=\"preserve\"> aquí</w:t></w:r></w:hyperlink></w:p>" +
                     paragraph("uno", "<w:numPr/>") + paragraph("dos", "<w:numPr/>") +
                     "<w:tbl><w:tr><w:tc>" + paragraph("Concepto") + "</w:tc><w:tc>" +
                     paragraph("Importe") + "</w:tc></w:tr><w:tr><w:tc>" + paragraph("Diseño") +
                     "</w:tc><w:tc>" + paragraph("4.200 €") + "</w:tc></w:tr></w:tbl>")}}),
      "a.docx");
  EXPECT_EQ(item.title, "Contrato");
  EXPECT_EQ(domain::format(*item.when), "2026-02-16T10:00:00+00:00");
  EXPECT_EQ(kinds(item.parts[0]),
            "boilerplate:Membrete\nheading:Objeto\ntext:Diseño nuevo aquí (https://example.org/)\n"
            "list:- uno\nlist:- dos\ntable:Concepto | Importe\nDiseño | 4.200 €\n");
}

TEST(Docx, damaged_files_are_said_to_be_so) {
  const std::string good =
      archive({{"word/document.xml", word(paragraph(std::string(5000, 'x')))}});
  for (const std::string& bytes :
       {std::string("PK\x03\x04 nothing"), good.substr(0, good.size() / 2),
        archive({{"other.xml", "<a/>"}}), archive({{"word/document.xml", "not xml"}})}) {
    const auto items = try_read(bytes, "a.docx");
    ASSERT_FALSE(items);
    EXPECT_EQ(items.error().describe(), "docx.corrupt{name=a.docx}");
  }
  const auto locked = try_read("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "a.docx");
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().code, "docx.encrypted");
}

TEST(Docx, what_can_be_read_of_broken_xml_is_kept_with_a_notice) {
  const Item item =
      read_one(archive({{"word/document.xml", "<w:document xmlns:w=\"w\"><w:body>" +
                                                  paragraph("Entero") + "<w:p><w:r><w:t>Cort"}}),
               "a.docx");
  EXPECT_NE(item.parts[0].text.find("Entero"), std::string::npos);
  ASSERT_FALSE(item.notices.empty());
  EXPECT_EQ(item.notices[0].code, "docx.damaged");
}

TEST(Docx, a_zip_bomb_is_refused) {
  const auto items =
      try_read(archive({{"word/document.xml", std::string(70u << 20, ' ')}}), "a.docx");
  ASSERT_FALSE(items);
  EXPECT_EQ(items.error().describe(), "reading.too_large{name=a.docx}");
}

TEST(Docx, absurd_nesting_ends) {
  std::string body;
  for (int depth = 0; depth < 3000; ++depth) body += "<w:tbl><w:tr><w:tc>";
  EXPECT_LE(read_one(archive({{"word/document.xml", word(body + paragraph("x"))}}), "a.docx")
                .passages.size(),
            1U);
}

// ---- PDF ---------------------------------------------------------------------------------------

// A PDF of the given page contents; `extra` goes into the trailer.
std::string pdf(const std::vector<std::string>& pages, const std::string& extra = "",
                const std::string& extra_object = "") {
  std::vector<std::string> objects;
  std::string kids;
  for (size_t page = 0; page < pages.size(); ++page) kids += std::to_string(4 + 2 * page) + " 0 R ";
  objects.push_back("<< /Type /Catalog /Pages 2 0 R >>");
  objects.push_back("<< /Type /Pages /Count " + std::to_string(pages.size()) + " /Kids [" + kids +
                    "] >>");
  objects.push_back(
      "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>");
  for (size_t page = 0; page < pages.size(); ++page) {
    objects.push_back(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> "
        ">> /Contents " +
        std::to_string(5 + 2 * page) + " 0 R >>");
    objects.push_back("<< /Length " + std::to_string(pages[page].size()) + " >>\nstream\n" +
                      pages[page] + "\nendstream");
  }
  if (!extra_object.empty()) objects.push_back(extra_object);
  std::string bytes = "%PDF-1.4\n";
  std::string table = "0000000000 65535 f \n";
  for (size_t index = 0; index < objects.size(); ++index) {
    char entry[24];
    std::snprintf(entry, sizeof entry, "%010zu 00000 n \n", bytes.size());
    table += entry;
    bytes += std::to_string(index + 1) + " 0 obj\n" + objects[index] + "\nendobj\n";
  }
  const size_t start = bytes.size();
  bytes += "xref\n0 " + std::to_string(objects.size() + 1) + "\n" + table +
           "trailer\n<< /Root 1 0 R /Size " + std::to_string(objects.size() + 1) + " " + extra +
           " >>\nstartxref\n" + std::to_string(start) + "\n%%EOF\n";
  return bytes;
}

std::string show(double x, double y, const std::string& text, double size = 10) {
  return "BT /F " + std::to_string(size) + " Tf " + std::to_string(x) + " " + std::to_string(y) +
         " Td (" + text + ") Tj ET\n";
}

TEST(Pdf, text_comes_with_pages_and_boxes_from_the_top) {
  const Item item =
      read_one(pdf({show(60, 780, "Contrato", 18) + show(60, 750, "La renta es de 1.080 euros."),
                    show(60, 700, "La fianza, una mensualidad m\\341s.")}),
               "a.pdf");
  EXPECT_EQ(item.title, "Contrato");
  const auto& segments = item.parts[0].segments;
  ASSERT_EQ(segments.size(), 3U);
  EXPECT_EQ(segments[0].kind, SegmentKind::heading);
  EXPECT_EQ(segments[1].page, 1);
  EXPECT_EQ(segments[2].page, 2);
  EXPECT_NEAR(segments[1].box->y1, 842 - 750, 4);
  EXPECT_NEAR(segments[1].box->x0, 60, 1);
  EXPECT_NE(item.parts[0].text.find("mensualidad más."), std::string::npos);
}

TEST(Pdf, rows_of_a_table_stay_together) {
  std::string page = show(60, 780, "Factura de mayo, con los conceptos siguientes.");
  const char* rows[3][2] = {
      {"Concepto", "Importe"}, {"Consumo de luz", "54,20"}, {"Total con IVA", "66,40"}};
  for (int row = 0; row < 3; ++row) {
    page += show(60, 740 - 18 * row, rows[row][0]) + show(400, 740 - 18 * row, rows[row][1]);
  }
  EXPECT_NE(read_one(pdf({page}), "a.pdf")
                .parts[0]
                .text.find("Concepto | Importe\nConsumo de luz | 54,20\nTotal con IVA | 66,40"),
            std::string::npos);
}

TEST(Pdf, columns_of_prose_do_not_mix) {
  std::string page;
  for (int line = 0; line < 12; ++line) {
    const std::string number = std::to_string(line + 10);
    page += show(60, 780 - 13 * line, "izquierda linea " + number + " que va llenando la columna");
    page += show(320, 780 - 13 * line, "derecha linea " + number + " que va llenando la otra mas");
  }
  const std::string text = read_one(pdf({page}), "a.pdf").parts[0].text;
  EXPECT_LT(text.find("izquierda linea 21"), text.find("derecha linea 10")) << text;
}

TEST(Pdf, a_picture_of_a_page_is_recognised_and_a_blank_one_is_not) {
  const Item item =
      read_one(pdf({show(60, 700, "texto"), "0.2 g 100 100 300 500 re f\n", ""}), "a.pdf");
  ASSERT_EQ(item.notices.size(), 1U);
  EXPECT_EQ(item.notices[0].code, "pdf.scanned_page");
  EXPECT_EQ(item.notices[0].parameters[1].second, "2");
}

// A picture of `edge` by `edge` squares of grey, spread over the given box.
std::string picture(int x, int y, int width, int height, int edge) {
  std::string pixels;
  unsigned state = 7;
  for (int index = 0; index < edge * edge; ++index) {
    state = state * 1'103'515'245U + 12'345U;
    char hexadecimal[3];
    std::snprintf(hexadecimal, sizeof hexadecimal, "%02x", (state >> 16U) % 2 == 0 ? 0xF4U : 0x28U);
    pixels += hexadecimal;
  }
  return "q " + std::to_string(width) + " 0 0 " + std::to_string(height) + " " + std::to_string(x) +
         " " + std::to_string(y) + " cm BI /W " + std::to_string(edge) + " /H " +
         std::to_string(edge) + " /CS /G /BPC 8 /F /AHx ID " + pixels + "> EI Q\n";
}

TEST(Pdf, a_scan_with_a_stamp_on_it_is_said_to_be_one_and_keeps_the_stamp) {
  const std::string scan = picture(0, 0, 595, 842, 60);
  std::string searchable = scan;  // what a program that reads scans lays over them
  for (int line = 0; line < 12; ++line) {
    searchable += show(60, 780 - 20 * line, "Una linea de texto sobre la imagen de la hoja");
  }
  const Item item =
      read_one(pdf({scan + show(60, 20, "ENTRADA 4471"), searchable,
                    picture(60, 700, 90, 60, 20) + show(60, 650, "Carta con membrete"),
                    "0.1 0.2 0.5 rg 0 0 595 842 re f 1 g " + show(60, 400, "Diapositiva", 40),
                    "1 g 0 0 595 842 re f 0 g " + show(60, 400, "Portada", 40), scan,
                    "1 g 0 0 595 842 re f\n"}),
               "a.pdf");
  std::vector<std::string> notices;
  for (const auto& notice : item.notices) {
    notices.push_back(notice.code + " " + notice.parameters[1].second);
  }
  EXPECT_EQ(notices, (std::vector<std::string>{"pdf.scanned_page 6", "pdf.mostly_scanned_page 1"}));
  EXPECT_NE(item.parts[0].text.find("ENTRADA 4471"), std::string::npos);
}

TEST(Pdf, an_encrypted_file_is_said_to_be_so) {
  const std::string secret(32, 'Z');
  const auto items = try_read(
      pdf({show(60, 700, "texto")}, "/Encrypt 6 0 R /ID [(0123456789abcdef) (0123456789abcdef)]",
          "<< /Filter /Standard /V 1 /R 2 /P -44 /O (" + secret + ") /U (" + secret + ") >>"),
      "a.pdf");
  ASSERT_FALSE(items);
  EXPECT_EQ(items.error().describe(), "pdf.encrypted{name=a.pdf}");
}

TEST(Pdf, damaged_files_are_said_to_be_so) {
  const std::string good = pdf({show(60, 700, "texto")});
  for (const std::string& bytes :
       {std::string("%PDF-1.4\nnothing"), std::string("%PDF-"), good.substr(0, 60)}) {
    const auto items = try_read(bytes, "a.pdf");
    ASSERT_FALSE(items);
    EXPECT_EQ(items.error().describe(), "pdf.corrupt{name=a.pdf}");
  }
}

TEST(Registry, type_wins_over_name_and_bytes_decide_last) {
  const auto name_of = [](const std::string& type, const std::string& name,
                          std::string_view bytes) {
    Input input;
    input.media_type = type;
    input.name = name;
    input.bytes = bytes;
    const Reader* reader = find_reader(input);
    return reader == nullptr ? std::string("none") : std::string(reader->name);
  };
  EXPECT_EQ(name_of("message/rfc822", "a.txt", ""), "mime");
  EXPECT_EQ(name_of("", "A.PDF", ""), "pdf");
  EXPECT_EQ(name_of("application/octet-stream", "a.docx", ""), "docx");
  EXPECT_EQ(name_of("text/plain", "a.md", ""), "markdown");
  EXPECT_EQ(name_of("", "noname", "%PDF-1.4"), "pdf");
  EXPECT_EQ(name_of("", "x", "BEGIN:VCARD\n"), "vcard");
  EXPECT_EQ(name_of("image/png", "a.png", "\x89PNG"), "none");
}

}  // namespace
}  // namespace lar::readers
