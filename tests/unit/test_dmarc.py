"""DMARC by RFC 9989: the walk up the tree, the policy, and who aligns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zone import SILENT, Zone

from pipeline.domains.dmarc import judge_alignment, judge_dmarc, walk
from pipeline.domains.finding import Verdict

GOOD = "v=DMARC1; p=reject; rua=mailto:d@example.org"


def zone(**records: str | tuple[str, ...]) -> Zone:
    """`news_example_org="v=DMARC1…"` stands at _dmarc.news.example.org."""
    return Zone({f"TXT _dmarc.{name.replace('_', '.')}": text for name, text in records.items()})


def test_the_walk_goes_up_to_the_last_label():
    dns = zone(example_org=GOOD)
    found = walk("a.news.example.org", dns)
    assert dns.asked == [
        f"TXT _dmarc.{name}" for name in ("a.news.example.org", "news.example.org", "example.org", "org")
    ]
    assert (found.organisation, found.policy.domain) == ("example.org", "example.org")


def test_a_long_name_takes_eight_questions():
    dns = zone(example_org=GOOD)
    walk("a.b.c.d.e.f.g.h.i.example.org", dns)
    assert len(dns.asked) == 8
    assert dns.asked[1] == "TXT _dmarc.e.f.g.h.i.example.org"


@pytest.mark.parametrize(
    ("records", "organisation", "policy"),
    [
        ({"example_org": GOOD}, "example.org", "example.org"),
        ({"news_example_org": GOOD, "example_org": GOOD}, "example.org", "news.example.org"),
        ({"news_example_org": f"{GOOD}; psd=n", "example_org": GOOD}, "news.example.org", "news.example.org"),
        ({"org": f"{GOOD}; psd=y"}, "example.org", "org"),
        ({"org": f"{GOOD}; psd=y", "example_org": GOOD}, "example.org", "example.org"),
        ({"org": GOOD}, "org", "org"),
        ({}, "news.example.org", None),
        ({"example_org": "v=DMARC2; p=none"}, "news.example.org", None),
        ({"example_org": "p=none; v=DMARC1"}, "news.example.org", None),
        ({"example_org": ("v=spf1 -all", GOOD)}, "example.org", "example.org"),
    ],
)
def test_the_organisation_and_the_policy(records, organisation, policy):
    found = walk("news.example.org", zone(**records))
    assert (found.organisation, found.policy and found.policy.domain) == (organisation, policy)


@pytest.mark.parametrize(
    ("record", "verdict", "why"),
    [
        (GOOD, "ok", "says reject"),
        ("v=DMARC1; rua=mailto:d@example.org", "ok", "says none"),
        (f"{GOOD}; unknown=tag", "ok", "reject"),
        ("v=DMARC1; p=none", "warn", "no rua="),
        (f"{GOOD}; pct=50", "warn", "pct has no meaning"),
        ("v=DMARC1; p=block; rua=mailto:d@example.org", "bad", "'block'"),
        ((GOOD, GOOD), "bad", "more than one"),
        ((), "bad", "has a DMARC record"),
    ],
)
def test_what_is_said_of_a_record(record, verdict, why):
    found = judge_dmarc(walk("example.org", zone(example_org=record)))
    assert found.verdict.value == verdict
    assert why in found.detail


def test_a_domain_below_the_record_gets_its_sp():
    found = judge_dmarc(walk("news.example.org", zone(example_org=f"{GOOD}; sp=quarantine")))
    assert "says quarantine" in found.detail


@pytest.mark.parametrize(
    ("other", "record", "verdict"),
    [
        ("example.org", GOOD, "ok"),
        ("bounces.example.org", GOOD, "ok"),
        ("other.example", GOOD, "bad"),
        ("example.org.evil.example", GOOD, "bad"),
        ("bounces.example.org", f"{GOOD}; aspf=s", "bad"),
        ("bounces.example.org", f"{GOOD}; adkim=s", "ok"),
        ("example.org", f"{GOOD}; aspf=s", "ok"),
        ("bounces.example.org", (), "bad"),
    ],
)
def test_alignment(other, record, verdict):
    dns = zone(example_org=record)
    assert judge_alignment("SPF", other, walk("example.org", dns), dns).verdict.value == verdict


def test_below_a_public_suffix_neighbours_do_not_align():
    dns = zone(example=f"{GOOD}; psd=y", a_example=GOOD, b_example=GOOD)
    assert judge_alignment("DKIM", "b.example", walk("a.example", dns), dns).verdict is Verdict.BAD


def test_a_silent_dns_makes_alignment_unknown():
    dns = zone(example_org=GOOD, bounces_example_org=SILENT)
    assert judge_alignment("SPF", "bounces.example.org", walk("example.org", dns), dns).verdict is Verdict.UNKNOWN


@given(st.text(max_size=80))
def test_no_record_breaks_the_doctor(text):
    for record in (text, f"v=DMARC1; {text}"):
        judge_dmarc(walk("news.example.org", zone(example_org=record)))
