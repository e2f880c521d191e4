import argparse
import email
import email.policy
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import linkcheck
from pipeline.commands import check, render
from pipeline.content.preflight.findings import warn
from pipeline.content.types import ContentError

GOOD = """---
newsletter:
  slug: smart-city
  name: "Smart City"
  sender:
    name: "Smart City"
    address: "desk@example.org"
  postal_address: "12 Harbour Road, Seoul"
title: "August"
number: 20
date: 2021-08-31
language: ko
subject: '{{ first_name | default("독자") }}님, 8월의 소식'
preheader: "Short"
---

# One

## Two

A [link](https://example.org/?a=1&b=2).
"""


@pytest.fixture
def issue(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("PRESSRUN_BASE_URL", "PRESSRUN_BOUNCE_DOMAIN"):
        monkeypatch.delenv(name, raising=False)
    path = Path("issue-20.ko.md")
    path.write_text(GOOD, encoding="utf-8")
    return path


def run(command, *words):
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    command.add_arguments(parser)
    return command.run(parser.parse_args([str(word) for word in words]))


class TestRender:
    def test_writes_what_a_reader_gets(self, issue, capsys):
        assert run(render, issue) == 0
        out = Path("issue-20.ko-proof")
        assert sorted(path.name for path in out.iterdir()) == [
            "message.eml",
            "message.html",
            "message.txt",
            "proof.json",
        ]
        assert str(out) in capsys.readouterr().out
        message = email.message_from_bytes((out / "message.eml").read_bytes(), policy=email.policy.default)
        assert message["Subject"] == "독자님, 8월의 소식"
        assert "127.0.0.1:8000/u/preview" in message["List-Unsubscribe"]
        halves = [part.get_content().replace("\r\n", "\n") for part in message.iter_parts()]
        assert halves[0] == (out / "message.txt").read_text(encoding="utf-8")
        assert halves[1].rstrip("\n") == (out / "message.html").read_text(encoding="utf-8").rstrip("\n")

    def test_as_a_reader_and_from_a_site(self, issue, monkeypatch):
        monkeypatch.setenv("PRESSRUN_BASE_URL", "https://news.example.org/")
        monkeypatch.setenv("PRESSRUN_BOUNCE_DOMAIN", "b.example.org")
        assert run(render, issue, "--out", "deep/out", "--as", "kim@example.org") == 0
        raw = Path("deep/out/message.eml").read_text(encoding="ascii")
        assert "\nTo: kim@example.org\n" in raw
        assert "<https://news.example.org/u/preview>,\n <mailto:u-preview@b.example.org>" in raw

    def test_the_same_file_gives_the_same_bytes(self, issue):
        run(render, issue, "--out", "a")
        run(render, issue, "--out", "b")
        for path in Path("a").iterdir():
            assert path.read_bytes() == (Path("b") / path.name).read_bytes()

    def test_json_is_one_document_and_equals_the_proof_file(self, issue, capsys):
        assert run(render, issue, "--json") == 0
        printed = json.loads(capsys.readouterr().out)
        assert printed.pop("out") == "issue-20.ko-proof"
        assert printed == json.loads(Path("issue-20.ko-proof/proof.json").read_text(encoding="utf-8"))
        assert printed["links"] == [{"url": "https://example.org/?a=1&b=2", "text": "link"}]
        assert len(printed["hash"]) == 64

    def test_a_blocked_issue_is_written_and_fails(self, issue, capsys):
        issue.write_text(GOOD.replace("12 Harbour Road, Seoul", ""), encoding="utf-8")
        assert run(render, issue) == 1
        assert "postal address" in capsys.readouterr().out
        assert Path("issue-20.ko-proof/message.html").exists()

    def test_a_newsletter_known_by_its_slug_is_stood_in_for(self, issue, capsys):
        head, _, tail = GOOD.partition("newsletter:\n")
        issue.write_text(f"{head}newsletter: smart-city\ntitle:{tail.partition('title:')[2]}", encoding="utf-8")
        assert run(render, issue) == 0
        assert run(check, issue) == 0
        assert capsys.readouterr().out.count("only its short name “smart-city” is known") == 2

    def test_a_folder_that_cannot_be_written_is_named(self, issue):
        Path("taken").write_text("x")
        with pytest.raises(ContentError, match="--out"):
            run(render, issue, "--out", "taken")
        assert Path("taken").read_text() == "x"

    def test_an_address_that_is_none_is_wrong_usage(self, issue):
        with pytest.raises(SystemExit) as stopped:
            run(render, issue, "--as", "kim")
        assert stopped.value.code == 2


class TestCheck:
    def test_a_good_issue(self, issue, capsys):
        issue.write_text(GOOD.replace("language: ko", "language: en"), encoding="utf-8")
        assert run(check, issue) == 0
        assert capsys.readouterr().out == "Nothing stands against sending it.\n"

    def test_warnings_do_not_fail_and_blocks_do(self, issue, capsys):
        issue.write_text(GOOD.replace('"Short"', '""'), encoding="utf-8")
        assert run(check, issue) == 0
        assert "Please look (1)\n" in capsys.readouterr().out
        issue.write_text(GOOD.replace("12 Harbour Road, Seoul", ""), encoding="utf-8")
        assert run(check, issue, "--json") == 1
        printed = json.loads(capsys.readouterr().out)
        assert printed["blocked"] is True
        assert [finding["id"] for finding in printed["findings"]] == ["postal-address", "client-unknown"]

    def test_the_gravest_come_first_with_their_place_in_the_file_and_by_name(self, issue, capsys):
        issue.write_text(
            GOOD.replace('"Short"', '""') + "\n[Go](http://localhost/){.button}\n\n![](gone.png)\n", encoding="utf-8"
        )
        assert run(check, issue) == 1
        lines = capsys.readouterr().out.splitlines()
        assert [line for line in lines if not line.startswith(" ")] == [
            "Must be mended (2)",
            "Please look (3)",
            "Good to know (1)",
        ]
        assert [line.strip() for line in lines if line.startswith("  issue")] == [
            "issue-20.ko.md:23:1 One › Two › Button “Go”",
            "issue-20.ko.md:25:1 One › Two › Picture “gone.png”",
            "issue-20.ko.md:14:12 preheader",
            "issue-20.ko.md:25:1 One › Two › Picture “gone.png”",
        ]

    def test_a_picture_that_is_not_there_is_told_and_one_that_is_is_not(self, issue, capsys):
        issue.write_text(GOOD + "\n![A bridge](bridge.png)\n", encoding="utf-8")
        assert run(check, issue, "--json") == 1
        assert "picture-missing" in {found["id"] for found in json.loads(capsys.readouterr().out)["findings"]}
        Path("bridge.png").touch()
        run(check, issue, "--json")
        assert "picture-missing" not in {found["id"] for found in json.loads(capsys.readouterr().out)["findings"]}

    def test_json_has_line_and_column(self, issue, capsys):
        issue.write_text(GOOD.replace("[link](https://", "[link](http://"), encoding="utf-8")
        assert run(check, issue, "--json") == 0
        http, unknown = json.loads(capsys.readouterr().out)["findings"]
        assert {key: http[key] for key in ("id", "severity", "place", "line", "column")} == {
            "id": "http",
            "severity": "warn",
            "place": "sections[0].articles[0].blocks[0]",
            "line": 21,
            "column": 1,
        }
        assert (unknown["place"], unknown["line"]) == ("page", 0)

    def test_an_issue_that_cannot_be_compiled_says_why_by_its_findings(self, issue, capsys):
        issue.write_text(GOOD.replace("A [link]", "{{ surname }} [link]"), encoding="utf-8")
        assert run(check, issue) == 1
        assert "issue-20.ko.md:21:1 One › Two › Paragraph" in capsys.readouterr().out

    def test_links_are_asked_when_they_may_be(self, issue, capsys, monkeypatch):
        asked = []

        def ask(document):
            asked.append(document)
            return (warn("link-broken", "sections[0].articles[0].blocks[0]", "it is broken"),)

        monkeypatch.setattr(linkcheck, "check_links", ask)
        assert run(check, issue) == 0
        assert asked == []
        assert run(check, issue, "--links") == 0
        assert len(asked) == 1
        assert "it is broken" in capsys.readouterr().out
        monkeypatch.setenv("PRESSRUN_LINK_CHECK", "0")
        with pytest.raises(ContentError, match="PRESSRUN_LINK_CHECK=0"):
            run(check, issue, "--links")

    @pytest.mark.parametrize(
        ("content", "says"),
        [(None, "cannot be read"), (b"\xff\xfe", "UTF-8"), (b"no front matter", "line 1, column 1")],
    )
    def test_what_is_no_issue_file_is_named(self, issue, content, says):
        issue.unlink()
        if content is not None:
            issue.write_bytes(content)
        with pytest.raises(ContentError, match=says) as refused:
            run(check, issue)
        assert refused.value.source == str(issue)


@pytest.mark.parametrize("command", ["render", "check"])
def test_neither_django_nor_celery_is_loaded(issue, command):
    program = (
        "import sys; from pipeline.cli import main; status = main(sys.argv[1:]);"
        "sys.exit(status or 10 * bool({'django', 'celery', 'redis', 'psycopg'} & set(sys.modules)))"
    )
    root = Path(render.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program, command, str(issue)],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
