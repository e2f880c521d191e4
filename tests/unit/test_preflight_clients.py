"""What mail programs do not show: the table, what a page uses of it, and who says so in what words."""

import importlib.util
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.content.preflight import clients, contrast, css
from pipeline.content.preflight.clients.table import FAMILIES, PLATFORMS, harmless, table
from pipeline.content.preflight.page import Page
from pipeline.content.types import Severity

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "pipeline" / "content" / "preflight" / "clients"


def told(body, head="", language="en"):
    page = Page.read(f"<html><head>{head}</head><body>{body}</body></html>")
    return [dict(finding.values)["feature"] for finding in clients.check(page, language) if finding.values]


@pytest.mark.parametrize(
    ("body", "feature"),
    [
        ('<p style="display:flex">x</p>', "display:flex"),
        ('<p style="position:absolute">x</p>', "position"),
        ('<p style="background-image:url(a.png)">x</p>', "background-image"),
        ('<p style="width:calc(100% - 2px)">x</p>', "calc()"),
        ('<p style="width:50vw">x</p>', "vw unit"),
        ('<p style="width:max-content">x</p>', "max-content"),
        ('<p style="color:var(--a)">x</p>', "var()"),
        ('<p style="background:linear-gradient(#fff, #eee)">x</p>', "linear-gradient()"),
        ("<video></video>", "<video>"),
        ("<form></form>", "<form>"),
        ('<img src="https://a.org/a.webp?x=1" srcset="b.png">', ".webp"),
        ('<img src="https://a.org/a.png" srcset="b.png">', "srcset="),
        ('<img src="data:image/png;base64,x">', "data:"),
        ('<img src="https://a.org/a.SVG">', ".svg"),
    ],
)
def test_what_some_do_not_show_is_told(body, feature):
    assert feature in told(body)


@pytest.mark.parametrize(
    ("style", "feature"),
    [
        ("@import url(a.css);", "@import"),
        ("@font-face { font-family: x }", "@font-face"),
        ("@media (max-width: 9px) { p { display: grid } }", "display:grid"),
        ("@supports (display: grid) { p { color: red } }", "@supports"),
        ("@media (orientation: portrait) { p { color: red } }", "@media (orientation)"),
        ("p::before { content: 'x' }", "::before"),
    ],
)
def test_what_style_blocks_use_is_told(style, feature):
    assert feature in told("<p>x</p>", f"<style>{style}</style>")


@pytest.mark.parametrize(
    "body",
    [
        '<p style="color:red;padding-left:3px;border-radius:8px;max-width:600px;font-family:Arial">x</p>',
        '<a href="mailto:a@b.org" target="_blank">x</a><a href="#here">y</a>',
        '<img src="https://a.org/a.png" alt="x" width="10" height="20">',
        '<p style="text-align:left;vertical-align:top">x</p>',
        "<!--[if mso]><video></video><p style='display:flex'></p><![endif]-->",
        '<p style="mso-line-height-rule:exactly;-webkit-text-size-adjust:100%">x</p>',
    ],
)
def test_what_all_show_and_what_can_be_missed_is_not(body):
    assert told(body) == []


def test_one_finding_for_each_feature_says_who_and_when_and_what_is_not_known():
    page = Page.read('<p style="display:flex">x</p><p style="display:flex">y</p><p style="accent-color:red">z</p>')
    accent, flex = clients.check(page, "en")
    assert {accent.severity, flex.severity} == {Severity.WARN}
    assert flex.message.startswith("“display:flex” is not shown by ")
    assert dict(flex.values)["tested"] == table().rows["display:flex"][0].tested == "2021-11-02"
    assert dict(accent.values)["unknown"] == "Thunderbird"
    assert "not known: Thunderbird" in accent.message


def test_a_whole_family_stands_for_itself_and_parts_are_named():
    assert clients._named(client for client in table().clients if client.startswith(("gmail", "outlook.w"))) == (
        "Gmail, Outlook (Windows)"
    )


@pytest.mark.parametrize(("language", "ids"), [("ko", ["client-unknown"]), ("ko-KR", ["client-unknown"]), ("en", [])])
def test_the_programs_that_koreans_use_are_never_called_fine(language, ids):
    assert [finding.id for finding in clients.check(Page.read("<p>x</p>"), language)] == ids


def test_the_table_is_whole_and_every_client_has_a_name():
    assert len(table().rows) > 200
    for client in table().clients:
        family, _, platform = client.partition(".")
        assert family in FAMILIES
        assert platform in PLATFORMS
    for feature, rows in table().rows.items():
        named = [client for row in rows for client in row.clients]
        assert len(named) == len(set(named)), feature
        assert {row.verdict for row in rows} <= set("nau")
        assert set(named) <= set(table().clients)


def test_what_is_harmless_is_in_the_table_with_a_reason():
    assert all(harmless().values())
    assert [feature for feature in harmless() if feature not in table().rows] == []


def test_the_script_writes_the_table(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("make_client_table", ROOT / "docs" / "make_client_table.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    support = {
        "source": "somebody's tests",
        "features": [
            {
                "slug": "css-display-flex",
                "title": "display:flex",
                "category": "css",
                "last_test_date": "2021-11-02",
                "support": {"gmail.ios": ["1", "n #1"], "gmail.android": ["1", "y"], "outlook.windows": ["1", "a"]},
                "notes": {"1": "Not with [others](https://a.org)' `accounts`."},
            },
            {"slug": "amp", "title": "AMP", "category": "others", "last_test_date": "x", "support": {}, "notes": {}},
        ],
    }
    written = script.table(json.loads(json.dumps(support))).splitlines()
    assert written[0] == "# somebody's tests"
    rows = [line.split("\t") for line in written if not line.startswith("#")]
    assert ["display:flex", "2021-11-02", "n", "gmail.ios", "Not with others' accounts."] in rows
    assert ["display:flex", "2021-11-02", "a", "outlook.windows", ""] in rows
    assert {row[0] for row in rows} == {"display:flex"}
    assert not any("gmail.android" in row[3] for row in rows)
    assert any(row[2] == "u" and "yahoo.ios" in row[3] for row in rows)


def test_the_licence_of_the_figures_is_beside_them():
    assert "MIT License" in (FOLDER / "LICENSE.caniemail").read_text()
    assert "caniemail" in (FOLDER / "support.tsv").read_text().partition("\n")[0]


# -- style sheets


def test_rules_are_read_with_what_stands_around_them():
    sheet = "a{b:c}@media x{@media y{d>e,f{g:h!important;i:url(a;b)}}}@import url(x);@font-face{src:url(q)} k{"
    assert [(rule.selector, rule.declarations, rule.at) for rule in css.rules(sheet)] == [
        ("a", (("b", "c", False),), ()),
        ("d>e,f", (("g", "h", True), ("i", "url(a;b)", False)), ("@media x", "@media y")),
        ("@import url(x)", (), ()),
        ("@font-face", (("src", "url(q)", False),), ()),
        ("k", (), ()),
    ]


@pytest.mark.parametrize(
    ("selector", "ids"),
    [
        ("p", "ab"),
        (".x", "ac"),
        ("p.x", "a"),
        (".x.y", "c"),
        ("#b", "b"),
        ("div p", "ab"),
        ("div > p", "a"),
        ("section>p", "b"),
        ("body div section p", "b"),
        ("[lang]", "c"),
        ('[lang="ko"]', "c"),
        ("[lang=en]", ""),
        ("* > .y", "c"),
        (":root p", "ab"),
        ("p:hover", ""),
        ("p + i", ""),
        ("p, .y", "abc"),
        ("p, p:hover", "ab"),
        ("", ""),
        (">", ""),
        ("p[", ""),
    ],
)
def test_selectors_mean_what_they_mean_to_browsers(selector, ids):
    page = Page.read(
        '<body><div><p id="a" class="x"></p><section><p id="b"></p></section><i id="c" class="y x" lang="ko"></i></div>'
    )
    found = {element.get("id") for one in css.selectors(selector) for element in page.matching(one)}
    assert found == set(ids)


@given(st.text(alphabet="ab{}@;:,.#>[]()\"'!/* \n-=", max_size=60))
def test_no_style_sheet_breaks_it(sheet):
    for rule in css.rules(sheet):
        css.selectors(rule.selector)
    page = Page.read(f"<html><head><style>{sheet}</style></head><body style='{sheet}'><p class='a'>x</p></body></html>")
    list(clients.check(page, "en"))
    list(contrast.check(page))
