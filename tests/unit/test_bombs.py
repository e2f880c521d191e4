"""What a message made for the purpose may cost: time by its size and no more, and memory within the reader's limit."""

import sys
import time

import pytest
from bombs import BOMBS

from pipeline.feedback import mime
from pipeline.feedback.bounded import Reader
from pipeline.feedback.understand import Kind, understand

SMALL = 20_000  # octets; below every limit, so that what grows does so
GROWTH = 8
PARTS_OF_A_CALL = 200


def work(raw):
    """Calls, of functions in Python and in C. Does not depend on how fast or busy the machine is."""
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event.endswith("call")

    sys.setprofile(count)
    try:
        understand(raw)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_its_work_grows_with_its_size_at_most(bomb):
    understand(bomb(SMALL // 2))  # what is made once is made; of the last text some is remembered, so another one
    assert work(bomb(SMALL * GROWTH)) <= GROWTH * work(bomb(SMALL)) + PARTS_OF_A_CALL


@pytest.fixture(scope="module")
def reader():
    reader = Reader()
    yield reader
    reader.close()


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_it_is_read_within_the_limits(reader, bomb):
    raw = bomb(mime.SIZE_AT_MOST)[: mime.SIZE_AT_MOST]
    assert len(raw) > mime.SIZE_AT_MOST * 0.8
    began = time.process_time()
    understood = understand(raw)
    assert time.process_time() - began < 0.5, "it takes a tenth of that"
    assert reader.understand(raw) == understood
    assert understood.kind in Kind
