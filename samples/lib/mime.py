"""A small MIME writer (RFC 5322, 2045-2047, 2231).

The standard library has one too, but its folding and choice of encodings change between Python
versions; the sample mails have to come out byte for byte the same everywhere.
"""

import base64
import hashlib
import quopri
import textwrap


def digest(*parts):
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def encoded_words(text, charset="utf-8", style="B"):
    """A header value; text that is not ASCII becomes RFC 2047 encoded words."""
    if all(ord(char) < 128 for char in text):
        return text
    words, chunk = [], ""
    for char in text + "\x00":
        if char == "\x00" or len((chunk + char).encode(charset, "replace")) > (40 if style == "B" else 18):
            data = chunk.encode(charset, "replace")
            if style == "B":
                words.append("=?%s?B?%s?=" % (charset, base64.b64encode(data).decode()))
            else:
                body = "".join(chr(b) if chr(b).isalnum() and b < 128 else "_" if b == 32 else "=%02X" % b
                               for b in data)
                words.append("=?%s?Q?%s?=" % (charset, body))
            chunk = ""
        chunk += char
    return "\n ".join(words)


def address(name, mail, charset="utf-8", style="B"):
    if not name:
        return mail
    if any(ord(char) >= 128 for char in name):
        return "%s <%s>" % (encoded_words(name, charset, style), mail)
    if any(char in ',.:;()"@' for char in name):
        return '"%s" <%s>' % (name.replace('"', '\\"'), mail)
    return "%s <%s>" % (name, mail)


def encode_text(text, charset, transfer):
    """Returns (charset, transfer encoding, bytes); falls back where the charset cannot hold the text."""
    if all(ord(char) < 128 for char in text) and transfer in ("8bit", "7bit"):
        return "us-ascii", "7bit", text.encode()
    for candidate in (charset, "windows-1252", "utf-8"):
        try:
            data = text.encode(candidate)
            charset = candidate
            break
        except UnicodeEncodeError:
            continue
    if transfer == "base64":
        return charset, transfer, base64_lines(data)
    if transfer in ("8bit", "7bit"):
        return charset, "8bit", data
    return charset, "quoted-printable", quopri.encodestring(data)


def base64_lines(data):
    text = base64.b64encode(data).decode()
    return ("\n".join(text[i:i + 76] for i in range(0, len(text), 76)) + "\n").encode()


def part(content_type, transfer, data, extra=()):
    head = ["Content-Type: " + content_type, "Content-Transfer-Encoding: " + transfer]
    head += list(extra)
    if not data.endswith(b"\n"):
        data += b"\n"
    return ("\n".join(head) + "\n\n").encode() + data


def text_part(text, subtype, charset, transfer):
    charset, transfer, data = encode_text(text, charset, transfer)
    return part("text/%s; charset=%s" % (subtype, charset), transfer, data)


def flowed_part(text, charset, transfer):
    """format=flowed (RFC 3676): soft line breaks end in a space, other lines do not."""
    lines = []
    for line in text.split("\n"):
        pieces = textwrap.wrap(line, 71, break_long_words=False, break_on_hyphens=False) if len(line) > 72 else [
            line if line == "-- " else line.rstrip()]
        lines += [piece + " " for piece in pieces[:-1]] + pieces[-1:]
    charset, transfer, data = encode_text("\n".join(lines), charset, transfer)
    return part("text/plain; charset=%s; format=flowed" % charset, transfer, data)


def inline_image(content_id):
    """A one-pixel GIF, as the logos and trackers of real mail."""
    pixel = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
    return part("image/gif; name=\"logo.gif\"", "base64", base64_lines(pixel),
                ["Content-ID: <%s>" % content_id, "Content-Disposition: inline; filename=\"logo.gif\""])


def enclosed(message):
    return b"Content-Type: message/rfc822\nContent-Disposition: attachment\n\n" + message


def attachment(name, content_type, data):
    if all(ord(char) < 128 for char in name):
        label = '="%s"' % name
    else:
        quoted = "".join(c if c.isascii() and (c.isalnum() or c in "-._") else
                         "".join("%%%02X" % b for b in c.encode()) for c in name)
        label = "*=utf-8''" + quoted
    return part("%s;\n name%s" % (content_type, label), "base64", base64_lines(data),
                ["Content-Disposition: attachment;\n filename%s" % label])


def multipart(kind, seed, parts, declared_boundary=None):
    boundary = "=_" + digest("boundary", kind, seed)[:24]
    body = b""
    for one in parts:
        body += ("--%s\n" % boundary).encode() + one
    body += ("--%s--\n" % boundary).encode()
    return part('multipart/%s;\n boundary="%s"' % (kind, declared_boundary or boundary), "7bit", body)


def wrap(text, width=72):
    lines = []
    for line in text.split("\n"):
        if len(line) <= width or line.startswith((">", "|", "  ")) or "http" in line:
            lines.append(line)
        else:
            lines += textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)
