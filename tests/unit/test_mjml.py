import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html

from pipeline.content import mjml
from pipeline.content.trace import Traced
from pipeline.content.types import ContentError


def page(body):
    return f"""<mjml lang="en">
  <mj-body>
    <mj-section>
      <mj-column>
{body}
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>"""


def to_html(source, name="x.mjml"):
    traced = Traced.plain(source, name)
    for error in mjml.check(traced)[1]:
        raise error
    return mjml.to_html(traced)


def picture(alt):
    return page(f'<mj-image src="https://example.org/a.png" alt="{alt}" />')


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("full\u3000width", "full\u3000width"),
        ("no\u00a0break", "no\u00a0break"),
        ("a &quot;b&quot; c", 'a "b" c'),
        ("two\nlines\t\tand more", "two lines and more"),
        ("back\\slash", "back\\slash"),
        ("👩‍👩‍👧 ❤️ 🇰🇷", "👩‍👩‍👧 ❤️ 🇰🇷"),
        ("한글 \u1112\u1161\u11ab", "한글 \u1112\u1161\u11ab"),
        ("&#34;&gt;&lt;script&gt;", '"><script>'),
    ],
)
def test_attribute_values_survive_mrml(written, seen):
    html = to_html(picture(written))
    assert lxml_html.fromstring(html).xpath("//img/@alt") == [seen]
    assert "\\u{" not in html
    assert "<script" not in html


def test_a_single_quoted_value_cannot_end_its_attribute():
    html = to_html(page("<mj-image src='https://example.org/a.png' alt='a \" onerror=\"x' />"))
    image = lxml_html.fromstring(html).xpath("//img")[0]
    assert image.get("alt") == 'a " onerror="x'
    assert image.get("onerror") is None


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn")), max_size=30))
def test_any_text_in_an_attribute_comes_out_as_itself(text):
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    html = to_html(picture(escaped))
    assert unescape(re.search(r'alt="([^"]*)"', html)[1]) == re.sub(" +", " ", text)


def test_style_blocks_and_comments_are_left_as_they_are():
    css = "<mj-style>.a > .b {\n  color: #123456;\n}</mj-style>"
    comment = "<!-- <a title='x'\n> -->"
    source = f"<mjml><mj-head>{css}</mj-head><mj-body>{comment}</mj-body></mjml>"
    assert mjml.mrml_safe(source) == source


@pytest.mark.parametrize(
    ("body", "line", "what"),
    [
        ("<mj-text><b>one</mj-text>", 5, "not well formed"),
        ("<mj-text>a & b</mj-text>", 5, "not well formed"),
        ("\n<mj-text>a < b</mj-text>", 6, "not well formed"),
        ("<mj-carousel></mj-carousel>", 5, "mj-carousel"),
        ("<mj-text colour='red'>x</mj-text>", 5, "colour"),
        ("loose text", 5, "text may not stand directly"),
        ("<mj-text>x</mj-text> tail", 5, "text may not stand directly"),
        ("\n\n<mj-section></mj-section>", 7, "not in <mj-column>"),
        ("<p>x</p>", 5, "<p>"),
        ("<mj-include path='/etc/passwd' />", 5, "mj-include"),
    ],
)
def test_what_mrml_would_take_silently_is_refused_with_its_line(body, line, what):
    with pytest.raises(ContentError, match=re.escape(what)) as refused:
        to_html(page(body))
    assert (refused.value.source, refused.value.line) == ("x.mjml", line)


def test_the_place_is_counted_without_the_entities_above():
    with pytest.raises(ContentError) as refused:
        to_html("<mjml><b></mjml>")
    assert (refused.value.line, refused.value.column) == (1, 10)


def test_html_entities_are_known():
    assert "&nbsp;" in to_html(page("<mj-text>a&nbsp;b</mj-text>"))


def test_external_entities_are_not_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with pytest.raises(ContentError):
        to_html(f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]>' + page("<mj-text>&e;</mj-text>"))


def test_only_mjml_is_taken():
    with pytest.raises(ContentError, match="<html>"):
        to_html("<html/>")
