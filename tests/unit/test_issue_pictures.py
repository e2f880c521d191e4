"""Pictures beside an issue file, as `render` and `check` treat them."""

import argparse
import json
import re
from pathlib import Path

import pytest
from drawings import decoded, drawing, encoded
from issuefiles import FRONT
from lxml import html as lxml_html

from pipeline.commands import check, render
from pipeline.content.types import ContentError
from pipeline.issuefolder import IssueFolder

BODY = """
# One

## Two

![A tower](pictures/tower.png)

![At night](pictures/tower.png){video="https://example.org/v"}

![From elsewhere](https://example.org/a.png)
"""


@pytest.fixture
def issue(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRESSRUN_BASE_URL", raising=False)
    Path("pictures").mkdir()
    Path("pictures/tower.png").write_bytes(encoded(drawing((1600, 800))))
    path = Path("issue.md")
    path.write_text(FRONT + BODY, encoding="utf-8")
    return path


def run(command, *words):
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    command.add_arguments(parser)
    return command.run(parser.parse_args([str(word) for word in words]))


def findings(issue, capsys) -> list[dict[str, object]]:
    run(check, issue, "--json")
    return json.loads(capsys.readouterr().out)["findings"]


def test_render_writes_the_pictures_at_the_addresses_that_they_will_have(issue, capsys, monkeypatch):
    monkeypatch.setenv("PRESSRUN_BASE_URL", "https://news.example.org")
    run(render, issue, "--out", "out")
    assert "media/pictures" in capsys.readouterr().out
    page = lxml_html.fromstring(Path("out/message.html").read_text(encoding="utf-8"))
    whole, doorway, elsewhere = [image.get("src") for image in page.iter("img")]
    names = [
        re.fullmatch(r"https://news\.example\.org/(media/pictures/[0-9a-f]{32}\.png)", src)[1]
        for src in (whole, doorway)
    ]
    assert sorted(Path("out").glob("media/pictures/*")) == sorted(Path("out") / name for name in names)
    assert [decoded((Path("out") / name).read_bytes()).size for name in names] == [(1300, 650)] * 2
    assert elsewhere == "https://example.org/a.png"


def test_another_picture_is_another_proof(issue):
    run(render, issue, "--out", "a")
    run(render, issue, "--out", "b")
    Path("pictures/tower.png").write_bytes(encoded(drawing((1600, 900))))
    run(render, issue, "--out", "c")
    same, again, other = (json.loads(Path(out, "proof.json").read_text())["hash"] for out in "abc")
    assert same == again != other


def test_pictures_may_be_fetched_from_another_host(issue, monkeypatch):
    monkeypatch.setenv("PRESSRUN_MEDIA_URL", "https://cdn.example.org/news/")
    run(render, issue, "--out", "out")
    assert 'src="https://cdn.example.org/news/pictures/' in Path("out/message.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("raw", "identity", "said"),
    [
        (None, "picture-missing", "there is no file pictures/tower.png; put it there, or mend the name"),
        (b"<svg/>", "picture-unusable", "it is an SVG drawing"),
        (encoded(drawing())[:90], "picture-unusable", "the file is broken"),
    ],
)
def test_check_tells_each_picture_that_cannot_be_shown_with_its_place(issue, capsys, raw, identity, said):
    Path("pictures/tower.png").unlink()
    if raw is not None:
        Path("pictures/tower.png").write_bytes(raw)
    found = [each for each in findings(issue, capsys) if each["severity"] == "block"]
    assert [(each["id"], each["column"]) for each in found] == [(identity, 1), (identity, 1)]
    lines = issue.read_text(encoding="utf-8").splitlines()
    assert [lines[each["line"] - 1][:3] for each in found] == ["![A", "![A"]
    assert all(said in each["message"] for each in found)


def test_a_folder_in_the_place_of_a_picture_is_no_picture(issue, capsys):
    issue.write_text(FRONT + "\n# One\n\n![x](pictures)\n", encoding="utf-8")
    assert "picture-unusable" in {each["id"] for each in findings(issue, capsys)}
    with pytest.raises(ContentError, match=r"issue.md, line \d+, column 1: pictures: .*Is a directory"):
        IssueFolder(issue).pictures()


def test_check_is_quiet_about_pictures_that_can_be_shown(issue, capsys):
    assert not {each["id"] for each in findings(issue, capsys)} & {"picture-missing", "picture-unusable"}
