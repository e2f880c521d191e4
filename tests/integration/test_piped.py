"""`pressrun feedback` as a mail server's pipe meets it, when the message cannot be taken in now."""

import io
import json
import os
from types import SimpleNamespace

import pytest
from django.db import OperationalError

from pipeline import cli
from pipeline.commands import environment
from pipeline.feedback import apply


@pytest.fixture
def piped(monkeypatch, capfd):
    def run(*words):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"Subject: returned\n\nwords\n")))
        status = cli.main(["feedback", *words])
        return status, *capfd.readouterr()

    return run


@pytest.mark.parametrize("place", ["start", "books"])
@pytest.mark.parametrize(
    "error", [OperationalError("no connection"), environment.NotMigratedError("Run it."), KeyError("x")]
)
def test_what_cannot_be_taken_in_now_stays_with_the_mail_server(monkeypatch, piped, place, error):
    """With 1 Postfix and Exim give it up at once, and a bounce that is given up is gone: nobody hears of it."""

    def away(*_given, **_told):
        raise error

    monkeypatch.setattr(environment, "prepare", away if place == "start" else lambda: None)
    monkeypatch.setattr(apply, "take_in", away)
    status, out, err = piped("--json")
    assert status == os.EX_TEMPFAIL
    assert error.args[0] in json.loads(out)["error"]
    assert "Nothing was taken in" in err
