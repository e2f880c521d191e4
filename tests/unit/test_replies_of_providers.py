"""What large providers and widespread servers say, in examples of our own after their documentation."""

from pathlib import Path

import pytest

from pipeline.replies import classify
from pipeline.replies.reasons import DEAD

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "replies.tsv"
LINES = [line.split("\t") for line in CORPUS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(("word", "text"), LINES)
def test_a_documented_reply_means(word, text):
    found = classify(text)
    assert found.reason_sisimai == word, found
    assert found.hard == (word in DEAD)
