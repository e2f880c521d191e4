"""Contrast as a browser would draw it: the cascade in light and in dark mode, and silence where nobody can know."""

import pytest

from pipeline.content.preflight import contrast
from pipeline.content.preflight.colours import hexadecimal
from pipeline.content.preflight.page import Page

DARK = "@media (prefers-color-scheme: dark) "


def told(body, style="", head=""):
    """The findings as (id, front, back), of a page whose body is white in light mode and black in dark mode."""
    ground = f"body {{ background: #ffffff }} {DARK} {{ body {{ background: #000000 !important }} }}"
    page = Page.read(f"<html><head>{head}<style>{ground} {style}</style></head><body>{body}</body></html>")
    found = [(finding.id, dict(finding.values)) for finding in contrast.check(page)]
    return [(identity, values["front"], values["back"]) for identity, values in found]


LIGHT = [("contrast", "#cccccc", "#ffffff")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<p style="color:#cccccc">x</p>', LIGHT),
        ('<div style="color:#ccc"><p>x</p></div>', LIGHT),
        ('<div style="color:#ccc"><p style="color:inherit">x</p></div>', LIGHT),
        ('<div style="color:rgb(204, 204, 204)"><p>x</p></div>', LIGHT),
        ('<p style="color:#cccccc"><b style="background:#333333">x</b></p>', []),
        ('<p style="color:#cccccc"><b>x</b></p>', LIGHT),
        ('<p style="color:#cccccc">x<b style="color:#000">y</b></p>', LIGHT),
        ('<p style="color:#cccccc">· — →</p>', []),
        ('<p style="color:#cccccc;display:none">x</p>', []),
        ('<div style="display:none"><p style="color:#cccccc;display:block">x</p></div>', []),
        ('<p style="color:#cccccc;font-size:0">x</p>', []),
        ('<p style="color:#777777">x</p>', [("contrast", "#777777", "#ffffff")]),
        ('<p style="color:#777777;font-size:24px">x</p>', []),
        ('<p style="color:#777777;font-size:19px">x</p>', [("contrast", "#777777", "#ffffff")]),
        ('<p style="color:#777777;font-size:19px"><strong>x</strong></p>', []),
        ('<p style="color:#777777;font-size:14pt;font-weight:700">x</p>', []),
        ('<h2 style="color:#777777">x</h2>', []),
        (
            '<table><tr><td style="color:#ffffff" bgcolor="#eeeeee">x</td></tr></table>',
            [("contrast", "#ffffff", "#eeeeee")],
        ),
        ('<p style="color:#ffffff;background:#eeeeee url(a.png)">x</p>', []),
        ('<p style="color:#ffffff;background-image:url(a.png)">x</p>', []),
        ('<p style="color:#ffffff;background:linear-gradient(#fff,#eee)">x</p>', []),
        ('<p style="color:rgba(255,255,255,.1)">x</p>', []),
        ('<p style="color:papayawhip">x</p>', []),
        ('<p style="color:#cccccc;background:#333;background:transparent">x</p>', LIGHT),
        ("<!--[if mso]><p style='color:#cccccc'>x</p><![endif]-->", []),
    ],
)
def test_in_light_mode(body, expected):
    # In dark mode these pages have black text on black, told apart below.
    assert [found for found in told(body) if found[0] == "contrast"] == expected


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("", [("contrast-dark", "#000000", "#000000")]),
        (DARK + "{ p { color: #ffffff } }", []),
        (DARK + "{ p { color: #333333 } }", [("contrast-dark", "#333333", "#000000")]),
        (DARK + "{ div p, td > p { color: #ffffff !important } }", []),
        (DARK + "{ td > p { color: #ffffff } }", [("contrast-dark", "#000000", "#000000")]),
        (DARK + "{ .a p { color: #ffffff } } " + DARK + "{ p { color: #333333 } }", []),
        (DARK + "{ #one { color: #ffffff } .a .b { color: #333333 } }", []),
        (DARK + "{ p { color: #ffffff } p { color: #333333 } }", [("contrast-dark", "#333333", "#000000")]),
        (DARK + "{ p { color: #ffffff !important } #one { color: #333333 } }", []),
        (DARK + "{ .a { background-color: #ffffff } }", []),
        (DARK + "{ [data-ogsc] p { color: #ffffff } }", [("contrast-dark", "#000000", "#000000")]),
        ("@media screen { p { color: #ffffff } }", [("contrast-dark", "#000000", "#000000")]),
        (DARK + "{ p:hover { color: #ffffff } }", [("contrast-dark", "#000000", "#000000")]),
        ("/* " + DARK + "{ p { color: #ffffff } } */", [("contrast-dark", "#000000", "#000000")]),
    ],
)
def test_in_dark_mode(style, expected):
    assert told('<div class="a"><p class="b" id="one">x</p></div>', style) == expected


@pytest.mark.parametrize(
    ("inline", "rule", "readable"),
    [
        ("color:#333333", "p { color: #ffffff }", False),
        ("color:#333333", "p { color: #ffffff !important }", True),
        ("color:#333333 !important", "p { color: #ffffff !important }", False),
    ],
)
def test_a_style_attribute_gives_way_only_to_what_is_important(inline, rule, readable):
    found = told(f'<p style="{inline}">x</p>', DARK + "{ " + rule + " }")
    assert found == ([] if readable else [("contrast-dark", "#333333", "#000000")])


def test_a_link_without_a_colour_is_blue_and_in_dark_mode_nobody_knows():
    body = '<div style="color:#ffffff;background:#222288"><a href="https://example.org/">x</a></div>'
    assert told(body) == [("contrast", "#0000ee", "#222288")]


def test_a_page_that_knows_of_dark_mode_and_sets_no_ground_is_drawn_on_nobody_knows_what():
    page = '<html><head>{}</head><body><p style="color:#000000">x</p></body></html>'
    plain, knowing = (Page.read(page.format(head)) for head in ("", '<meta name="color-scheme" content="light dark">'))
    assert list(contrast.check(plain)) == list(contrast.check(knowing)) == []


def test_each_pair_of_colours_is_told_once_the_worst_first_and_three_at_most():
    greys = ["#cccccc", "#aaaaaa", "#bbbbbb", "#dddddd", "#aaaaaa"]
    body = "".join(f'<p style="color:{grey}">x</p>' for grey in greys)
    assert [front for identity, front, _ in told(body) if identity == "contrast"] == ["#dddddd", "#cccccc", "#bbbbbb"]


def test_a_finding_quotes_the_text_and_says_what_is_asked_for():
    page = Page.read('<p style="color:#cccccc">Where it\n  stands</p>')
    [found] = contrast.check(page)
    assert found.message.startswith("“Where it stands”: #cccccc on #ffffff has a contrast of 1.6 to 1 and needs 4.5")


@pytest.mark.parametrize(
    ("written", "read"),
    [("#ABC", "#aabbcc"), (" White ", "#ffffff"), ("rgb(1,2,300)", "#0102ff"), ("#abcd", None), ("currentColor", None)],
)
def test_colours_come_in_one_form(written, read):
    assert hexadecimal(written) == read
