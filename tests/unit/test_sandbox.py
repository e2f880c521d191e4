"""Layouts run with limits, and their own mistakes are told at their place."""

import pytest

from pipeline.content import sandbox
from pipeline.content.sandbox import render
from pipeline.content.types import ContentError, Heading


@pytest.fixture
def folder(tmp_path):
    home = tmp_path / "mine"
    home.mkdir()
    (tmp_path / "parts").mkdir()
    (tmp_path / "secret.mjml").write_text("secret")
    return home


def rendered(folder, source, **context):
    (folder / "layout.mjml").write_text(source)
    given = {"heading": Heading("x"), "words": ["a", "b"], "write": "{:>9}".format, "long": "x" * 5000, **context}
    return render(sandbox.sandbox((folder, folder.parent / "parts")), "layout.mjml", given).text


def refused(folder, source):
    with pytest.raises(ContentError) as caught:
        rendered(folder, source)
    return caught.value


@pytest.mark.parametrize(
    ("source", "line", "column", "says"),
    [
        # Syntax
        ("\n{% if %}", 2, 0, "Expected an expression"),
        ("\n\n{% endfor %}", 3, 4, "Encountered unknown tag 'endfor'"),
        ("{% for x in words %}\n", 1, 4, "Unexpected end of template"),
        ("{{ heading | safe }}", 1, 14, "No filter named 'safe'; there are abs, batch"),
        ("{% if heading is nice %}{% endif %}", 1, 18, "No test named 'nice'"),
        ("x\n{% autoescape false %}{{ heading }}{% endautoescape %}", 2, 4, "cannot be changed"),
        # Names
        ("x\n {{ nope }}", 2, 5, "there is no 'nope' in a layout; there are heading, long, words"),
        ("{{ heading.txet }}", 1, 12, "Heading has no 'txet'; it has text, lang"),
        ("{{ heading.text.nope }}", 1, 17, "str has no 'nope'"),
        ("{{ words[7] }}", 1, 0, "list has no 7"),
        ("{% include 'nope.mjml' %}", 1, 13, "there is no 'nope.mjml' in the layout's folder or beside it"),
        # What does not work out
        ("{{ 1 / 0 }}", 1, 0, "division by zero"),
        ("{{ words + 1 }}", 1, 0, "can only concatenate list"),
        ("{{ heading() }}", 1, 0, "'Heading' object is not callable"),
        # Out of the sandbox
        ("{{ write.__globals__ }}", 1, 10, "'__globals__'"),
        ("{{ heading.__class__.__mro__ }}", 1, 12, "'__class__'"),
        ("{{ words|attr('__class__') }}", 1, 10, "No filter named 'attr'"),
        ("{{ words.append(1) }}", 1, 10, "'append' of 'list' object is unsafe"),
        ("{% set heading.text = 'x' %}", 1, 0, "cannot assign attribute on non-namespace object"),
        ("{{ lipsum() }}", 1, 4, "there is no 'lipsum'"),
        ("{{ words|random }}", 1, 10, "No filter named 'random'"),
        ("{{ (heading.text|e).unescape() }}", 1, 21, "'unescape' of 'Markup'"),
        ("{% include '../secret.mjml' %}", 1, 0, "nothing is read from elsewhere"),
        ("{% include '/etc/passwd' %}", 1, 13, "nothing is read from elsewhere"),
        # Without end
        ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", 1, 0, "loops without end"),
        (
            "{% for a in long %}{% for b in long %}\n{% for c in long %}{% endfor %}{% endfor %}{% endfor %}",
            2,
            0,
            "loops",
        ),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", 1, 0, "calls itself without end"),
        ("{% include 'layout.mjml' %}", 1, 0, "includes or calls itself without end"),
        ("{% for i in range(999) %}{{ long }}{% endfor %}", 0, 0, "makes more than 4,000,000 characters"),
        ("{{ range(1000000)|list }}", 1, 0, "Range too big"),
        ("{{ 'x' * 100000 }}", 1, 0, "repeating makes more than 10,000"),
        ("{{ 10000 * words * 10000 }}", 1, 0, "repeating makes more than 10,000"),
        ("{{ 9 ** 99999999 }}", 1, 0, "the power is too high"),
        ("{{ '%999999999d' % 1 }}", 1, 0, "fill up to a thousand places"),
        ("{{ '{:>999999999}'.format(1) }}", 1, 0, "fill up to a thousand places"),
        ("{{ 'x'.center(999999999) }}", 1, 8, "'center' of 'str' object is unsafe"),
    ],
)
def test_what_a_layout_may_not(folder, source, line, column, says):
    error = refused(folder, source)
    assert says in error.message
    assert (error.source, error.line, error.column) == ("mine/layout.mjml", line, column)


def test_the_place_is_that_of_the_file_at_fault(folder):
    (folder.parent / "parts" / "part.mjml").write_text("\n{% macro m(x) %}\n  {{ x.nope }}\n{% endmacro %}")
    error = refused(folder, "{% from 'part.mjml' import m %}\n\n{{ m(heading) }}")
    assert (error.source, error.line, error.column) == ("parts/part.mjml", 3, 8)


def test_a_link_out_of_the_folder_is_not_followed(folder):
    (folder / "linked.mjml").symlink_to(folder.parent / "secret.mjml")
    assert "leads out of the layout's folder" in refused(folder, "{% include 'linked.mjml' %}").message


def test_a_file_that_is_no_text_is_told(folder):
    (folder / "binary.mjml").write_bytes(b"\xff\xfe")
    assert "utf-8" in refused(folder, "{% include 'binary.mjml' %}").message


def test_everything_is_escaped(folder):
    source = "{{ x }}{% set y %}{{ x }}{% endset %}{{ y }}{{ [x]|join }}{{ '%s' % x }}{{ x|replace('<', '<i>') }}"
    assert "<" not in rendered(folder, source, x="<b>")


def test_text_in_which_nothing_is_escaped_cannot_stand_in_markup(folder):
    (folder / "open.txt").write_text("{{ heading.text }}")
    for way in ("include 'open.txt'", "extends 'open.txt'", "import 'open.txt' as o"):
        error = refused(folder, f"\n{{% {way} %}}")
        assert "'open.txt' cannot be used in 'layout.mjml'" in error.message
        assert error.line == 2


def test_a_changed_file_is_read_again(folder):
    assert rendered(folder, "<a>1</a>") == "<a>1</a>"
    assert rendered(folder, "<a>1</a><b>2</b>") == "<a>1</a><b>2</b>"


def test_one_render_leaves_the_next_its_whole_budget(folder):
    source = "{% for i in range(600) %}{% for j in range(999) %}{% endfor %}{% endfor %}x"
    assert rendered(folder, source) == rendered(folder, source) == "x"


def test_what_layouts_use(folder):
    source = "{{ words|join(', ') }} {{ '%02d' % 7 }} {{ 'a{}c'.format('b') }} {{ 2 * 3 }} {{ 'ab' * 2 }} {{ 2 ** 3 }}"
    assert rendered(folder, source) == "a, b 07 abc 6 abab 8"
    loop = "{% for word in words %}{{ loop.index }}/{{ loop.length }}{{ ', ' if not loop.last }}{% endfor %}"
    assert rendered(folder, loop) == "1/2, 2/2"
