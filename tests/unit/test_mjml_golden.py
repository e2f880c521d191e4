"""What each component and attribute of the allow-list does to the HTML, held in a file.

A new version of mjml-python shows here. Compare its HTML with the reference compiler's, then write the file anew:
`python tests/unit/test_mjml_golden.py`. That of 1.4.2 was compared with mjml 5.4.1, and is the same but for: digits of
broken per cents and pixels, in class names and for Outlook; `css-class` of the body, which is on the div inside it, and
of bands, whose first name is on Outlook's table as it is; `border-collapse:separate` where a table has a border or a
column an inner radius; `word-spacing` on the body alone; `title` of a picture not on its link as well; `vertical-align`
as an attribute of a button's cell; no `border:0` on social icons; the main landmark, which is ours.
"""

import re
import sys
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import pytest
from snippets import page, rendered

from pipeline.content.mjml.components import BODY, COMPONENTS

GOLDEN = Path(__file__).parents[1] / "corpus" / "golden" / "mjml.txt"
TRIED = [tag for tag in COMPONENTS if COMPONENTS[tag].attributes and tag not in {"mj-all", "mj-class"}]
IDENTICAL = {
    "three columns": ("mj-section", "<mj-column><mj-text>x</mj-text></mj-column>" * 3),
    "four columns": ("mj-section", "<mj-column><mj-text>x</mj-text></mj-column>" * 4),
    "seven columns": ("mj-section", "<mj-column><mj-text>x</mj-text></mj-column>" * 7),
    "columns of a width": (
        "mj-section",
        "".join(f'<mj-column width="{width}%"><mj-text>x</mj-text></mj-column>' for width in (30, 70)),
    ),
    "three columns in a group": (
        "mj-group",
        "".join(f'<mj-column width="{width}%"><mj-text>x</mj-text></mj-column>' for width in (33, 34, 33)),
    ),
    "text": (
        "mj-text",
        '<h2>x</h2><ol start="3"><li>a</li></ol><ul><li>a<ul><li>b</li></ul></li></ul><pre>p</pre>',
    ),
    "a table": ("mj-table", '<colgroup><col width="30%" /><col /></colgroup><tr><th scope="row">a</th><td>b</td></tr>'),
    "Outlook's comments": (
        "mj-text",
        "<!--[if mso]><b>Outlook</b><![endif]--><!--[if !mso]><!--><i>x</i><!--<![endif]-->",
    ),
    "several social icons": (
        "mj-social",
        '<mj-social-element src="https://example.org/a.png" alt="a" href="https://example.org/">a</mj-social-element>'
        * 2,
    ),
}
"""Compositions that come out as the reference compiler's do."""


def lines(html: str) -> list[str]:
    """One tag, comment or text a line."""
    return [line for line in re.findall(r"<!--.*?-->|<[^>]*>|[^<]+", html, re.DOTALL) if line.strip()]


def of_body(html: str) -> list[str]:
    return lines(html[html.index("<body") :])


def changes(tag: str, name: str, value: str) -> list[str]:
    """The lines that come with the attribute; when none do, those that go."""
    before, after = lines(rendered(page(tag))), lines(rendered(page(tag, {name: value})))
    changed = [line for line in unified_diff(before, after, n=0, lineterm="") if not line.startswith(("---", "+++"))]
    return [line for line in changed if line[0] == "+"] or [line for line in changed if line[0] == "-"]


def told() -> Iterator[tuple[str, list[str]]]:
    """Each case with its lines."""
    for tag in COMPONENTS:
        yield tag, of_body(rendered(page(tag))) if tag in BODY else lines(rendered(page(tag)))
    for what, (tag, inside) in IDENTICAL.items():
        yield what, of_body(rendered(page(tag, inside=inside)))
    for tag in TRIED:
        for name, kind in COMPONENTS[tag].attributes.items():
            yield from ((f'{tag} {name}="{value}"', changes(tag, name, value)) for value in kind.samples)


def written() -> str:
    return "".join(f"## {what}\n" + "".join(f"{line}\n" for line in found) for what, found in told())


def test_the_html_is_that_of_the_golden_file():
    assert written() == GOLDEN.read_text()


@pytest.mark.parametrize("tag", TRIED)
def test_every_attribute_does_something(tag):
    idle = [
        name
        for name, kind in COMPONENTS[tag].attributes.items()
        if not any(changes(tag, name, value) for value in kind.samples)
    ]
    assert idle == []


@pytest.mark.parametrize("tag", BODY)
def test_defaults_may_stand_in_mj_attributes(tag):
    for name, kind in BODY[tag].attributes.items():
        if name != "mj-class":
            rendered(page(f"mj-attributes/{tag}", {name: kind.samples[0]}))


@pytest.mark.parametrize("tag", ["mj-all", "mj-class"])
def test_defaults_for_all_and_of_a_class_reach_the_text(tag):
    assert "font-size:17px" in rendered(page(tag, {"font-size": "17px"}))


if __name__ == "__main__":
    GOLDEN.write_text(written())
    sys.stdout.write(f"{GOLDEN}\n")
