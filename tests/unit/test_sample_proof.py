"""Every fact of the sample reaches the reader, in the HTML and in the text part of both editions."""

import re
from html import unescape

import pytest
from test_sample_issue import LANGUAGES, facts, sample, squeeze

from pipeline.content.compile import compile_issue
from pipeline.content.message import message_parts
from pipeline.content.preflight import blocked
from pipeline.content.types import Site

SITE = Site("https://news.smartcity.example", "bounces.smartcity.example", "smartcity.example")
VALUES = {"first_name": "Ada", "token.unsubscribe": "abc", "token.view": "def", "token.id": "ghi"}
BLOCK = r"</?(?:p|div|td|th|tr|li|h[1-6]|table|ul|ol|br|body|head)\b[^>]*>"


def parts(language: str) -> dict[str, str]:
    issue = sample(language)
    made = compile_issue(issue.document, issue.newsletter, SITE, nonce="factsnonce")
    html, text = message_parts(made.proof, VALUES)
    assert not blocked(made.findings)
    return {"html": squeeze(visible(html)), "text": squeeze(text)}


def visible(html: str) -> str:
    """What a reader of the HTML sees: no comments, no head, alternative texts in the place of pictures."""
    body = re.sub(r"<!--.*?-->|<head.*?</head>|<style.*?</style>", "", html, flags=re.DOTALL)
    body = re.sub(r'<img[^>]*?alt="([^"]*)"[^>]*>', r" \1 ", body)
    return unescape(re.sub(r"<[^>]+>", "", re.sub(BLOCK, " ", body)))


@pytest.mark.parametrize("part", ["html", "text"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fact_of_the_sample_reaches_the_reader(language, part):
    said = parts(language)[part]
    missing = {fact.id: fact.missing(said) for fact in facts(language) if fact.missing(said)}

    assert len(facts(language)) >= 80
    assert missing == {}


def test_a_fact_that_is_left_out_is_noticed():
    said = parts("en")["text"].replace("KINTEX", "the hall")

    assert any(fact.missing(said) for fact in facts("en"))
