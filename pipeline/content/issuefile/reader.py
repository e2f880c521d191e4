"""The body of an issue file: Markdown → sections and articles of blocks, each in normal form."""

from dataclasses import dataclass, field, replace

from markdown_it.tree import SyntaxTreeNode

from pipeline.content.issuefile.attributes import Attributes
from pipeline.content.issuefile.blocks import read_block, read_line
from pipeline.content.issuefile.dressing import dress
from pipeline.content.issuefile.fields import normal_line, normal_web_link
from pipeline.content.issuefile.flavour import FLAVOUR, plain_text
from pipeline.content.issuefile.frontmatter import read_date
from pipeline.content.issuefile.normal import normal_block, normal_lang
from pipeline.content.issuefile.places import Body, Position
from pipeline.content.types import Article, Block, Heading, Section


def read_sections(text: str, *, source: str) -> tuple[tuple[Section, ...], dict[str, Position]]:
    """The sections of a body, and where each section, article and block begins, by its place (`sections[0].intro[1]`).

    `text` has empty lines in place of the front matter, so that its lines count as the file's. Raises
    `ContentError` with line and column for anything an issue has no place for.
    """
    reader = _Reader(Body(text, source))
    for node in SyntaxTreeNode(FLAVOUR.parse(text)).children:
        reader.take(node)
        reader.begun.setdefault(reader.place(), reader.body.position(node))
    return tuple(section.closed() for section in reader.sections), reader.begun


@dataclass(slots=True)
class _OpenArticle:
    fields: Article
    blocks: list[Block] = field(default_factory=list)

    def closed(self) -> Article:
        return replace(self.fields, blocks=tuple(self.blocks))


@dataclass(slots=True)
class _OpenSection:
    title: str
    lang: str
    intro: list[Block] = field(default_factory=list)
    articles: list[_OpenArticle] = field(default_factory=list)

    @property
    def blocks(self) -> list[Block]:
        """Where the next block belongs."""
        return self.articles[-1].blocks if self.articles else self.intro

    def closed(self) -> Section:
        articles = tuple(article.closed() for article in self.articles)
        return Section(self.title, articles, tuple(self.intro), self.lang)


@dataclass(slots=True)
class _Reader:
    body: Body
    sections: list[_OpenSection] = field(default_factory=list)
    begun: dict[str, Position] = field(default_factory=dict)

    def place(self) -> str:
        """Of what was read last."""
        section = self.sections[-1]
        place = f"sections[{len(self.sections) - 1}]"
        if section.articles:
            place += f".articles[{len(section.articles) - 1}]"
        if not section.blocks:
            return place
        return f"{place}.{'blocks' if section.articles else 'intro'}[{len(section.blocks) - 1}]"

    def take(self, node: SyntaxTreeNode) -> None:
        """Read one block of the file to where it belongs."""
        if not self.sections and node.tag != "h1":
            raise self.body.error("something before the first section: begin with a line such as # News", node)
        if node.type == "heading":
            self._heading(node)
        else:
            self._block(node)

    def _heading(self, node: SyntaxTreeNode) -> None:
        self._check_heading(node)
        line = read_line(node.children[0], self.body)
        title = normal_line(plain_text(line.tokens, line.passage, what="a title"))
        if not title:
            raise line.passage.error("this heading has no text")
        if node.tag == "h2":
            self.sections[-1].articles.append(_OpenArticle(_article(title, line.attributes)))
            return
        lang = _lang("a section or sub-heading", line.attributes)
        if node.tag == "h1":
            self.sections.append(_OpenSection(title, lang))
        else:
            self.sections[-1].blocks.append(Heading(title, lang))

    def _check_heading(self, node: SyntaxTreeNode) -> None:
        if not node.markup.startswith("#"):
            raise self.body.error(
                f"the line of {node.markup} below makes this a heading: write # before it instead, or leave an empty "
                "line between",
                node,
            )
        if node.tag not in {"h1", "h2", "h3"}:
            raise self.body.error("# is a section, ## an article, ### a sub-heading; there is nothing deeper", node)

    def _block(self, node: SyntaxTreeNode) -> None:
        found, blocks = read_block(node, self.body), self.sections[-1].blocks
        block = found.block
        if block is None:
            if not blocks:
                raise found.passage.error("an attribute list stands after what it is about")
            block = blocks.pop()
        if found.attributes:
            block = dress(block, found.attributes)
        normal = found.passage.at(0, lambda: normal_block(block))
        if normal is None:
            raise found.passage.error("there is no text here")
        blocks.append(normal)


def _article(title: str, attributes: Attributes | None) -> Article:
    if not attributes:
        return Article(title, ())
    attributes.read("an article", ("source", "date", "url", "lang"))
    return Article(
        title,
        (),
        source=attributes.converted("source", normal_line) or "",
        date=attributes.converted("date", read_date),
        url=attributes.converted("url", normal_web_link) or "",
        lang=attributes.converted("lang", normal_lang) or "",
    )


def _lang(what: str, attributes: Attributes | None) -> str:
    """The one attribute that `what` may have."""
    if not attributes:
        return ""
    attributes.read(what, ("lang",))
    return attributes.converted("lang", normal_lang) or ""
