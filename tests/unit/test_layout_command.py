import json
from shutil import copytree

import pytest

from pipeline.cli import main
from pipeline.content import layout, specimen, trial
from pipeline.content.types import Block


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A folder of own layouts with one called mine, a copy of the letter."""
    monkeypatch.setenv("PRESSRUN_LAYOUTS", str(tmp_path))
    copytree(layout.LAYOUTS / "letter", tmp_path / "mine")
    return tmp_path / "mine"


def change(folder, name, old, new):
    path = folder / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


def place(folder, name, text):
    """Where a text stands that stands once."""
    ahead, found, behind = (folder / name).read_text().partition(text)
    assert found
    assert text not in behind
    return f"{folder.name}/{name}, line {ahead.count(chr(10)) + 1}, column {len(ahead) - ahead.rfind(chr(10))}"


def test_the_specimens_hold_every_kind_of_block_full_and_bare():
    for section in (specimen.FULL.sections[0], specimen.FULL.sections[1]):
        kinds = {type(block) for article in section.articles for block in article.blocks}
        assert kinds == set(Block.__args__)
        assert {type(block) for block in section.intro} == kinds


@pytest.mark.parametrize("name", layout.names())
def test_nothing_is_wrong_with_the_layouts_that_are_built_in(name):
    assert trial.mistakes(name) == []


def test_a_good_layout_is_said_to_be_good(mine, capsys):
    assert main(["layout", "check", "mine"]) == 0
    assert capsys.readouterr().out == f"Nothing is wrong with the layout in {mine}.\n"


def test_every_mistake_is_told_once_and_fails(mine, capsys):
    change(mine, "layout.mjml", 'font-size="14px"', 'font-size="14"')
    change(mine, "inline.css", "h4 {", "h4:hover {")
    assert main(["layout", "check", str(mine)]) == 1
    told = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in told] == [
        place(mine, "layout.mjml", 'font-size="14"'),
        place(mine, "inline.css", ":hover"),
    ]


def test_a_template_that_no_issue_reaches_is_read_as_well(mine, capsys):
    (mine / "spare.mjml").write_text("\n{% if %}")
    assert main(["layout", "check", "mine", "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert [(each["file"], each["line"]) for each in printed["mistakes"]] == [("mine/spare.mjml", 2)]


def test_a_layout_that_does_not_exist_is_told_with_those_that_do(mine, capsys):
    assert main(["layout", "check", "yours"]) == 1
    assert "there are bulletin, digest, letter, mine" in capsys.readouterr().err


def test_a_folder_that_does_not_exist_is_named(monkeypatch, capsys):
    monkeypatch.setenv("PRESSRUN_LAYOUTS", "/nowhere")
    assert main(["layout", "check", "letter"]) == 1
    assert "PRESSRUN_LAYOUTS: there is no folder /nowhere" in capsys.readouterr().err
