"""What the books need is not deleted, and the pages say why; what nothing needs goes."""

from datetime import UTC, datetime

import pytest

from pipeline.models import Issue, Newsletter
from subscribers.models import List

TODAY = datetime.now(UTC).date()
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("path", "model", "needed_for"),
    [
        ("lists/delete", List, "subscriptions"),
        ("snippets/pipeline/issue/delete", Issue, "proofs"),
        ("newsletters/delete", Newsletter, "issues"),
    ],
)
def test_what_is_needed_stays_and_says_for_what(newsroom, bo, path, model, needed_for, method):
    row = {List: newsroom.readers, Issue: newsroom.issue, Newsletter: newsroom.newsletter}[model]
    answer = getattr(bo, method)(f"/admin/{path}/{row.pk}/", follow=True)
    assert answer.status_code == 200
    assert needed_for in told(answer)
    assert "Nothing was deleted." in told(answer)
    assert model.objects.filter(pk=row.pk).exists()


def test_of_several_all_go_or_none(newsroom, bo):
    unused = Issue.objects.create(
        newsletter=newsroom.newsletter, title="Draft", subject="Draft", number="99", date=TODAY
    )
    both = f"/admin/bulk/pipeline/issue/delete/?id={newsroom.issue.pk}&id={unused.pk}"
    assert "proofs" in told(bo.post(both, follow=True))
    assert Issue.objects.filter(pk=unused.pk).exists()
    bo.post(f"/admin/bulk/pipeline/issue/delete/?id={unused.pk}")
    assert not Issue.objects.filter(pk=unused.pk).exists()
    assert Issue.objects.filter(pk=newsroom.issue.pk).exists()


def test_what_nothing_needs_goes(bo):
    unused = List.objects.create(name="Old", slug="old")
    assert b"Are you sure" in bo.get(f"/admin/lists/delete/{unused.pk}/").content
    assert bo.post(f"/admin/lists/delete/{unused.pk}/").status_code == 302
    assert not List.objects.filter(pk=unused.pk).exists()


def told(answer) -> str:
    return " ".join(str(each) for each in answer.context["messages"])
