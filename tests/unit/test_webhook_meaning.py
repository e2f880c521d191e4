"""What a provider makes of a server's words may give the reason and never the hardness."""

from types import SimpleNamespace

from pipeline.feedback.webhooks.meaning import understand_event
from pipeline.feedback.webhooks.reading import Event, read_event
from pipeline.replies import Reason


def _meaning(words):
    raw = {"data": {"bounce": {"subType": "NoEmail"}}}
    event = Event("resend", "bounced", raw, recipient="a@b.example", words=words)
    [told] = understand_event(event).recipients
    return told.meaning


def test_a_providers_word_is_hard_only_where_no_words_are_given():
    assert _meaning("").hard
    meaning = _meaning("499 zzz qqq")
    assert not meaning.hard
    assert meaning.reason is not Reason.UNKNOWN


def test_the_prose_of_mailersend_is_not_the_words_of_a_server():
    raw = {"data": {"morph": {"readable_reason": "The mailbox does not exist"}}}
    told = SimpleNamespace(
        esp_event=raw, recipient="a@b.example", event_type="bounced", timestamp=None, mta_response=None,
        description="", metadata={}, event_id="1",
    )  # fmt: skip
    assert read_event("mailersend", told).words == ""
