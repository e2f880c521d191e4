"""What Celery's transport is taught."""

from types import SimpleNamespace

import pytest
from kombu.transport import redis

import pipeline.celery  # noqa: F401 (it teaches)


class Away(SimpleNamespace):
    """A channel whose Redis is gone."""

    do_restore = False

    def conn_or_acquire(self, client=None):  # noqa: ARG002 (kombu gives it)
        raise ConnectionError


@pytest.mark.parametrize("act", [("ack", "tag"), ("reject", "tag", False), ("reject", "tag", True)])
def test_a_message_that_cannot_be_answered_for_takes_no_place(act):
    places = redis.Channel.QoS(Away(), prefetch_count=1)
    places._delivered["tag"] = "a message"
    assert not places.can_consume()
    name, *given = act
    with pytest.raises(ConnectionError):
        getattr(places, name)(*given)
    assert places.can_consume()
