"""What preflight says, on the pages."""

from dataclasses import replace

import pytest
from newsroom import DOCUMENT, a_newsletter, an_issue

from pipeline.content.types import Article, Paragraph, Section
from pipeline.staff.preview import preview_of

pytestmark = pytest.mark.django_db


def an_issue_of(*blocks):
    sections = (Section("Policy", (Article("A bridge opens", blocks),)),)
    return an_issue(a_newsletter(), replace(DOCUMENT, sections=sections))


def test_an_issue_that_cannot_be_compiled_says_why():
    preview = preview_of(an_issue_of(Paragraph("Dear {{ surname }}")))
    assert preview.compilation is None
    assert "not-ready" in {finding.id for finding in preview.findings}
    assert any("surname" in finding.message for finding in preview.findings)
