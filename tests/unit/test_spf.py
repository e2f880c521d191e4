"""SPF records, sound and not, and which addresses they let pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zone import SILENT, Zone

from pipeline.domains.finding import Verdict
from pipeline.domains.spf import judge_spf

OURS = "192.0.2.10"
SIX = "2001:db8::10"


def judged(record: str | tuple[str, ...], *egress: str, **more: str | tuple[str, ...]) -> tuple[str, str, str]:
    """Verdict of the record, of the relay, and both details."""
    records = {f"TXT {name.replace('_', '.')}": text for name, text in more.items() if not name.startswith("dns")}
    sound, relay = judge_spf("b.example", egress, Zone({"TXT b.example": record, **records, **more.get("dns", {})}))
    return sound.verdict.value, relay.verdict.value, f"{sound.detail} {relay.detail}"


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 ip4:192.0.2.10 -all",
        "V=SPF1 ip4:192.0.2.0/24 ~all",
        "v=spf1 +ip4:192.0.2.0/24 -ALL",
        "v=spf1 a:mail.example -all",
        "v=spf1 a:mail.example/24 -all",
        "v=spf1 mx:mx.example -all",
        "v=spf1 mx:mx.example/24//64 -all",
        "v=spf1 include:inner.example -all",
        "v=spf1 redirect=inner.example",
        "v=spf1 unknown=modifier exp=why.example ip4:192.0.2.10 -all",
        "v=spf1 exists:mail.example -all",
        "v=spf1 a:mail.example. ip6:2001:db8::/32 -all",
    ],
)
def test_records_that_let_the_relay_pass(record):
    zone = Zone(
        {
            "TXT b.example": record,
            "TXT inner.example": "v=spf1 ip4:192.0.2.10 -all",
            "A mail.example": ("192.0.2.10",),
            "MX mx.example": ("10 mail.example",),
        }
    )
    assert [found.verdict for found in judge_spf("b.example", [OURS], zone)] == [Verdict.OK, Verdict.OK]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ((), "has no SPF record"),
        (("hello", "v=spf10 -all"), "has no SPF record"),
        (("v=spf1 -all", "v=spf1 ~all"), "has 2 SPF records"),
        ("v=spf1 ip4:192.0.2.300 -all", "is not an address"),
        ("v=spf1 ip4:2001:db8::1 -all", "of the other kind"),
        ("v=spf1 ipv4:192.0.2.1 -all", "'ipv4' is nothing"),
        ("v=spf1 nonsense -all", "'nonsense' is nothing"),
        ("v=spf1 include:none.example -all", "none.example has no SPF record"),
        ("v=spf1 include: -all", "lacks its domain"),
        ("v=spf1 include:b.example -all", "more than 10 lookups"),
        ("v=spf1 " + " ".join(f"a:h{n}.example" for n in range(11)) + " -all", "more than 10 lookups"),
        ("v=spf1 a:x1.example mx:x2.example exists:x3.example -all", "more than 2 of the names"),
        ("v=spf1 +all", "lets everybody send"),
        ("v=spf1 all", "lets everybody send"),
        ("v=spf1 include:open.example -all", "lets everybody send"),
    ],
)
def test_records_that_are_bad(record, why):
    dns = {f"A h{n}.example": "192.0.2.1" for n in range(11)} | {"TXT open.example": "v=spf1 +all"}
    sound, _, detail = judged(record, OURS, dns=dns)
    assert sound == "bad", detail
    assert why in detail


@pytest.mark.parametrize("record", ["v=spf1 ip4:192.0.2.10", "v=spf1 ip4:192.0.2.10 ?all"])
def test_a_record_that_says_nothing_of_others_is_a_warning(record):
    assert judged(record, OURS)[:2] == ("warn", "ok")


def test_ten_lookups_are_still_lawful():
    dns = {f"A h{n}.example": "192.0.2.1" for n in range(10)}
    # where there is an `all`, redirect is not followed (RFC 7208 section 6.1)
    record = "v=spf1 redirect=x.example " + " ".join(f"a:h{n}.example" for n in range(10)) + " -all"
    sound, _, detail = judged(record, dns=dns)
    assert sound == "ok"
    assert "10 of 10" in detail


@pytest.mark.parametrize("end", ["-all", "~all", "?all", "-ip4:192.0.2.10 +ip4:192.0.2.10 ~all"])
def test_a_relay_that_is_not_in_the_record_is_bad(end):
    _, relay, detail = judged(f"v=spf1 ip4:198.51.100.1 {end}", OURS)
    assert relay == "bad"
    assert "add the relay" in detail


def test_every_address_must_pass():
    assert judged("v=spf1 ip4:192.0.2.10 -all", OURS, "192.0.2.11")[1] == "bad"
    assert judged("v=spf1 ip4:192.0.2.10 -all", OURS, SIX)[1] == "bad"
    assert judged("v=spf1 ip4:192.0.2.10 ip6:2001:db8::/64 -all", OURS, SIX)[1] == "ok"
    assert judged("v=spf1 a:m.example//64 -all", SIX, dns={"AAAA m.example": "2001:db8::1"})[1] == "ok"


def test_what_is_not_known_is_unknown():
    assert judged("v=spf1 ip4:192.0.2.10 -all")[1] == "unknown"
    assert judged(SILENT, OURS)[:2] == ("unknown", "unknown")
    assert judged("v=spf1 include:i.example -all", OURS, i_example=SILENT)[:2] == ("unknown", "unknown")
    assert judged("v=spf1 ptr -all", OURS)[1] == "unknown"
    assert judged("v=spf1 exists:%{i}.x.example -all", OURS)[:2] == ("ok", "unknown")
    assert judged("v=spf1 include:%{d}.x.example -all", OURS)[:2] == ("unknown", "unknown")


@given(st.text(max_size=60), st.sampled_from([(), (OURS,), (SIX,)]))
def test_no_record_breaks_the_doctor(text, egress):
    found = judge_spf("b.example", egress, Zone({"TXT b.example": f"v=spf1 {text}"}))
    assert [each.name for each in found] == ["SPF", "SPF of the relay"]
