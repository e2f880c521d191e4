"""The inline subset of HTML in which bodies are written (`types.Html`), taken apart.

Only the canonical form is read: whatever is not exactly in it is refused, so that nothing an editor or a file brings
in can reach the HTML part as markup of its own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from typing import Literal

from pipeline.content.types import ContentError, Html

_TOKEN = re.compile(
    r"""(?P<text>(?:[^<>&]|&(?:amp|lt|gt);)+)
      | (?P<br><br/>)
      | <a\ href="(?P<href>[^"]*)">
      | <(?P<open>strong|em)>
      | </(?P<close>strong|em|a)>""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is unescaped text for `text`, the element's name for `open` and `close`, a newline for `break`."""

    kind: Literal["text", "break", "open", "close"]
    text: str
    href: str = ""


@lru_cache(maxsize=4096)  # every stage of a compile takes the same texts apart
def parse(html: Html) -> tuple[Token, ...]:
    """Take inline HTML apart; raises ContentError, with line and column, for what is not canonical."""
    tokens, opened = [], list[str]()
    for token, at in _tokens(html):
        if token.kind == "open":
            if token.text in opened:
                raise _refusal(html, at, f"<{token.text}> stands inside another <{token.text}>")
            opened.append(token.text)
        elif token.kind == "close" and (not opened or opened.pop() != token.text):
            raise _refusal(html, at, f"</{token.text}> closes nothing that is open here")
        tokens.append(token)
    if opened:
        raise _refusal(html, len(html), f"<{opened[-1]}> is not closed")
    return tuple(tokens)


def plain(html: Html) -> str:
    """The visible text, `<br/>` as a newline."""
    return "".join(token.text for token in parse(html) if token.kind in {"text", "break"})


def _tokens(html: Html) -> Iterator[tuple[Token, int]]:
    at = 0
    while at < len(html):
        match = _TOKEN.match(html, at)
        if match is None:
            raise _refusal(html, at, f"{html[at : at + 20]!r} is not allowed in text")
        yield _token(match), at
        at = match.end()


def _token(match: re.Match[str]) -> Token:
    if match["text"]:
        return Token("text", unescape(match["text"]))
    if match["br"]:
        return Token("break", "\n")
    if match["href"] is not None:
        return Token("open", "a", unescape(match["href"]))
    return Token("open", match["open"]) if match["open"] else Token("close", match["close"])


def _refusal(html: Html, at: int, what: str) -> ContentError:
    line, column = html.count("\n", 0, at) + 1, at - html.rfind("\n", 0, at)
    allowed = "text may hold <strong>, <em>, <br/> and <a href>, with & < > written as &amp; &lt; &gt;"
    return ContentError(f"{what}; {allowed}", line=line, column=column)
