"""What the readers beside ours make of our own samples, and how the figures are told."""

import json
import sys
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import corpus, feedback
from bench.options import Options
from bench.scoring import Reading, Told

SAMPLES = Path(__file__).resolve().parents[1] / "corpus" / "feedback"
ADA = "ada@reader.example"


def sample(name):
    return (SAMPLES / f"{name}.eml").read_bytes()


def read(reader, name):
    return feedback.READERS[reader](sample(name))


@pytest.mark.parametrize("reader", feedback.READERS)
def test_a_plain_report_is_read_by_all(reader):
    found = read(reader, "dsn-unknown-user")
    assert (found.kind, list(found.told)) == ("bounce", [ADA])
    assert (found.told[ADA].failed, found.told[ADA].hard) == (True, True)
    assert found.told[ADA].word == ("" if reader == "flufl.bounce" else "userunknown")


@pytest.mark.parametrize("reader", feedback.READERS)
def test_a_delay_is_told_as_such_by_all(reader):
    found = read(reader, "dsn-delayed")
    assert (found.kind, list(found.told)) == ("bounce", [ADA])
    assert (found.told[ADA].failed, found.told[ADA].hard) == (False, False)


@pytest.mark.parametrize("reader", ["ours", "RFC 3464"])
@pytest.mark.parametrize(
    ("name", "kind"), [("arf-abuse", "complaint"), ("away-english", "auto-reply"), ("reply", "other")]
)
def test_what_is_no_bounce_tells_of_nobody(reader, name, kind):
    assert read(reader, name) == Reading(kind)


def test_who_did_get_it_is_not_told():
    assert read("RFC 3464", "dsn-delivered") == Reading("other")


def test_a_delay_is_not_hard_whatever_its_code():
    late = feedback.by_the_standard_library(sample("dsn-delayed").replace(b"Status: 4", b"Status: 5"))
    assert late.told[ADA] == Told(failed=False, word=read("RFC 3464", "dsn-delayed").told[ADA].word)


def test_plain_rfc_3464_takes_a_five_for_dead_and_reads_no_words():
    assert read("RFC 3464", "dsn-mailbox-full").told[ADA] == Told(hard=True, word="mailboxfull")
    assert read("RFC 3464", "words-qmail-style") == Reading("other")


# -- the run


@pytest.fixture
def folder(tmp_path):
    """One message of a format that was set aside, two of another, one of these a delay."""
    aside = min(corpus.set_aside())
    samples = {f"{aside}-01.eml": "dsn-unknown-user", "own-1.eml": "words-qmail-style", "own-2.eml": "dsn-delayed"}
    lines = []
    for file, name in samples.items():
        (tmp_path / file).write_bytes(sample(name))
        action = "delayed" if name == "dsn-delayed" else "failed"
        ada = {"address": ADA, "action": action, "hard": action == "failed", "reason": "userunknown"}
        lines.append({"file": file, "kind": "bounce", "recipients": [ada], "recipients_complete": True})
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path


def test_what_was_set_aside_is_told_apart(folder):
    result = feedback.run(Options(rounds=1, corpus=folder))
    assert result["recipients_found"]["ours"] == {
        "set_aside": {"percent": 100.0, "count": 1, "of": 1},
        "others": {"percent": 100.0, "count": 2, "of": 2},
        "all": {"percent": 100.0, "count": 3, "of": 3},
    }
    assert result["recipients_found"]["RFC 3464"]["others"] == {"percent": 50.0, "count": 1, "of": 2}
    assert result["false_bounces"]["ours"]["set_aside"] == {"percent": None, "count": 0, "of": 0}
    assert list(result["reason_exact"]) == ["ours", "RFC 3464"]
    assert all(rate > 0 for rate in result["messages_per_second"].values())


def run_bench(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments)])
    return bench.main()


def test_it_is_printed_as_a_table(monkeypatch, capsys, folder):
    assert run_bench(monkeypatch, "feedback", "--corpus", folder, "--rounds", 1) == 0
    name, head, *rows = capsys.readouterr().out.splitlines()
    assert (name, head.split()) == ("feedback", ["set_aside", "others", "all"])
    assert rows[0].split() == ["recipients_found", "ours", "100.0", "(1/1)", "100.0", "(2/2)", "100.0", "(3/3)"]


def test_it_is_printed_as_json(monkeypatch, capsys, folder):
    assert run_bench(monkeypatch, "feedback", "--corpus", folder, "--rounds", 1, "--json") == 0
    assert json.loads(capsys.readouterr().out)["kind"]["ours"]["all"] == {"percent": 100.0, "count": 3, "of": 3}


def test_it_needs_a_corpus(monkeypatch, capsys):
    with pytest.raises(SystemExit, match="2"):
        run_bench(monkeypatch, "feedback")
    assert "--corpus" in capsys.readouterr().err
