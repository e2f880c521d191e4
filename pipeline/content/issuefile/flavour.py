"""Our Markdown: CommonMark with definition lists, attribute lists `{…}` and merge tags, and nothing it cannot keep.

What an issue has no place for (code, HTML, images in a line …) is an error where it stands, not text. Emphasis marks
between a sign and a letter without case work as people expect: CommonMark takes the closing stars of `**"셔클"**을`
for text, which makes bold unusable in Korean.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from markdown_it import MarkdownIt
from markdown_it.common.utils import isWhiteSpace
from markdown_it.rules_inline import StateInline, image, link
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin

from pipeline.content.issuefile.attributes import Attributes, read_attributes
from pipeline.content.issuefile.fields import normal_link
from pipeline.content.issuefile.places import Passage
from pipeline.content.issuefile.spans import BREAK, Span
from pipeline.content.types import ContentError

Rule: TypeAlias = Callable[[StateInline, bool], bool]

ALLOWED = (
    "text may hold **bold**, *italic*, [links](https://…), line breaks (\\ at the end of a line), merge tags {{ … }}"
)


class Flavour(MarkdownIt):
    """Addresses are kept as they are written; `fields` judges them, with a message instead of silence."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False})
        self.use(deflist_plugin)
        self.enable("table")  # so that it is refused by name
        self.disable(["inline", "text_join", "reference"])
        rules = self.inline.ruler
        rules.at("link", _placed(link))
        rules.at("image", _placed(image))
        rules.at("emphasis", _emphasis)
        rules.at("html_inline", _angle)
        rules.at("backticks", _code)
        rules.before("link", "style", _style)
        rules.after("image", "malformed_link", _malformed_link)
        rules.before("newline", "merge_tag", _merge_tag)
        rules.before("newline", "attributes", _attributes)

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802
        return link


def _error(state: StateInline, message: str, position: int | None = None) -> ContentError:
    passage: Passage = state.env["passage"]
    return passage.error(message, state.pos if position is None else position, within=state.src)


def _placed(rule: Rule) -> Rule:
    """The rule, noting in its first token where it stands."""

    def run(state: StateInline, silent: bool) -> bool:  # noqa: FBT001
        start, first = state.pos, len(state.tokens) + bool(state.pending)
        matched = rule(state, silent)
        if matched and not silent:
            state.tokens[first].meta["position"] = start
        return matched

    return run


def _emphasis(state: StateInline, silent: bool) -> bool:  # noqa: FBT001
    marker = state.src[state.pos]
    if silent or marker not in "*_":
        return False
    scanned = state.scanDelims(state.pos, marker == "*")
    end = state.pos + scanned.length
    before = state.src[state.pos - 1] if state.pos else " "
    after = state.src[end] if end < state.posMax else " "
    opens = scanned.can_open or (marker == "*" and _is_caseless(before) and not isWhiteSpace(ord(after)))
    closes = scanned.can_close or (marker == "*" and _is_caseless(after) and not isWhiteSpace(ord(before)))
    for _ in range(scanned.length):
        token = state.push("text", "", 0)
        token.content, token.meta = marker, {"position": state.pos}
        state.delimiters.append(
            Delimiter(ord(marker), scanned.length, len(state.tokens) - 1, end=-1, open=opens, close=closes)
        )
    state.pos = end
    return True


def _is_caseless(character: str) -> bool:
    """A letter of a script without capitals, where particles follow a word without a space: Hangul, Han, Kana."""
    return unicodedata.category(character) == "Lo"


_BREAK_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"<[/!?]?[A-Za-z-]")
_BACKTICKS = re.compile("`+")
_STYLE_LIST = re.compile(r"\{\.(strong|em)\b")


def _angle(state: StateInline, silent: bool) -> bool:  # noqa: FBT001
    """`<br/>` is a line break; what looks like any other tag is refused."""
    if found := _BREAK_TAG.match(state.src, state.pos):
        if not silent:
            state.push("hardbreak", "br", 0)
        state.pos = found.end()
        return True
    if _TAG.match(state.src, state.pos):
        raise _error(state, f"HTML is not used in issue files: {ALLOWED}; for the sign itself write \\<")
    return False


def _code(state: StateInline, silent: bool) -> bool:  # noqa: FBT001
    run = _BACKTICKS.match(state.src, state.pos)
    if not run:
        return False
    if re.search(rf"(?<!`){run[0]}(?!`)", state.src[run.end() :]):
        raise _error(state, f"code is not used in issue files: {ALLOWED}; for the sign itself write \\`")
    if not silent:
        state.pending += run[0]
    state.pos = run.end()
    return True


def _style(state: StateInline, silent: bool) -> bool:  # noqa: FBT001
    """`[text]{.strong .em}`: emphasis for where stars cannot say it."""
    if state.src[state.pos] != "[":
        return False
    start, end, limit = state.pos + 1, state.md.helpers.parseLinkLabel(state, state.pos), state.posMax
    if end < 0 or not _STYLE_LIST.match(state.src, end + 1):
        return False
    attributes = read_attributes(state.src, end + 1, state.env["passage"])
    classes = attributes.read("text in brackets", (".strong", ".em"))
    if not silent:
        names = [name.lstrip(".") for name in classes]
        for name in names:
            state.push(f"{name}_open", name, 1)
        state.pos, state.posMax = start, end
        state.md.inline.tokenize(state)
        for name in reversed(names):
            state.push(f"{name}_close", name, -1)
    state.pos, state.posMax = attributes.end, limit
    return True


def _malformed_link(state: StateInline, silent: bool) -> bool:  # noqa: ARG001, FBT001
    if state.src[state.pos] == "[":
        end = state.md.helpers.parseLinkLabel(state, state.pos)
        if end >= 0 and state.src.startswith("(", end + 1):
            raise _error(
                state, "no readable link: write [text](https://…) without spaces, not one inside another, or \\["
            )
    return False


def _merge_tag(state: StateInline, silent: bool) -> bool:  # noqa: FBT001
    if not state.src.startswith("{{", state.pos):
        return False
    end = state.src.find("}}", state.pos + 2, state.posMax)
    if end < 0:
        raise _error(state, "this merge tag is never closed: write {{ first_name }}, or \\{\\{ for the braces")
    if not silent:
        token = state.push("text_special", "", 0)
        token.content = re.sub(r"\s*\n\s*", " ", state.src[state.pos : end + 2])
    state.pos = end + 2
    return True


def _attributes(state: StateInline, silent: bool) -> bool:  # noqa: FBT001
    if state.src[state.pos] != "{":
        return False
    attributes = read_attributes(state.src, state.pos, state.env["passage"])
    if not silent:
        token = state.push("attributes", "", 0)
        token.meta = {"attributes": attributes, "position": state.pos}
    state.pos = attributes.end
    return True


FLAVOUR = Flavour()


def inline_tokens(passage: Passage) -> tuple[list[Token], Attributes | None]:
    """The inline tokens of a passage, and the attribute list that ends it. Raises `ContentError` with its place."""
    tokens: list[Token] = []
    FLAVOUR.inline.parse(passage.content, FLAVOUR, {"passage": passage}, tokens)
    while tokens and tokens[-1].type == "text" and not tokens[-1].content.strip(" "):
        tokens.pop()
    if not tokens or tokens[-1].type != "attributes":
        return tokens, None
    return tokens[:-1], tokens[-1].meta["attributes"]


_TEXT = {"softbreak": " ", "hardbreak": BREAK}


def spans_of_tokens(tokens: Sequence[Token], passage: Passage) -> Iterator[Span]:
    """What inline tokens say, before normal form. Raises `ContentError` for what text may not hold."""
    strong = em = 0
    href = ""
    for token in tokens:
        match token.type:
            case "strong_open" | "strong_close":
                strong += token.nesting
            case "em_open" | "em_close":
                em += token.nesting
            case "link_open":
                href = _address(token, passage)
            case "link_close":
                href = ""
            case "text" | "text_special" | "softbreak" | "hardbreak":
                text = _TEXT.get(token.type, token.content)
                yield Span(text, strong=strong > 0, em=em > 0, href=href)
            case _:
                raise passage.error(_MISPLACED[token.type], token.meta.get("position", 0))


_MISPLACED = {
    "image": "a picture stands in a paragraph of its own, its attributes right after it",
    "attributes": "an attribute list stands at the end of what it is about; for the brace itself write \\{",
}


def _address(token: Token, passage: Passage) -> str:
    position = token.meta.get("position", 0)
    if "title" in token.attrs:
        raise passage.error("a link has no title: write [text](https://…) without the part in quotes", position)
    try:
        return normal_link(str(token.attrs["href"]))
    except ContentError as error:
        raise passage.error(error.message, position) from error


def plain_text(tokens: Sequence[Token], passage: Passage, *, what: str, within: str = "") -> str:
    """The tokens' text when they are plain. Raises `ContentError` naming `what` for bold, links, line breaks.

    `within` is the part of the passage that the tokens are of, if not all of it.
    """
    for token in tokens:
        if token.type not in {"text", "text_special", "softbreak"} and not token.type.endswith("_close"):
            position = token.meta.get("position", 0)
            raise passage.error(
                f"{what} is plain text, without bold, links, pictures or line breaks", position, within=within
            )
    return "".join(_TEXT.get(token.type, token.content) for token in tokens)
