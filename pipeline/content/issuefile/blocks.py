"""One block of the body: a Markdown node → what it is in an issue, before its attributes are laid on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from pipeline.content.issuefile.attributes import Attributes
from pipeline.content.issuefile.fields import circled_number
from pipeline.content.issuefile.flavour import inline_tokens, plain_text, spans_of_tokens
from pipeline.content.issuefile.normal import normal_lang
from pipeline.content.issuefile.places import Body, Passage
from pipeline.content.issuefile.spans import html_of, normal_spans
from pipeline.content.types import (
    Block,
    Button,
    Divider,
    Facts,
    FileLink,
    Html,
    ItemList,
    ListStyle,
    Paragraph,
    Picture,
    Quote,
)


@dataclass(frozen=True, slots=True)
class Line:
    """A passage read: its tokens, and the attribute list that ended it."""

    tokens: Sequence[Token]
    attributes: Attributes | None
    passage: Passage

    def html(self, tokens: Sequence[Token] | None = None) -> Html:
        """The canonical HTML of the line, or of the part of its `tokens` that is given."""
        spans = spans_of_tokens(self.tokens if tokens is None else tokens, self.passage)
        html = self.passage.at(0, lambda: html_of(normal_spans(spans)))
        if not html:
            raise self.passage.error("there is no text here")
        return html


@dataclass(frozen=True, slots=True)
class Found:
    block: Block | None
    """None for an attribute list alone, which belongs to the block before it."""
    attributes: Attributes | None
    passage: Passage


def read_line(node: SyntaxTreeNode, body: Body) -> Line:
    """Read a node of type `inline`."""
    passage = body.passage(node)
    tokens, attributes = inline_tokens(passage)
    return Line(tokens, attributes, passage)


def read_block(node: SyntaxTreeNode, body: Body) -> Found:
    """What the node is. Raises `ContentError` for what an issue has no place for, saying what it has."""
    match node.type:
        case "paragraph":
            return _paragraph(read_line(node.children[0], body))
        case "bullet_list" | "ordered_list":
            return _list(node, body)
        case "blockquote":
            line = read_line(_only_paragraph(node, body, "a quote"), body)
            return Found(Quote(line.html()), line.attributes, line.passage)
        case "dl":
            return _facts(node, body)
        case "hr":
            return Found(Divider(), None, body.passage(node))
    raise body.error(f"{_NAMES.get(node.type, node.type)} has no place in an issue: {_BLOCKS}", node)


_NAMES = {
    "code_block": "code (a line indented by four spaces)",
    "fence": "code (```)",
    "table": "a table",
}
_BLOCKS = (
    "there are paragraphs, lists (- or 1.), facts (a label, below it a line : value), quotes (>), dividers (---), "
    "pictures, buttons and files, and paragraphs ended by {.citation}, {.notice}, {.teaser}, {.sponsor} or {.signature}"
)


def _paragraph(line: Line) -> Found:
    if not line.tokens:
        return Found(None, line.attributes, line.passage)
    if line.attributes and line.attributes.names() & {".button", ".file"}:
        return Found(_link(line, line.attributes), None, line.passage)
    if line.tokens[0].type == "image" and len(line.tokens) == 1:
        return Found(_picture(line), line.attributes, line.passage)
    if _starts_circled(line.tokens, 1):
        return Found(_circled_lines(line), line.attributes, line.passage)
    return Found(Paragraph(line.html()), line.attributes, line.passage)


def _link(line: Line, attributes: Attributes) -> Button | FileLink:
    """A lone link that its attributes make a button or a file to download."""
    kind, *names = (".button",) if ".button" in attributes.names() else (".file", "kind", "size")
    values = attributes.read(f"a {kind[1:]}", (kind, *names, "lang"))
    first, *label, last = line.tokens if len(line.tokens) > 1 else [*line.tokens, *line.tokens]
    closes = [token for token in line.tokens if token.type == "link_close"]
    if first.type != "link_open" or closes != [last]:
        what = f"{{{kind}}} makes a {kind[1:]} of a lone link: [label](https://…){{{kind}}}"
        raise attributes.error(what, kind)
    line.html()  # judges the address
    text, url = plain_text(label, line.passage, what=f"a {kind[1:]}'s label"), str(first.attrs["href"])
    lang = attributes.converted("lang", normal_lang) or ""
    if kind == ".button":
        return Button(text, url, lang)
    return FileLink(text, url, values.get("kind", ""), values.get("size", ""), lang)


def _picture(line: Line) -> Picture:
    image = line.tokens[0]
    if "title" in image.attrs:
        raise line.passage.error('a picture has no title: put it in the attributes, as in {caption="…"}')
    alt = plain_text(image.children or (), line.passage, what="a picture's description", within=image.content)
    return Picture(str(image.attrs["src"]), alt)


def _starts_circled(tokens: Sequence[Token], number: int) -> bool:
    """Whether the text begins with that circled number, typed as such (a reference such as &#10122; is text)."""
    return bool(tokens) and tokens[0].type == "text" and circled_number(tokens[0].content) == number


def _uncircled(tokens: Sequence[Token]) -> Sequence[Token]:
    first = tokens[0].copy()
    first.content = first.content[1:]
    return [first, *tokens[1:]]


def _circled_lines(line: Line) -> ItemList:
    """Lines that begin ➊ ➋ ➌: entries, wherever the next number begins a line."""
    entries: list[list[Token]] = [[]]
    for token in line.tokens:
        follows = bool(entries[-1]) and entries[-1][-1].type == "softbreak"
        if follows and _starts_circled([token], len(entries) + 1):
            entries.append([])
        elif follows and token.type == "text" and circled_number(token.content):
            raise line.passage.error(
                f"the entries are not counted in order: {len(entries) + 1} was to come, not {token.content[0]}",
                line.passage.content.find(f"\n{token.content[0]}") + 1,
            )
        entries[-1].append(token)
    return ItemList(ListStyle.CIRCLED, tuple(line.html(_uncircled(entry)) for entry in entries))


def _list(node: SyntaxTreeNode, body: Body) -> Found:
    if node.type == "ordered_list":
        _check_numbers(node, body)
    lines = [read_line(_only_paragraph(item, body, "an entry"), body) for item in node.children]
    for line in lines[:-1]:
        if line.attributes:
            raise line.passage.error("an attribute list stands after the last entry, on a line of its own")
    style = ListStyle.NUMBER if node.type == "ordered_list" else ListStyle.BULLET
    if _starts_circled(lines[0].tokens, 1):
        style = ListStyle.CIRCLED
        lines = [_circled_entry(line, number) for number, line in enumerate(lines, 1)]
    last = lines[-1]
    return Found(ItemList(style, tuple(line.html() for line in lines)), last.attributes, last.passage)


def _circled_entry(line: Line, number: int) -> Line:
    if not _starts_circled(line.tokens, number):
        raise line.passage.error(f"the entries of this list are circled, but this does not begin with number {number}")
    return replace(line, tokens=_uncircled(line.tokens))


def _check_numbers(node: SyntaxTreeNode, body: Body) -> None:
    """1, 2, 3 … or 1, 1, 1 …: Markdown would count anew in silence."""
    numbers = [item.info for item in node.children]
    if set(numbers) == {"1"}:
        return
    in_order = [str(number) for number in range(1, len(numbers) + 1)]
    for item, number, wanted in zip(node.children, numbers, in_order, strict=True):
        if number != wanted:
            raise body.error(f"the list is not counted in order: {wanted} was to come, not {number}", item)


def _only_paragraph(node: SyntaxTreeNode, body: Body, what: str) -> SyntaxTreeNode:
    """The inline node of what must be one paragraph."""
    if not node.children:
        raise body.error(f"{what} is empty", node)
    for child in node.children:
        if child.type != "paragraph" or child is not node.children[0]:
            raise body.error(
                f"{what} is one paragraph; lists, headings and further paragraphs cannot stand in it (a line break is "
                "\\ at the end of a line)",
                child,
            )
    return node.children[0].children[0]


def _facts(node: SyntaxTreeNode, body: Body) -> Found:
    rows: list[tuple[str, Html]] = []
    label, line = "", None
    for child in node.children:
        if line and line.attributes:
            raise line.passage.error("an attribute list stands after the last row, on a line of its own")
        if child.type == "dt":
            label = _label(read_line(child.children[0], body))
            continue
        if not label:
            raise body.error("a label has one value; put a line break (\\ at the end of the line) inside it", child)
        line = read_line(_only_paragraph(child, body, "a value"), body)
        rows.append((label, line.html()))
        label = ""
    if line is None:
        raise body.error("a label without a value", node)
    return Found(Facts(tuple(rows)), line.attributes, line.passage)


def _label(line: Line) -> str:
    if line.attributes:
        raise line.passage.error("a label has no attributes")
    label = plain_text(line.tokens, line.passage, what="a label").strip(" ")
    if not label:
        raise line.passage.error("this label is empty")
    return label
