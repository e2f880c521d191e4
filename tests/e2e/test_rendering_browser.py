"""The compiled issue in a real browser: phone and desktop, light and dark."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from bulletin import ENGLISH, KOREAN, NEWSLETTER, NEWSLETTER_KO, NONCE, SITE, VALUES

from pipeline.content import message
from pipeline.content.compile import compile_issue
from pipeline.content.types import Article, Facts, Heading, ItemList, ListStyle, Paragraph, Section

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
                    ),
                    source=LONG,
                ),
            ),
        ),
    ),
)
ISSUES = {"en": (ENGLISH, NEWSLETTER), "ko": (KOREAN, NEWSLETTER_KO), "unbreakable": (UNBREAKABLE, NEWSLETTER)}

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

    def open_issue(name: str, *, width: int, scheme: str = "light", scripts: bool = True) -> Page:
        document, newsletter = ISSUES[name]
        html, _ = message.message_parts(compile_issue(document, newsletter, SITE, nonce=NONCE).proof, VALUES)
        contexts.append(
            chromium.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
            )
        )
        page = contexts[-1].new_page()
        page.route("**/*", lambda route: route.fulfill(content_type="image/svg+xml", body=PICTURE))
        page.set_content(html)
        return page

    yield open_issue
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [650, 375])
@pytest.mark.parametrize("name", ISSUES)
def test_nothing_scrolls_sideways(opened, name, width, scheme):
    page = opened(name, width=width, scheme=scheme)
    assert page.evaluate("document.compatMode") == "CSS1Compat"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not page.evaluate(
        "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
        ".map(e => e.outerHTML.slice(0, 80))"
    )


@pytest.mark.parametrize("width", [650, 375])
def test_pictures_fill_the_column_and_keep_their_shape(opened, width):
    boxes = opened("en", width=width).evaluate(
        "[...document.images].map(i => [i.getBoundingClientRect().width, i.getBoundingClientRect().height])"
    )
    for wide, high in boxes:
        assert 300 < wide <= 528
        assert wide / high == pytest.approx(16 / 9, rel=0.02)


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
@pytest.mark.parametrize("name", ["en", "ko"])
def test_all_text_can_be_read(opened, name, scheme):
    assert opened(name, width=650, scheme=scheme).evaluate(CONTRAST) == []


def test_dark_mode_is_dark(opened):
    background = "getComputedStyle(document.querySelector('.card')).backgroundColor"
    assert opened("en", width=650).evaluate(background) == "rgb(255, 255, 255)"
    assert opened("en", width=650, scheme="dark").evaluate(background) == "rgb(24, 34, 44)"


def test_without_its_style_blocks_it_still_fits_a_desktop(opened):
    page = opened("en", width=650)
    page.evaluate("document.querySelectorAll('style').forEach(style => style.remove())")
    assert page.evaluate("document.documentElement.scrollWidth") <= 650
    assert page.evaluate("getComputedStyle(document.querySelector('h2')).fontSize") == "24px"
