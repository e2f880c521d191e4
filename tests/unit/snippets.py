"""Small pages of MJML, one component each, for the tests of the allow-list."""

from collections.abc import Mapping
from types import MappingProxyType

from pipeline.content import mjml
from pipeline.content.mjml.components import BODY, COMPONENTS
from pipeline.content.trace import Traced

PICTURE = "https://example.org/a.png"
_BODY = "<mj-body>{}</mj-body>"
_SECTION = _BODY.format("<mj-section>{}</mj-section>")
_COLUMN = _SECTION.format("<mj-column>{}</mj-column>")
_AROUND = {
    "mj-body": "{}",
    "mj-wrapper": _BODY,
    "mj-section": _BODY,
    "mj-group": _SECTION,
    "mj-column": _SECTION,
    "mj-social-element": _COLUMN.format("<mj-social>{}</mj-social>"),
}
_TEXT = "<mj-text>text</mj-text>"
_TEXT_COLUMN = f"<mj-column>{_TEXT}</mj-column>"
_ICON = f'<mj-social-element src="{PICTURE}" alt="" href="https://example.org/">label</mj-social-element>'
_INSIDE = {
    "mj-body": f"<mj-section>{_TEXT_COLUMN}</mj-section>",
    "mj-wrapper": f"<mj-section>{_TEXT_COLUMN}</mj-section>",
    "mj-section": _TEXT_COLUMN,
    "mj-group": _TEXT_COLUMN * 2,
    "mj-column": _TEXT,
    "mj-text": "text",
    "mj-button": "label",
    "mj-table": "<tr><td>cell</td></tr>",
    "mj-social": _ICON,
    "mj-social-element": "label",
    "mj-title": "title",
    "mj-preview": "preview",
    "mj-style": ".a { color: #123456; }",
    "mj-raw": '<meta name="x" content="y" />',
}
# What an attribute needs beside it to show.
_BESIDE: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "mj-wrapper": {"background-url": PICTURE},
        "mj-section": {"background-url": PICTURE},
        "mj-column": {"padding": "5px", "border": "1px solid #000000"},
        "mj-button": {"href": "https://example.org/"},
        "mj-image": {"src": PICTURE, "alt": "", "href": "https://example.org/"},
        "mj-social-element": {"src": PICTURE, "alt": "", "href": "https://example.org/"},
        "mj-class": {"name": "flow"},
        "mjml": {"lang": "en"},
    }
)
_CLASSES = '<mj-class name="flow" {} /><mj-class name="quiet" />'


def page(tag: str, attributes: Mapping[str, str] = MappingProxyType({}), inside: str | None = None) -> str:
    """A page with one element of that component; a name with a slash, `mj-attributes/mj-text`, stands for defaults."""
    default, _, tag = tag.rpartition("/")
    given = {**({} if default else _BESIDE.get(tag, {})), **attributes}
    written = "".join(f' {name}="{value}"' for name, value in given.items())
    element = f"<{tag}{written}>{(_INSIDE.get(tag, '') if inside is None else inside) if not default else ''}</{tag}>"
    if tag == "mjml":
        return f"<mjml{written}>{_COLUMN.format(_TEXT)}</mjml>"
    if default or tag in {"mj-all", "mj-class"}:
        called = _TEXT.replace(">", ' mj-class="flow">', 1) if tag == "mj-class" else _TEXT
        return _whole(f"<mj-attributes>{element}</mj-attributes>", _COLUMN.format(called))
    if tag in BODY or tag not in COMPONENTS:
        shown = 'vertical-align="bottom"' if tag in {"mj-group", "mj-column"} else 'padding="1px"'
        classes = f"<mj-attributes>{_CLASSES.format(shown)}</mj-attributes>" if "mj-class" in given else ""
        return _whole(classes, _AROUND.get(tag, _COLUMN).format(element))
    return _whole("" if tag == "mj-head" else element, _COLUMN.format(_TEXT))


def _whole(head: str, body: str) -> str:
    return f'<mjml lang="en"><mj-head>{head}</mj-head>{body}</mjml>'


def wrong(source: str) -> list[str]:
    """What is said against a page."""
    return [error.message for error in mjml.check(Traced.plain(source, "x.mjml"))[1]]


def rendered(source: str) -> str:
    """The HTML of a page that nothing is said against."""
    assert wrong(source) == []
    return mjml.to_html(Traced.plain(source, "x.mjml"))
