"""A minimal PDF 1.4 writer (ISO 32000-1): Helvetica with WinAnsi encoding, pages, tables, one scan.

No compression library is used, because its output differs between versions: streams are plain, or
"stored" deflate blocks (valid FlateDecode), or run-length encoded for the scanned image.
"""

import struct
import textwrap
import zlib

from . import font, markup

PAGE_WIDTH, PAGE_HEIGHT, MARGIN = 595, 842, 62


def _literal(text):
    out = []
    for byte in text.encode("cp1252", "replace"):
        char = chr(byte)
        out.append("\\" + char if char in "()\\" else char if 32 <= byte < 127 else "\\%03o" % byte)
    return "(" + "".join(out) + ")"


def _stored_deflate(data):
    out, position = b"\x78\x01", 0
    while True:
        chunk = data[position:position + 65535]
        position += len(chunk)
        last = 1 if position >= len(data) else 0
        out += struct.pack("<BHH", last, len(chunk), 0xFFFF - len(chunk)) + chunk
        if last:
            return out + struct.pack(">I", zlib.adler32(data))


def _run_length(data):
    out, i = bytearray(), 0
    while i < len(data):
        run = 1
        while i + run < len(data) and run < 128 and data[i + run] == data[i]:
            run += 1
        if run > 1:
            out += bytes([257 - run, data[i]])
            i += run
            continue
        start = i
        while i < len(data) and i - start < 128 and not (i + 1 < len(data) and data[i + 1] == data[i]):
            i += 1
        out += bytes([i - start - 1]) + data[start:i]
    return bytes(out) + b"\x80"


def _layout(text):
    """Pages of drawing commands: (x, y, font name, size, text)."""
    pages, lines, y = [], [], PAGE_HEIGHT - MARGIN

    def new_page():
        nonlocal lines, y
        pages.append(lines)
        lines, y = [], PAGE_HEIGHT - MARGIN

    def put(x, name, size, value, lead):
        nonlocal y
        if y - lead < MARGIN:
            new_page()
        y -= lead
        lines.append((x, y, name, size, value))

    for kind, value in markup.blocks(text):
        if kind == "page":
            new_page()
        elif kind == "heading1":
            for line in textwrap.wrap(value, 52):
                put(MARGIN, "F2", 16, line, 22)
            y -= 6
        elif kind == "heading2":
            y -= 6
            put(MARGIN, "F2", 12, value, 16)
            y -= 2
        elif kind == "item":
            for i, line in enumerate(textwrap.wrap(value, 84)):
                if i == 0:
                    put(MARGIN + 8, "F1", 10.5, "\u2022", 14)
                    lines.append((MARGIN + 20, y, "F1", 10.5, line))
                else:
                    put(MARGIN + 20, "F1", 10.5, line, 14)
        elif kind == "table":
            columns = max(len(row) for row in value)
            width = (PAGE_WIDTH - 2 * MARGIN) / columns
            for number, row in enumerate(value):
                cells = [textwrap.wrap(c, max(8, int(width / 5.4))) or [""] for c in row]
                for i in range(max(len(c) for c in cells)):
                    if y - 14 < MARGIN:
                        new_page()
                    y -= 14
                    for column, c in enumerate(cells):
                        if i < len(c):
                            lines.append((MARGIN + column * width, y, "F2" if number == 0 else "F1", 9.5, c[i]))
            y -= 8
        else:
            for line in textwrap.wrap(value, 88):
                put(MARGIN, "F1", 10.5, line, 14)
            y -= 6
    pages.append(lines)
    return pages


def _scan_image(lines):
    """A bilevel picture of typed lines, slightly shifted row by row as a scanner does."""
    width, height, scale = 1240, 1754, 4
    rows = [bytearray(b"\xff" * (width // 8)) for _ in range(height)]
    for number, line in enumerate(lines):
        top, left = 150 + number * 56, 120 + (number % 3)
        for column, char in enumerate(line):
            glyph = font.GLYPHS.get(char, font.GLYPHS[" "])
            for gy, bits in enumerate(glyph):
                for gx, bit in enumerate(bits):
                    if bit != "#":
                        continue
                    for dy in range(scale):
                        for dx in range(scale):
                            x, y = left + (column * 6 + gx) * scale + dx, top + gy * scale + dy
                            if x < width and y < height:
                                rows[y][x // 8] &= ~(0x80 >> (x % 8)) & 0xFF
    return width, height, b"".join(bytes(row) for row in rows)


def write(text, title, flate=False, scanned=False):
    objects = []

    def add(data):
        objects.append(data if isinstance(data, bytes) else data.encode("latin-1"))
        return len(objects)

    def stream(entries, data, deflate=False):
        if deflate:
            data, entries = _stored_deflate(data), entries + " /Filter /FlateDecode"
        return ("<< %s /Length %d >>\nstream\n" % (entries, len(data))).encode() + data + b"\nendstream"

    add("<< /Type /Catalog /Pages 2 0 R >>")
    add("")
    add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>")
    info = add("<< /Title %s /Producer (Aldana-Whitfield sample generator) >>" % _literal(title))
    kids = []
    if scanned:
        for page in text.strip().upper().split("---PAGE---"):
            width, height, bits = _scan_image(page.strip().split("\n"))
            image = add(stream("/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray "
                               "/BitsPerComponent 1 /Filter /RunLengthDecode" % (width, height), _run_length(bits)))
            content = add(stream("", b"q %d 0 0 %d 0 0 cm /Im0 Do Q" % (PAGE_WIDTH, PAGE_HEIGHT)))
            kids.append(add("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Resources << /XObject << /Im0 %d 0 R >> >> "
                            "/Contents %d 0 R >>" % (PAGE_WIDTH, PAGE_HEIGHT, image, content)))
    else:
        pages = _layout(text)
        for number, lines in enumerate(pages, 1):
            lines = lines + [(PAGE_WIDTH - MARGIN - 30, 34, "F1", 8, "%d / %d" % (number, len(pages)))]
            commands = "BT\n" + "".join("/%s %s Tf 1 0 0 1 %.1f %.1f Tm %s Tj\n" % (name, size, x, y, _literal(value))
                                        for x, y, name, size, value in lines) + "ET"
            content = add(stream("", commands.encode("latin-1"), flate))
            kids.append(add("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> "
                            "/Contents %d 0 R >>" % (PAGE_WIDTH, PAGE_HEIGHT, content)))
    objects[1] = ("<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), " ".join("%d 0 R" % k for k in kids))).encode()
    out, offsets = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, data in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + data + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, info, start)
    return out
