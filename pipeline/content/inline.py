"""CSS into style attributes by premailer, made safe, and checked afterwards.

With its defaults premailer drops the doctype, strips `!important` from media queries, rewrites picture widths and
fetches style sheets over the network. Here it sees only our own rules, may not touch the layout's `<style>` blocks,
and whatever it changed beyond style attributes is an error.
"""

import re
from collections.abc import Callable
from typing import Final

from lxml import html as lxml_html

from pipeline.content.types import ContentError

_STYLE = re.compile(r"(<style\b[^>]*>)(.*?)(</style>)", re.DOTALL | re.IGNORECASE)
# A tag is read to its end, because its values may hold what looks like a comment.
_TAG_OR_COMMENT = re.compile(r"""<!--.*?-->|<[A-Za-z](?:[^"'>]|"[^"]*"|'[^']*')*>""", re.DOTALL)
_COMMENT_OR_STYLE = re.compile(r"<!--.*?-->|<style(?=[\s>])", re.DOTALL)
_DOCTYPE = re.compile(r"\A\s*<!doctype html>", re.IGNORECASE)
_MARK: Final = ' data-premailer="ignore"'


def inline(html: str, css: str, *, found: Callable[[str], list[str]]) -> str:
    """Write `css`, in which `stylesheet.in_elements` finds nothing, into the elements of a compiled page.

    `found` lists the slot tokens of a text. Raises ContentError when the page came out with another doctype, comments,
    style blocks, words or slots.
    """
    page = _DOCTYPE.sub("<!DOCTYPE html>", html, count=1)
    inlined = _premailed(_COMMENT_OR_STYLE.sub(_marked, page), css).replace(_MARK, "")
    _compare(page, inlined, found=found)
    return _TAG_OR_COMMENT.sub(_without_brackets, inlined)


def _without_brackets(found: re.Match[str]) -> str:
    """Outlook looks for conditional comments even in a value, where HTML allows `<` and `>` as they are."""
    tag = found[0]
    if tag.startswith("<!--") or ("<" not in tag[1:] and ">" not in tag[:-1]):
        return tag
    return "<" + tag[1:-1].replace("<", "&lt;").replace(">", "&gt;") + ">"


def _marked(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith("<!--") else f"<style{_MARK}"


def _premailed(page: str, rules: str) -> str:
    from pipeline.content.premailed import Inliner  # half a second that most commands need not pay

    return str(Inliner(page, rules).transform(pretty_print=False))


def _compare(before: str, after: str, *, found: Callable[[str], list[str]]) -> None:
    checks: dict[str, Callable[[str], object]] = {
        "its doctype": lambda page: page.startswith("<!DOCTYPE html>"),
        "comments": _comments,
        "style blocks": lambda page: [style[2].strip() for style in _STYLE.finditer(_uncommented(page))],
        "words": lambda page: "".join(map(str, lxml_html.fromstring(page).itertext())).split(),
        "slots": found,
        "marks of the inliner": lambda page: "data-premailer" in page,
    }
    for what, view in checks.items():
        if view(before) != view(after):
            raise ContentError(f"inlining the styles changed {what} of the page; the layout must be mended")


def _comments(page: str) -> list[str]:
    return [piece for piece in _TAG_OR_COMMENT.findall(page) if piece.startswith("<!--")]


def _uncommented(page: str) -> str:
    return _TAG_OR_COMMENT.sub(lambda piece: "" if piece[0].startswith("<!--") else piece[0], page)
