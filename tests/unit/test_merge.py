import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.content import merge
from pipeline.content.merge import Tag
from pipeline.content.types import ContentError


@pytest.mark.parametrize(
    ("template", "parts"),
    [
        ("", ()),
        ("plain }} text {", ("plain }} text {",)),
        ("{{ first_name }}", (Tag("first_name"),)),
        ("{{first_name}}", (Tag("first_name"),)),
        ('Hi {{ first_name | default("there") }}!', ("Hi ", Tag("first_name", "there"), "!")),
        ("{{ name|default('x \"y\"') }}", (Tag("name", 'x "y"'),)),
        (r'{{ name | default("a \"b\" \\") }}', (Tag("name", 'a "b" \\'),)),
        ('{{ name | default("}}") }}', (Tag("name", "}}"),)),
        ("{{ email }}{{ language }}", (Tag("email"), Tag("language"))),
        ("{{ first_name\n| default('독자') }}", (Tag("first_name", "독자"),)),
    ],
)
def test_tags_are_found(template, parts):
    assert merge.parse(template) == parts


@pytest.mark.parametrize(
    "payload",
    [
        "{{7*7}}",
        "{{ ''.__class__.__mro__ }}",
        "{{ first_name.__class__ }}",
        "{{ first_name | attr('format') }}",
        "{{ first_name | default(config) }}",
        "{{ first_name | default('a') | default('b') }}",
        "{{ self }}",
        "{{ password }}",
        "{{ FIRST_NAME }}",
        "{{ first_name",
        "{{ first_name }",
        "{{",
        "{{ }}",
        "{{{ first_name }}}",
        "{{ first_name | default(“there”) }}",
        "{{ first_name | default(\"there') }}",
    ],
)
def test_anything_else_is_refused_where_it_stands(payload):
    with pytest.raises(ContentError) as refused:
        merge.parse(f"one\ntwo {payload}", source="subject")
    assert (refused.value.source, refused.value.line, refused.value.column) == ("subject", 2, 5)


@pytest.mark.parametrize(
    "literal", ["{% for x in range(10**9) %}", "{# comment #}", "${7*7}", "#{7*7}", "<%= 7 %>", "{0}"]
)
def test_other_template_languages_are_literal_text(literal):
    assert merge.parse(literal) == (literal,)


def test_place_counts_the_text_before():
    with pytest.raises(ContentError) as refused:
        merge.parse("{{ x }}", before="line one\nab")
    assert (refused.value.line, refused.value.column) == (2, 3)


def test_a_known_reason_says_what_is_allowed():
    with pytest.raises(ContentError, match="first_name, last_name, name, email, language"):
        merge.parse("{{ surname }}")
    with pytest.raises(ContentError, match="curly quotes"):
        merge.parse("{{ name | default(“x”) }}")


@pytest.mark.parametrize(("value", "shown"), [("Ann", "Ann"), ("", "there"), (" \u3000", "there"), (None, "there")])
def test_missing_and_blank_values_give_way_to_the_fallback(value, shown):
    values = {} if value is None else {"first_name": value}
    assert merge.fill(merge.parse('Hi {{ first_name | default("there") }}'), values) == f"Hi {shown}"


def test_a_value_is_never_parsed_again():
    assert merge.fill(merge.parse("{{ name }}"), {"name": "{{ email }}", "email": "secret"}) == "{{ email }}"


@given(st.sampled_from(sorted(merge.FIELDS)), st.text())
def test_a_written_tag_reads_back(field, default):
    assert merge.parse(f"x{Tag(field, default)}y") == ("x", Tag(field, default), "y")


@given(st.text(st.sampled_from("{} abc|\"'\\()\n"), max_size=60))
def test_any_text_is_parsed_or_refused(text):
    try:
        parts = merge.parse(text)
    except ContentError as error:
        refused = error
    else:
        assert all("{{" not in part for part in parts if isinstance(part, str))
        return
    assert text.split("\n")[refused.line - 1][refused.column - 1 :].startswith("{{")
