"""Issue files for tests: a front matter, and what parsing gives or says."""

import pytest

from pipeline.content.issuefile import parse
from pipeline.content.types import (
    Block,
    ContentError,
    Section,
)

FRONT = """---
newsletter: smart-city
title: "Smart City Issue"
number: 20
date: 2021-08-31
language: en
subject: "Hello {{ first_name | default(\\"there\\") }}"
preheader: ""
---
"""


def body(text: str) -> tuple[Section, ...]:
    return parse(FRONT + text).document.sections


def blocks(text: str) -> tuple[Block, ...]:
    return body(f"# S\n\n{text}\n")[0].intro


def refusal(text: str) -> ContentError:
    with pytest.raises(ContentError) as caught:
        parse(text, source="issue.md")
    assert caught.value.source == "issue.md"
    return caught.value


def body_refusal(text: str) -> tuple[int, int, str]:
    """Line within `text`, column and message of what is wrong with a body."""
    error = refusal(FRONT + text)
    return error.line - FRONT.count("\n"), error.column, error.message
