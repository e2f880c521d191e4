"""Mistakes that people make in issue files, merge tags, pictures and layouts, as the commands tell them.

Each is told with the file, the line and the column of what was written, the reason, and what is allowed instead.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import pytest
from drawings import drawing, encoded, huge_png

from pipeline.cli import main
from pipeline.content import layout

CORPUS = Path(__file__).parents[1] / "corpus"
ISSUE = """\
---
newsletter:
  slug: city
  name: City Letter
  sender: {name: City Desk, address: desk@city.example}
  postal_address: 1 Town Square, Sejong
  layout: mine
number: 1
date: 2026-11-22
language: en
title: The first issue
subject: 'News for {{ first_name | default("you") }}'
preheader: What is new in the city
---
# News

Dear {{ first_name | default("reader") }}, the bridge is open. [Look at it](https://citynews.kr/bridge).

## A bridge opens {source="City Hall" date=2026-11-20 url="https://citynews.kr/story"}

![The bridge at noon](bridge.png){credit="City Hall"}

- one
- two

[Register now](https://citynews.kr/register){.button}
"""


@dataclass(frozen=True)
class Mistake:
    file: str
    old: str
    """What stands in the file …"""
    new: str | bytes
    """… and what somebody made of it."""
    at: str
    """Where it should be looked for: at the start of this text in the changed file; empty for the whole line."""
    reason: str
    allowed: str


def table():
    """The mistakes in text, from the corpus: one a line, line ends written `\\n`."""
    _, *rows = (CORPUS / "mistakes.tsv").read_text().splitlines()
    for row in rows:
        name, *cells = row.replace(r"\n", "\n").split("\t")
        yield name, Mistake(*cells)


def picture(raw, reason, allowed="Allowed are PNG, JPEG, GIF and WebP"):
    return Mistake("bridge.png", "", raw, "![The bridge", reason, allowed)


MISTAKES = {
    **dict(table()),
    "an empty picture": picture(b"", "the file is empty"),
    "a drawing": picture(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
    "a web page": picture(b"<html></html>", "a web page"),
    "half a picture": picture(encoded(drawing())[:90], "the file is broken"),
    "too many pixels": picture(huge_png(9000, 9000), "9000 × 9000 pixels", "40 megapixels"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PRESSRUN_LAYOUTS", str(tmp_path))
    (tmp_path / "issue.md").write_text(ISSUE)
    (tmp_path / "bridge.png").write_bytes(encoded(drawing((640, 480))))
    copytree(layout.LAYOUTS / "letter", tmp_path / "mine")
    return tmp_path


def told(folder, file, capsys):
    """What the command for that file says: for each mistake file, line, column and words."""
    words = ["layout", "check", "mine"] if file.startswith("mine/") else ["check", str(folder / "issue.md")]
    main([*words, "--json"])
    said = json.loads(capsys.readouterr().out)
    if "error" in said:
        found = re.fullmatch(r"(.*?)(?:, line (\d+))?(?:, column (\d+))?: (.*)", said["error"], re.DOTALL)
        return [(found[1].removeprefix(f"{folder}/"), int(found[2] or 0), int(found[3] or 0), found[4])]
    if "mistakes" in said:
        return [(each["file"], each["line"], each["column"], each["message"]) for each in said["mistakes"]]
    return [("issue.md", each["line"], each["column"], each["message"]) for each in said["findings"]]


def test_there_is_nothing_to_tell_before_the_mistake(folder, capsys):
    assert told(folder, "mine/", capsys) == []
    assert main(["check", str(folder / "issue.md")]) == 0


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_its_place_the_reason_and_what_is_allowed(folder, name, capsys):
    mistake = MISTAKES[name]
    path = folder / mistake.file
    if isinstance(mistake.new, bytes):
        path.write_bytes(mistake.new)
    else:
        before = path.read_text()
        assert mistake.old in before
        path.write_text(before.replace(mistake.old, mistake.new, 1))
    found = told(folder, mistake.file, capsys)
    assert {each[:3] for each in found if mistake.reason in each[3] and mistake.allowed in each[3]} == {
        place_of(folder, mistake)
    }, found


def place_of(folder, mistake):
    """File, line and column; of something that has no column, the line where it was put in."""
    file = "issue.md" if isinstance(mistake.new, bytes) else mistake.file
    ahead = (folder / file).read_text().partition(mistake.at or mistake.new)[0]
    return file, ahead.count("\n") + 1, len(ahead) - ahead.rfind("\n") if mistake.at else 0


def test_the_table_is_long_enough():
    assert len(MISTAKES) >= 40
