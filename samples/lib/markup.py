"""The light markup in which mails and documents are written in source/, and its way to HTML.

Lines: "# heading", "## heading", "* item", "| cell | cell |", "[text](address)" inside a line.
Blocks: a list of (kind, value) with kind in heading1, heading2, item, table, paragraph, page.
"""

import html
import re

from . import mime


def blocks(text):
    result, paragraph, table = [], [], []

    def flush():
        nonlocal paragraph, table
        if paragraph:
            result.append(("paragraph", " ".join(paragraph)))
        if table:
            result.append(("table", table))
        paragraph, table = [], []

    for line in text.split("\n"):
        line = line.rstrip()
        if line.startswith("|"):
            if paragraph:
                flush()
            table.append([cell.strip() for cell in line.strip("|").split("|")])
            continue
        if table:
            flush()
        if not line:
            flush()
        elif line == "---page---":
            flush()
            result.append(("page", ""))
        elif line.startswith("## "):
            flush()
            result.append(("heading2", line[3:]))
        elif line.startswith("# "):
            flush()
            result.append(("heading1", line[2:]))
        elif line.startswith("* "):
            flush()
            result.append(("item", line[2:]))
        else:
            paragraph.append(line)
    flush()
    return result


def inline(text):
    text = html.escape(text, quote=False)
    return re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r'<a href="\2">\1</a>', text)


def plain(text):
    return re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r"\1 <\2>", text)


def simple_html(text):
    """The HTML half of a mail written by a person in an ordinary mail program."""
    out = []
    for paragraph in text.split("\n\n"):
        lines = [inline(line) for line in paragraph.split("\n")]
        out.append("<div>" + "<br>\n".join(lines) + "</div>\n<div><br></div>")
    return '<html><head></head><body style="font-family:Calibri,sans-serif">\n' + "\n".join(out) + "\n</body></html>\n"


def newsletter_html(text, seed, sender, language):
    """The HTML of bulk mail: nested tables, styles, trackers, hidden preview text, footers."""
    spanish = language == "es"
    key = mime.digest("newsletter", seed)
    host = "click." + sender.split("@")[-1]

    def track(match):
        return '<a href="https://%s/c/%s?u=%s&amp;r=%s" style="color:#1a6b8f;text-decoration:underline" target="_blank">%s</a>' % (
            host, key[:12], key[12:28], mime.digest(match.group(2))[:20], match.group(1))

    def cell(value):
        value = html.escape(value, quote=False)
        return re.sub(r"\[([^\]]+)\]\(([^)]+)\)", track, value)

    rows = []
    for kind, value in blocks(text):
        if kind in ("heading1", "heading2"):
            rows.append('<h%s style="margin:0;font-size:%spx;line-height:1.3">%s</h%s>' % (
                kind[-1], "24" if kind[-1] == "1" else "18", cell(value), kind[-1]))
        elif kind == "item":
            rows.append('<p style="margin:0 0 0 12px">&bull;&nbsp;%s</p>' % cell(value))
        elif kind == "table":
            body = "".join("<tr>" + "".join('<td style="padding:4px 8px;border-bottom:1px solid #ddd">%s</td>' % cell(c)
                                            for c in row) + "</tr>" for row in value)
            rows.append('<table role="presentation" cellpadding="0" cellspacing="0" width="100%">' + body + "</table>")
        elif kind == "paragraph":
            rows.append('<p style="margin:0 0 14px 0">%s</p>' % cell(value))
    frame = "\n".join(
        '<tr><td align="left" class="c%s" style="padding:8px 24px;font-family:Arial,Helvetica,sans-serif;font-size:15px;color:#333333">\n'
        '<!--[if mso]><table><tr><td><![endif]-->%s<!--[if mso]></td></tr></table><![endif]--></td></tr>' % (key[i % 40:i % 40 + 4], row)
        for i, row in enumerate(rows))
    preview = "&#847;&zwnj;&nbsp;" * 24
    footer = ("Recibes este correo porque te registraste en nuestra web. Si no quieres recibir m&aacute;s, "
              if spanish else "You receive this e-mail because you signed up on our site. If you no longer want it, ")
    leave = "date de baja" if spanish else "unsubscribe"
    online = "Ver en el navegador" if spanish else "View in browser"
    return (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"/>\n'
        "<style type=\"text/css\">body{margin:0;padding:0;background:#f4f4f4}.wrap{width:600px}@media only screen and (max-width:600px){.wrap{width:100%%!important}.hide{display:none!important}}a{color:#1a6b8f}</style></head>\n"
        '<body><div style="display:none;max-height:0;overflow:hidden;mso-hide:all">%s</div>\n'
        '<center><table role="presentation" class="wrap" width="600" cellpadding="0" cellspacing="0" bgcolor="#ffffff">\n'
        '<tr><td align="right" style="font-size:11px;padding:4px 24px"><a href="https://%s/v/%s">%s</a></td></tr>\n'
        "%s\n"
        '<tr><td style="padding:16px 24px;font-size:11px;color:#888888">%s<a href="https://%s/u/%s">%s</a>.<br/>&copy; %s</td></tr>\n'
        '</table></center><img src="https://%s/o/%s.gif" width="1" height="1" alt="" style="display:block"/></body></html>\n'
    ) % (preview, host, key[:16], online, frame, footer, host, key[16:32], leave, sender.split("@")[-1], host, key[32:52])


def page_html(text, title, language):
    """A saved web page: navigation and footer around the article."""
    out = []
    for kind, value in blocks(text):
        if kind == "heading1":
            out.append("<h1>%s</h1>" % inline(value))
        elif kind == "heading2":
            out.append("<h2>%s</h2>" % inline(value))
        elif kind == "item":
            out.append("<ul><li>%s</li></ul>" % inline(value))
        elif kind == "table":
            out.append("<table>" + "".join("<tr>" + "".join("<td>%s</td>" % inline(c) for c in row) + "</tr>"
                                           for row in value) + "</table>")
        elif kind == "paragraph":
            out.append("<p>%s</p>" % inline(value))
    if language == "es":
        menu, foot = ["Inicio", "Secciones", "Contacto", "Suscríbete"], "Aviso legal · Política de cookies"
    else:
        menu, foot = ["Home", "Sections", "Contact", "Subscribe"], "Legal notice · Cookie policy"
    return (
        "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"><title>%s</title>\n"
        "<style>nav li{display:inline}</style><script>window.dataLayer=[];</script></head>\n<body>\n<nav><ul>%s</ul></nav>\n"
        "<main><article>\n%s\n</article></main>\n<aside><p>%s</p></aside>\n<footer><p>%s</p></footer>\n</body></html>\n"
    ) % (language, html.escape(title), "".join('<li><a href="/%d">%s</a></li>' % (i, m) for i, m in enumerate(menu)),
         "\n".join(out), "Te puede interesar" if language == "es" else "You may also like", foot)
