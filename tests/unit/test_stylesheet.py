"""What style rules of a layout may hold, and what the inliner would make of the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.content import lint, stylesheet
from pipeline.content.layout import Page
from pipeline.content.premailed import Inliner
from pipeline.content.trace import Traced


def inlined(css):
    return stylesheet.in_elements(css).problems


def page(body="", css="", head=""):
    mjml = (
        f'<mjml lang="en"><mj-head>{head}</mj-head><mj-body><mj-section><mj-column>{body}</mj-column></mj-section>'
        "</mj-body></mjml>"
    )
    return Page(Traced.plain(mjml, "mine/layout.mjml"), Traced.plain(css, "mine/inline.css"))


@pytest.mark.parametrize(
    ("css", "at", "says"),
    [
        ("* { margin: 0 }", "*", "'*' has no place in a selector"),
        ("a:hover { margin: 0 }", ":", "':' has no place"),
        ("p:not(.x) { margin: 0 }", ":", "':' has no place"),
        ("p::before { margin: 0 }", ":", "':' has no place"),
        ("a[href] { margin: 0 }", "[", "'[' has no place"),
        ("#top { margin: 0 }", "#", "'#top' has no place"),
        ("h1 + p { margin: 0 }", "+", "'+' has no place"),
        ("h1 ~ p { margin: 0 }", "~", "'~' has no place"),
        ("p..x { margin: 0 }", "p..x", "'p..x' is no selector. Elements are chosen by types and classes"),
        ("p, { margin: 0 }", "p,", "is no selector"),
        ("> p { margin: 0 }", "> p", "is no selector"),
        ("p { margin: 0 !important }", "!", "!important has no place in inline.css: a style of the element wins"),
        ("p { margin: 0; color: red; margin: 1px }", "margin: 1px", "margin stands twice in this rule"),
        ("p { margin: 0; margin-left: 1px }", "margin-left", "margin-left and margin set the same thing"),
        ("p { font-size: 1px; font: 1px x }", "font: ", "font and font-size set the same thing"),
        ("p { border-top: 0; border-color: red }", "border-color", "border-color and border-top set the same thing"),
        ("p { background: url(x.png) }", "url", "background would load something"),
        ("p { background: URL('x.png') }", "URL", "background would load something"),
        ("p { color: var(--x) }", "var", "var() is not known"),
        ("@media print { p { margin: 0 } }", "@media", "cannot be written into elements; put it into head.css"),
        ("@import 'x.css';", "@import", "the inliner would fetch it"),
        ("@font-face { font-family: x }", "@font-face", "name fonts that they have"),
    ],
)
def test_what_cannot_be_written_into_elements(css, at, says):
    (found,) = inlined(css)
    assert found[0] == css.index(at)
    assert says in found[1]


@pytest.mark.parametrize(
    ("css", "at", "says"),
    [
        ("@import url(x.css);", "@import", "no mail program loads it"),
        ("@font-face { font-family: x; src: local(y) }", "@font-face", "readers would fetch"),
        ("@supports (color: red) { p { margin: 0 } }", "@supports", "only @media is used"),
        ("@keyframes x { from { margin: 0 } }", "@keyframes", "only @media is used"),
        ("@media print { @media screen { p { margin: 0 } } }", "@media screen", "Gmail then drops the whole block"),
        ("p { color: red!important }", "!", "write a blank before !important"),
        ("p { background: url(https://example.org/a.png) }", "url", "would load something"),
    ],
)
def test_what_has_no_place_in_the_head(css, at, says):
    (found,) = stylesheet.in_head(css)
    assert found[0] == css.index(at)
    assert says in found[1]


@pytest.mark.parametrize(
    ("css", "at", "says"),
    [
        ("p { margin: 0", "{", "{ is opened here and never closed"),
        ("p { margin: 0 \nh1 { margin: 0 }", "{ margin: 0 }", "the } of the rule before is missing"),
        ("p { margin: 0 } }", "} }", "} closes nothing"),
        ("p margin: 0; h1 { margin: 0 }", "p margin", "this is no rule"),
        ("{ margin: 0 }", "{", "this is no rule"),
        ("p { margin }", "margin", "'margin' begins no declaration"),
        ("p { margin: ; color: red }", "margin", "'margin' begins no declaration"),
        ("p { *zoom: 1 }", "*", "'*' begins no declaration"),
        ("p { margin: 0 } /* x", "/*", "this comment is never closed"),
        ("<!-- p { margin: 0 }", "<!--", "<!-- has no place"),
        ("p { content: 'x\n; margin: 0 }", "'x", "not closed in its line"),
        ("@media print { p { margin: 0 }", "@media", "@media is opened here and never closed"),
    ],
)
def test_what_does_not_parse(css, at, says):
    found = stylesheet.in_head(css)
    at = css.index(at) if at != "} }" else css.rindex("}")
    assert (at, True) in [(place, says in message) for place, message in found]


@pytest.mark.parametrize(
    "css",
    [
        "p, .a.b > td.c, h1 em { margin: 0 0 4px; color: #123456; mso-hide: all }",
        "p { font-family: 'A;B', \"C}D\"; background-color: rgb(1, 2, 3) }",
        ".한글 { margin: 0 } p { margin: 0; ; }",
        "/* a { b */ p { margin: 0 /* x; */; color: red }",
        "",
    ],
)
def test_what_is_right_is_taken(css):
    assert inlined(css) == ()
    assert stylesheet.in_head(css) == ()


def test_the_head_may_hold_what_stays_there():
    css = (
        "@media (max-width: 479px) { .a > td:first-child, [data-ogsc] #b * { margin: 0 !important } } a:hover { b: c }"
    )
    assert stylesheet.in_head(css) == ()


class TestClashes:
    """A shorthand in one rule and a part of it in another, when both hit the same element."""

    CSS = (
        "td.box { border: 1px solid red } .side { border-left: 2px solid red } "
        "table p { margin: 0 } .x p { margin-top: 1px }"
    )

    def found(self, body):
        return [
            error.message.partition(" in an")[0] for error in lint.errors(page(f"<mj-text>{body}</mj-text>", self.CSS))
        ]

    @pytest.mark.parametrize(
        ("body", "clash"),
        [
            ('<table><tr><td class="box side">x</td></tr></table>', "border-left here and border"),
            ('<table><tr><td class="x"><p>x</p></td></tr></table>', "margin-top here and margin"),
        ],
    )
    def test_that_come_true(self, body, clash):
        assert self.found(body) == [clash]

    @pytest.mark.parametrize(
        "body",
        [
            '<table><tr><td class="box">x</td><td class="side">y</td></tr></table>',
            '<p class="box side">x</p>',
            '<div class="x"><b>x</b></div><table><tr><td><b>x</b></td></tr></table>',
        ],
    )
    def test_that_do_not(self, body):
        assert self.found(body) == []

    def test_on_what_a_component_becomes(self):
        css = ".flow div { padding: 0 } .flow > div { padding-left: 1px }"
        assert len(lint.errors(page('<mj-text css-class="flow">x</mj-text>', css))) == 1
        assert lint.errors(page("<mj-text>x</mj-text>", css)) == []

    @pytest.mark.parametrize(
        ("css", "style", "made"),
        [
            ("p { padding: 1px } .b { padding-left: 3px } p.b { padding: 9px }", "", "padding:9px; padding-left:3px"),
            ("p { padding-left: 3px }", "padding:0;padding-left:1px", "padding-left:1px; padding:0"),
        ],
    )
    def test_what_the_inliner_would_make_of_them(self, css, style, made):
        """The reason for all this: the wrong one stands last."""
        html = f'<html><head></head><body><p class="b" style="{style}">x</p></body></html>'
        assert f'style="{made}"' in str(Inliner(html, css).transform(pretty_print=False))


def test_style_rules_have_a_limit():
    rules = "".join(f".a{number} {{ margin: 0 }}\n" for number in range(900))
    found = lint.errors(page("<mj-text>x</mj-text>", head=f"<mj-style>{rules}</mj-style>"))
    assert [error.message.partition(" bytes")[0] for error in found] == [
        f"the style rules up to here take {len(rules):,}"
    ]


def test_rules_in_the_head_are_told_at_their_place():
    found = lint.errors(page("<mj-text>x</mj-text>", head="<mj-style>\n  p { margin: 0 }\n @import 'x';</mj-style>"))
    assert [(error.source, error.line, error.column) for error in found] == [("mine/layout.mjml", 3, 2)]


@given(st.text(st.sampled_from("ap{}:;.>@!(),'\"/* \n#-0"), max_size=60))
def test_any_text_is_read_to_its_end(css):
    for at, message in (*inlined(css), *stylesheet.in_head(css)):
        assert 0 <= at <= len(css)
        assert message
