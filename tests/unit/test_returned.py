"""Copies of a seed mail as providers write them, and what is read from each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domains.finding import Verdict
from pipeline.domains.returned import Copy, ReturnedError, judge_copy, read_copy

OURS = [("city.org", "s1")]
GMAIL = """\
Delivered-To: ann@gmail.example
Received: by 2002:a05:6402:1234 with SMTP id x1csp1; Sun, 22 Nov 2026 10:00:02 -0800 (PST)
Received: from relay.city.org (relay.city.org. [203.0.113.7])
        by mx.google.com with ESMTPS id z1si1 for <ann@gmail.example>
        (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256); Sun, 22 Nov 2026 10:00:01 -0800 (PST)
Authentication-Results: mx.google.com;
       dkim=pass header.i=@city.org header.s=s1 header.b=abc;
       spf=pass (google.com: domain of b-test@b.city.org designates 203.0.113.7 as (permitted; sender))
 smtp.mailfrom=b-test@b.city.org;
       dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=city.org
Received: from desk.city.org (desk.city.org [198.51.100.4]) by relay.city.org with ESMTP id 1; Sun, 22 Nov 2026 10:00:00
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple;
 d=city.org; s=s1; h=from; bh=x; b=y
X-Pressrun-Probe: abc123
From: desk@city.org

body
"""
ENCRYPTED = """\
with ESMTPS id z1si1 for <ann@gmail.example>
        (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256)"""
MICROSOFT = """\
Authentication-Results: spf=pass (sender IP is 203.0.113.7)
 smtp.mailfrom=b.city.org; dkim=pass (signature was verified)
 header.d=city.org;dmarc=pass action=none header.from=city.org;compauth=pass reason=100
DKIM-Signature: v=1; d=city.org; s=s1; b=y
X-Pressrun-Probe: abc123

body
"""


def judged(text: str, *, ours=OURS) -> dict[str, str]:
    copy = read_copy(text.replace("203.0.113.7", "8.8.4.4").encode())
    return {
        each.name: each.verdict.value
        for each in judge_copy(copy, domain="city.org", bounce_domain="b.city.org", ours=ours)
    }


def test_a_copy_at_gmail():
    copy = read_copy(GMAIL.replace("203.0.113.7", "8.8.4.4").encode())
    assert (copy.probe, copy.server, copy.address, copy.encrypted) == ("abc123", "mx.google.com", "8.8.4.4", True)
    assert copy.signatures == (("city.org", "s1"),)
    assert [(each.method, each.verdict) for each in copy.results] == [
        ("dkim", "pass"),
        ("spf", "pass"),
        ("dmarc", "pass"),
    ]
    assert set(judged(GMAIL).values()) == {"ok"}


def test_a_copy_at_microsoft_which_names_no_server():
    found = judged(MICROSOFT)
    assert (found["SPF of the relay"], found["DKIM"], found["DMARC as seen"]) == ("ok", "ok", "ok")
    assert "TLS" not in found


@pytest.mark.parametrize(
    ("old", "new", "name", "verdict"),
    [
        ("dkim=pass", "dkim=fail", "DKIM", "bad"),
        ("dkim=pass header.i=@city.org header.s=s1 header.b=abc;", "", "DKIM", "unknown"),
        ("header.s=s1", "header.s=s2", "DKIM", "unknown"),
        ("DKIM-Signature", "X-Was-Signature", "DKIM", "bad"),
        ("spf=pass", "spf=softfail", "SPF of the relay", "bad"),
        ("dmarc=pass", "dmarc=fail", "DMARC as seen", "bad"),
        ("b-test@b.city.org", "bounce@mail.relay.example", "return path", "warn"),
        (ENCRYPTED, "with ESMTP id z1si1", "TLS", "bad"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(old, new, name, verdict):
    assert old in GMAIL
    assert judged(GMAIL.replace(old, new))[name] == verdict


@pytest.mark.parametrize("signature", ["d=city.org; s=relay", "d=relay.example; s=s1"])
def test_a_relay_that_signs_too_is_told(signature):
    assert judged(f"DKIM-Signature: v=1; {signature}; b=z\n{GMAIL}")["second signature"] == "warn"
    assert "second signature" not in judged(GMAIL)


@pytest.mark.parametrize(
    ("domain", "dkim", "alignment"),
    [
        ("city.org", "ok", "ok"),
        ("mail.city.org", "ok", "ok"),
        ("relay.example", "ok", "bad"),
        ("xcity.org", "ok", "bad"),
    ],
)
def test_a_relay_that_signs_alone(domain, dkim, alignment):
    found = judged(GMAIL.replace("header.i=@city.org", f"header.d={domain}"), ours=[])
    assert (found["DKIM"], found["DKIM alignment"]) == (dkim, alignment)
    assert judged(GMAIL.replace("dkim=pass", "dkim=none"), ours=[])["DKIM"] == "bad"


def test_only_the_topmost_judgement_counts():
    forged = GMAIL.replace(
        "Received: from desk", "Authentication-Results: mx.google.com; dkim=fail; spf=fail\nReceived: from desk"
    )
    assert set(judged(forged).values()) == {"ok"}


def test_what_is_no_copy_is_refused():
    for text, why in [
        ("", "not a copy of a seed mail"),
        (GMAIL.replace("X-Pressrun-Probe", "X-Other"), "not a copy"),
        (GMAIL.replace("Authentication-Results", "X-Results"), "has not said"),
    ]:
        with pytest.raises(ReturnedError, match=why):
            read_copy(text.encode())


@given(st.binary(max_size=200), st.text(alphabet='()";=ab \\', max_size=200), st.text(max_size=60))
def test_no_copy_breaks_the_reading(body, results, other):
    fields = {"X-Pressrun-Probe": "a", "Authentication-Results": results, "Received": other, "DKIM-Signature": results}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    copy = read_copy(f"{head}\r\n".encode() + body)
    assert isinstance(copy, Copy)
    for ours in ([], OURS):
        found = list(judge_copy(copy, domain="city.org", bounce_domain="b.city.org", ours=ours))
        assert not [
            each for each in found if each.name == "DKIM" and each.verdict is Verdict.OK and "pass" not in results
        ]


def test_comments_within_comments_end():
    deep = "(" * 5000 + ")" * 5000
    read_copy(f"X-Pressrun-Probe: a\r\nAuthentication-Results: x; {deep} spf=pass\r\n\r\n".encode())
