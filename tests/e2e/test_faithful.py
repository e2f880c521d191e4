"""What the reader's browser makes of the inlined page is what it makes of the page before inlining: nothing differs.

The truth is the page with `inline.css` in a style block. premailer's page and that of css-inline, an inliner of other
hands, are held against it, element by element, in all computed properties.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product, zip_longest
from pathlib import Path
from typing import Any

import css_inline
import pytest
from made_issues import made_issue
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from bulletin import NEWSLETTER, NEWSLETTER_KO, NONCE, SITE

from pipeline.content import inline, issuefile, layout, mjml
from pipeline.content.slots import SlotTable
from pipeline.content.tracking import LinkTable
from pipeline.content.types import IssueDocument, NewsletterProfile

SAMPLES = Path(__file__).parents[2] / "docs" / "sample"
LAYOUTS = sorted(path.name for path in layout.LAYOUTS.iterdir() if (path / "layout.mjml").is_file())
CHROMIUM = shutil.which("chromium") or ""
WIDTHS = (650, 375)
PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg" width="1600" height="900"><rect width="1600" height="900"/></svg>'
STYLES = """() => Array.from(document.body.querySelectorAll('*'), element => {
  const style = getComputedStyle(element);
  return Array.from(style, name => name + ':' + style.getPropertyValue(name));
})"""
PRINTS = """() => {
  const names = Array.from(getComputedStyle(document.body));
  if (names.length < 300) return [];
  return Array.from(document.body.querySelectorAll('*'), element => {
    const style = getComputedStyle(element);
    let print = 1;
    for (const name of names) {
      const value = style.getPropertyValue(name);
      for (let at = 0; at < value.length; at++) print = Math.imul(print ^ value.charCodeAt(at), 16777619);
      print = Math.imul(print, 31);
    }
    return print;
  });
}"""
"""The same as one number for each element: a thousandth of what would have to leave the browser."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM and os.environ.get("PRESSRUN_REQUIRE_SERVICES") != "1",
        reason="Debian's chromium is not installed",
    ),
]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM or "chromium", args=["--no-sandbox"])
        page = browser.new_page()
        page.route("**/*", lambda route: route.fulfill(content_type="image/svg+xml", body=PICTURE))
        yield page
        browser.close()


def pages(document: IssueDocument, newsletter: NewsletterProfile) -> dict[str, str]:
    """The page before inlining, as premailer inlined it, and as css-inline does."""
    slots = SlotTable(NONCE)
    ink = layout.Ink(slots, SITE, {}, LinkTable(document, newsletter, site=SITE, slots=slots))
    poured = layout.render(document, newsletter, ink=ink)
    raw, rules = mjml.to_html(poured.mjml), poured.css.text
    other = css_inline.CSSInliner(
        inline_style_tags=False, keep_style_tags=True, load_remote_stylesheets=False, extra_css=rules
    )
    return {
        "before": raw.replace("</head>", f"<style>{rules}</style></head>", 1),
        "premailer": inline.inline(raw, rules, found=slots.found),
        "css-inline": other.inline(raw),
    }


def differences(page: Page, document: IssueDocument, newsletter: NewsletterProfile) -> list[str]:
    made = pages(document, newsletter)
    prints = {name: looks(page, html, PRINTS) for name, html in made.items()}
    assert min(map(len, prints["before"].values())) > 20
    different = [
        (name, width)
        for name, width in product(["premailer", "css-inline"], WIDTHS)
        if prints[name][width] != prints["before"][width]
    ]
    return [line for name, width in different[:1] for line in explained(page, made, name, width)]


def looks(page: Page, html: str, script: str) -> dict[int, list[Any]]:
    """What the script says of the page at each width."""
    found = {}
    page.set_content(html)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found[width] = page.evaluate(script)
    return found


def explained(page: Page, made: dict[str, str], name: str, width: int) -> list[str]:
    truth, theirs = (looks(page, made[which], STYLES)[width] for which in ("before", name))
    return [
        f"{name} at {width}: element {number} → {sorted(set(one) ^ set(other))}"
        for number, (one, other) in enumerate(zip_longest(truth, theirs, fillvalue=()))
        if one != other
    ]


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_sample_looks_the_same_before_and_after_inlining(page, name, language):
    parsed = issuefile.parse((SAMPLES / f"issue-20.{language}.md").read_text(encoding="utf-8"))
    assert parsed.newsletter
    assert differences(page, parsed.document, replace(parsed.newsletter, layout=name)) == []


@pytest.mark.parametrize("seed", range(30))
def test_a_made_issue_looks_the_same_before_and_after_inlining(page, seed):
    newsletter = replace((NEWSLETTER, NEWSLETTER_KO)[seed % 2], layout=LAYOUTS[seed % len(LAYOUTS)])
    assert differences(page, made_issue(seed), newsletter) == []


def test_a_difference_would_be_seen(page, monkeypatch):
    monkeypatch.setattr(inline, "inline", lambda html, *_, **__: html)
    short = replace(made_issue(1), sections=made_issue(1).sections[:1])
    assert differences(page, short, NEWSLETTER)
