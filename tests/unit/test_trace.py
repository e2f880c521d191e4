"""What is wrong with rendered text is told at its place in the templates as they were written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.content import mjml, sandbox, stylesheet
from pipeline.content.trace import Traced, marked

PARTS = """\
{% macro picture(src, alt) %}
<mj-image
  src="{{ src }}"
  {% if alt %}
  alt="{{ alt }}"
  {% endif %}
  width="{{ 9000 if src == "wide" else 100 }}px"
  bordr="1px" />
{% endmacro %}
{% macro words() %}<p>some</p>{% endmacro %}
"""
PAGE = """\
{% import "parts.mjml" as parts with context %}
<mjml lang="{{ lang }}">
  <mj-body>
    <mj-section>
      <mj-column>
{% raw %}        BODY{% endraw %}

      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""


def place_of(source, text):
    """Line and column of a text that stands once."""
    ahead, found, behind = source.partition(text)
    assert found
    assert text not in behind
    return ahead.count("\n") + 1, len(ahead) - ahead.rfind("\n")


def errors(folder, body, **files):
    """What is said of a page with this body, as (file, line, column, message)."""
    home = folder / "mine"
    home.mkdir()
    page = PAGE.replace("{% raw %}        BODY{% endraw %}\n", body)
    for name, source in {"layout.mjml": page, "parts.mjml": PARTS, **files}.items():
        (home / name.replace("_", ".")).write_text(source)
    rendered = sandbox.render(
        sandbox.sandbox((home,)), "layout.mjml", {"lang": "en", "items": (1, 2, 3), "secret": "<"}
    )
    return page, [(error.source, error.line, error.column, error.message) for error in mjml.check(rendered)[1]]


@pytest.mark.parametrize(
    ("body", "at", "says"),
    [
        ("<mj-text>x</mj-text>\n<mj-foo />", "<mj-foo", "there is no <mj-foo>"),
        ('<mj-text\n  css-class="flow"\n  colr="x">x</mj-text>', "colr", "may not have 'colr'"),
        ("<mj-text\n\talign='centre' >x</mj-text>", "align", "left or center"),
        ("<mj-text>a\n  & b</mj-text>", "& b", "& stands alone"),
        ("<mj-text>a\n\n  <b>c</mj-text>", "</mj-text>", "is still open"),
        ("{# a <b> in a comment #}\n<mj-foo />", "<mj-foo", "there is no"),
        (
            "{% for item in items %}\n<mj-text>{{ item }}</mj-text>\n{% endfor %}\n   loose",
            "loose",
            "text may not stand",
        ),
        (
            "{% for item in items %}\n<mj-text>x</mj-text>\n{% if loop.last %}<mj-foo />{% endif %}\n{% endfor %}",
            "<mj-foo",
            "no <mj-foo>",
        ),
        (
            '{% if lang == "en" %}<mj-text {% if lang %}css-class="a" {% endif %}\n colr="x">x</mj-text>{% endif %}',
            "colr",
            "may not have 'colr'",
        ),
        ('{{ parts.words() }}{% set x = "<b>" %}', None, "<p> is HTML"),
        ("<mj-text>{{ parts.words() }}</mj-text>\n  loose words\n", "loose", "text may not stand"),
        (
            "<mj-text>{{ lang }} one</mj-text> <mj-text>{{ lang }} two &nope; x</mj-text>",
            "&nope;",
            "&nope; is no",
        ),
        (
            "<mj-text>{{ lang }} one</mj-text> <mj-text>{{ lang }} two &nope; {{ lang }}</mj-text>",
            "{{ lang }} two",
            "&nope; is no",
        ),
        ('<mj-text css-class="{{ lang }}{{ "" if "}}<b>" else "x" }}" colr="x">x</mj-text>', "colr", "'colr'"),
        ("<mj-text>{% raw %}{{ not jinja }}{% endraw %}<blink>x</blink></mj-text>", "<blink", "<blink>"),
        ("<mj-text>한글 두 마디 👩‍👩‍👧 <blink>x</blink></mj-text>", "<blink", "<blink>"),
        ("<!-- a <b> -->\n<mj-text><!-- <c> --><blink>x</blink></mj-text>", "<blink", "<blink>"),
    ],
)
def test_in_the_page_itself(tmp_path, body, at, says):
    page, found = errors(tmp_path, body + "\n")
    assert says in found[0][3]
    if at is None:
        assert found[0][:3] == ("mine/parts.mjml", *place_of(PARTS, "<p>"))
    else:
        assert found[0][:3] == ("mine/layout.mjml", *place_of(page, at))


@pytest.mark.parametrize("src", ["slim", "wide"])
def test_in_a_macro_of_another_file(tmp_path, src):
    _, found = errors(tmp_path, f'{{{{ parts.picture("{src}", "alt") }}}}\n')
    told = {message.partition(" ")[0]: (name, line, column) for name, line, column, message in found}
    assert told["<mj-image>"] == ("mine/parts.mjml", *place_of(PARTS, "bordr"))
    assert told["src='" + src + "'"] == ("mine/parts.mjml", *place_of(PARTS, 'src="{{'))


def test_in_an_included_file(tmp_path):
    part = "\n\n<mj-text>\n  x\n   <blink>y</blink></mj-text>\n"
    _, found = errors(tmp_path, '{% for item in items %}{% include "one.mjml" %}{% endfor %}\n', one_mjml=part)
    assert [each[:3] for each in found] == [("mine/one.mjml", *place_of(part, "<blink"))] * 3


def test_what_a_value_brings_is_told_where_it_is_used(tmp_path):
    page, found = errors(tmp_path, '<mj-text\n  title="x" css-class="{{ secret }}">x</mj-text>\n')
    assert ("mine/layout.mjml", *place_of(page, "css-class")) in [each[:3] for each in found]


def test_in_style_rules(tmp_path):
    head = (
        "/* a\n comment { */\n\n{% for item in items %}\n  .a{{ item }} { color: red }\n{% endfor %}\n"
        ".b {\n  margin: 0;\n  colour }\n"
    )
    (tmp_path / "inline.css").write_text('a { b: c }\n{% include "more.css" %}\n  .x:hover { color: red }\n')
    (tmp_path / "more.css").write_text(head)
    rendered = sandbox.render(sandbox.sandbox((tmp_path,)), "inline.css", {"items": (1, 2)})
    assert "\x02" not in rendered.text
    found = [rendered.place(at) for at, _ in stylesheet.in_elements(rendered.text).problems]
    folder = tmp_path.name
    assert found == [(f"{folder}/more.css", *place_of(head, "colour }")), (f"{folder}/inline.css", 3, 5)]


def test_line_ends_of_other_systems_count_as_one(tmp_path):
    (tmp_path / "layout.mjml").write_bytes(b"<mjml\r\n lang='en'>\r\n\r\n<mj-foo/>\r\n</mjml>")
    rendered = sandbox.render(sandbox.sandbox((tmp_path,)), "layout.mjml", {})
    assert [(error.line, error.column) for error in mjml.check(rendered)[1]] == [(4, 1)]


def test_marks_leave_no_trace_in_the_text():
    source = '<a>{{ x }}<b c="{% if y > 1 %}<d>{% endif %}">{# <e> #}</b><!-- <f> --></a>'
    made = marked(source, 7, name="x.mjml")
    assert made.count("\x02") == 7
    assert Traced.rendered(made, [], name="x.mjml").text == source
    assert marked(source, 7, name="x.txt") == source


TEXT = st.text(st.sampled_from("ab<>&;{}%#\"'/!-= \n\x02\x03\u3000한0123:"), max_size=80)


@given(TEXT)
def test_any_source_gets_its_marks_and_loses_them(source):
    for name in ("x.mjml", "x.css"):
        traced = Traced.rendered(marked(source, 0, name=name), [], name=name)
        plain = Traced.rendered(source, [], name=name)
        assert traced.text == plain.text


@given(TEXT, st.integers(0, 80))
def test_every_place_of_text_without_templates_is_exact(source, at):
    source = source.replace("\x02", "").replace("\x03", "").replace("{", "")
    at = min(at, len(source))
    traced = Traced.rendered(marked(source, 0, name="x.mjml"), [Traced.plain(source, "x.mjml").files[0]], name="x.mjml")
    before = source[:at]
    assert traced.place(at) == ("x.mjml", before.count("\n") + 1, at - before.rfind("\n"))


def test_a_forged_mark_breaks_nothing():
    traced = Traced.rendered("a \x0299:99999\x03 b", [Traced.plain("<c>", "x").files[0]], name="x")
    assert traced.text == "a  b"
    assert traced.place(3)[0] == "x"
