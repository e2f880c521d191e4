"""The compiled issue in a real browser, in each layout: phone and desktop, light and dark."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from axe_playwright_python.sync_playwright import Axe
from bulletin import ENGLISH, KOREAN, NEWSLETTER, NEWSLETTER_KO, NONCE, SITE, TWO_LANGUAGES, VALUES

from pipeline.content import issuefile, layout, message
from pipeline.content.compile import compile_issue
from pipeline.content.types import (
    Article,
    Button,
    Facts,
    FileLink,
    Heading,
    ItemList,
    ListStyle,
    Notice,
    Paragraph,
    Quote,
    Section,
    Sponsor,
    Teaser,
)

SAMPLE = Path(__file__).parents[2] / "docs" / "sample"
CHROMIUM = shutil.which("chromium") or ""
PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg" width="1600" height="900"><rect width="1600" height="900"/></svg>'

LONG = "가나다라마바사" * 30 + "x" * 300
UNBREAKABLE = replace(
    ENGLISH,
    title=LONG,
    sections=(
        Section(
            LONG,
            (
                Article(
                    LONG,
                    (
                        Paragraph(LONG),
                        Heading(LONG),
                        ItemList(ListStyle.CIRCLED, (LONG,)),
                        ItemList(ListStyle.NUMBER, (f'<a href="https://example.org/{"y" * 300}">{LONG}</a>',)),
                        Facts(((LONG, LONG), ("Period", f"https://example.org/{'z' * 300}"))),
                        Notice(LONG, LONG),
                        Teaser(LONG, LONG, "https://example.org/a"),
                        Teaser(LONG, LONG, src="https://example.org/a.png"),
                        Sponsor(LONG, LONG, src="https://example.org/a.png"),
                        FileLink(LONG, "https://example.org/a.pdf", size=LONG),
                        Button(LONG, "https://example.org/"),
                        Quote(LONG, LONG),
                    ),
                    source=LONG,
                ),
            ),
        ),
    ),
)
ISSUES = {"en": (TWO_LANGUAGES, NEWSLETTER), "ko": (KOREAN, NEWSLETTER_KO), "unbreakable": (UNBREAKABLE, NEWSLETTER)}
for _language in ("en", "ko"):
    _parsed = issuefile.parse((SAMPLE / f"issue-20.{_language}.md").read_text(), source="sample")
    ISSUES[f"sample {_language}"] = (_parsed.document, _parsed.newsletter)
LAYOUTS = layout.names()

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM and os.environ.get("PRESSRUN_REQUIRE_SERVICES") != "1",
        reason="Debian's chromium is not installed",
    ),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM or "chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    contexts = []

    def open_issue(name: str, *, width: int, scheme: str = "light", layout: str = "bulletin", **brand: str) -> Page:
        document, newsletter = ISSUES[name]
        dressed = replace(newsletter, layout=layout, brand=brand)
        html, _ = message.message_parts(compile_issue(document, dressed, SITE, nonce=NONCE).proof, VALUES)
        contexts.append(chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme))
        page = contexts[-1].new_page()
        page.route("**/*", lambda route: route.fulfill(content_type="image/svg+xml", body=PICTURE))
        page.set_content(html)
        return page

    yield open_issue
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", [650, 375])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["en", "ko", "unbreakable"])
def test_nothing_scrolls_sideways(opened, name, layout, width):
    page = opened(name, width=width, layout=layout)
    assert page.evaluate("document.compatMode") == "CSS1Compat"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not page.evaluate(
        "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
        ".map(e => e.outerHTML.slice(0, 80))"
    )


@pytest.mark.parametrize("width", [650, 375])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_pictures_fill_the_column_and_keep_their_shape(opened, width, layout):
    boxes = opened("en", width=width, layout=layout).evaluate(
        "[...document.querySelectorAll('div.photo img')]"
        ".map(i => [i.getBoundingClientRect().width, i.getBoundingClientRect().height])"
    )
    assert len(boxes) == 2
    for wide, high in boxes:
        assert 300 < wide <= 600 - 48
        assert wide / high == pytest.approx(16 / 9, rel=0.02)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_teasers_stand_side_by_side_and_on_phones_below_each_other(opened, layout):
    tops = "[...document.querySelectorAll('.half')].map(e => e.getBoundingClientRect().top)"
    left, right, *_ = opened("en", width=650, layout=layout).evaluate(tops)
    assert left == right
    page = opened("en", width=375, layout=layout)
    left, right, *_ = page.evaluate(tops)
    assert left < right
    assert page.evaluate("document.querySelector('.half img').getBoundingClientRect().width") > 280


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["en", "ko", "sample en", "sample ko"])
def test_axe_finds_nothing(opened, name, layout, scheme):
    """All of axe-core's rules, as of a page: the web shows the very same HTML."""
    found = Axe().run(opened(name, width=650, scheme=scheme, layout=layout))
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found.response["violations"]] == []


CONTRAST = """() => {
  const rgb = c => c.match(/[\\d.]+/g).map(Number);
  const lum = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const poor = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e.checkVisibility()) continue;
    const [a, b] = [lum(rgb(getComputedStyle(e).color)), lum(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push([ratio.toFixed(2), walk.currentNode.data.trim().slice(0, 40)]);
  }
  return poor;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["en", "ko"])
def test_all_text_can_be_read(opened, name, layout, scheme):
    page = opened(name, width=650, scheme=scheme, layout=layout, primary="#7a1f5c", accent="#8a3b00")
    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_dark_mode_is_dark(opened, layout):
    """Whatever paints anything behind text: none of it stays light."""
    light = """[...document.querySelectorAll('body, body *')].filter(e => {
      const c = getComputedStyle(e).backgroundColor.match(/[\\d.]+/g).map(Number);
      return (c.length < 4 || c[3] > 0) && c[0] + c[1] + c[2] > 540 && e.checkVisibility(); }).length"""
    assert opened("en", width=650, layout=layout).evaluate(light) > 0
    assert opened("en", width=650, layout=layout, scheme="dark").evaluate(light) == 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_logo_changes_with_the_light(opened, layout):
    logos = {"logo": "https://cdn.example.org/day.png", "logo_dark": "https://cdn.example.org/night.png"}
    shown = "[...document.querySelectorAll('img.logo')].filter(e => e.checkVisibility()).map(e => e.src)"
    assert opened("en", width=650, layout=layout, **logos).evaluate(shown) == [logos["logo"]]
    assert opened("en", width=650, layout=layout, scheme="dark", **logos).evaluate(shown) == [logos["logo_dark"]]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_without_its_style_blocks_it_looks_the_same_on_a_desktop(opened, layout):
    page = opened("en", width=650, layout=layout)
    boxes = """[...document.querySelectorAll('h1, h2, h3, h4, p, li, img, td, a')].map(e => {
      const b = e.getBoundingClientRect(), c = getComputedStyle(e);
      return [e.tagName, Math.round(b.left), Math.round(b.width), c.fontSize, c.color, c.backgroundColor]; })"""
    with_styles = page.evaluate(boxes)
    page.evaluate("document.querySelectorAll('style').forEach(style => style.remove())")
    assert page.evaluate("document.documentElement.scrollWidth") <= 650
    assert page.evaluate(boxes) == with_styles
