"""A sender domain as a whole: every failure of DNS makes it worse, and what is not known is never good."""

import pytest
from dkimkeys import ed25519_key, rsa_key
from hypothesis import given
from hypothesis import strategies as st
from zone import SILENT, Zone

from pipeline.delivery.dkim import Key
from pipeline.domains.dkimrecord import judge_record
from pipeline.domains.finding import Finding, Verdict
from pipeline.domains.hosts import judge_bounces, judge_names, judge_way_in
from pipeline.domains.providers import judge_providers, rules
from pipeline.domains.sender import Sender, Signing, examine

KEY = Key("example.org", "s1", rsa_key())
OURS = "192.0.2.10"
SIX = "2001:db8::10"
TLS = Finding("TLS", Verdict.OK, "verified")
GOOD = {
    "TXT b.example.org": "v=spf1 ip4:192.0.2.10 ip6:2001:db8::/32 -all",
    f"TXT {KEY.place}": KEY.record(),
    "TXT _dmarc.example.org": "v=DMARC1; p=none; rua=mailto:d@example.org",
    "MX b.example.org": "10 mx.example.org",
    "A mx.example.org": "192.0.2.20",
    "PTR 10.2.0.192.in-addr.arpa": "out.example.org",
    "A out.example.org": "192.0.2.10",
    f"PTR {'0.1.' + '0.' * 22}8.b.d.0.1.0.0.2.ip6.arpa": "out.example.org",
    "AAAA out.example.org": "2001:db8:0::10",
}


def sender(**given: object) -> Sender:
    signing = (Signing("example.org", "s1", KEY.place, KEY.record()),)
    return Sender(
        **{"domain": "example.org", "bounce_domain": "b.example.org", "signing": signing, "egress": (OURS, SIX),
           "seen": (TLS,), **given}
    )  # fmt: skip


def verdicts(records: dict, **given: object) -> dict[str, str]:
    return {found.name: found.verdict.value for found in examine(sender(**given), Zone(records))}


def test_a_domain_where_all_is_right():
    assert set(verdicts(GOOD).values()) == {"ok"}
    assert list(verdicts(GOOD))[-5:] == ["Gmail", "Yahoo", "Microsoft", "Naver", "Daum/Kakao"]


def test_each_question_is_asked_once():
    dns = Zone(GOOD)
    list(examine(sender(), dns))
    assert len(dns.asked) == len(set(dns.asked))


@pytest.mark.parametrize("missing", GOOD)
def test_each_record_matters(missing):
    found = verdicts({name: answer for name, answer in GOOD.items() if name != missing})
    assert "bad" in found.values(), found


@pytest.mark.parametrize("silent", GOOD)
def test_each_silence_is_unknown(silent):
    found = verdicts({**GOOD, silent: SILENT})
    assert "bad" not in found.values()
    assert "unknown" in found.values()


@given(st.sets(st.sampled_from(sorted(GOOD))))
def test_what_dns_does_not_say_is_never_good(silent):
    whole, less = verdicts(GOOD), verdicts({**GOOD, **dict.fromkeys(silent, SILENT)})
    changed = {name for name in whole if whole[name] != less[name]}
    assert {less[name] for name in changed} <= {"unknown"}
    assert bool(silent) == bool(changed)


def test_a_dns_that_is_dead_leaves_nothing_green_but_what_it_is_not_asked_for():
    class Dead(dict):
        def get(self, *_: object) -> str:
            return SILENT

    dns = Zone({})
    dns.records = Dead()
    found = {each.name: each.verdict.value for each in examine(sender(), dns)}
    assert {name for name, verdict in found.items() if verdict == "ok"} == {"TLS"}


def test_without_a_key_and_addresses_of_the_relay_nobody_is_told_that_all_is_well():
    found = verdicts(GOOD, signing=(), egress=())
    for name in ("DKIM", "DKIM alignment", "SPF of the relay", "PTR", "Gmail", "Naver"):
        assert found[name] == "unknown", name


def test_providers_are_content_with_one_that_aligns():
    found = verdicts(GOOD | {"TXT b.other.example": "v=spf1 ip4:192.0.2.10 ip6:2001:db8::/32 -all",
                             "MX b.other.example": "10 mx.example.org"}, bounce_domain="b.other.example")  # fmt: skip
    assert (found["SPF alignment"], found["DKIM alignment"], found["Gmail"]) == ("bad", "ok", "ok")


def test_every_need_of_every_provider_is_something_that_is_looked_at():
    names = set(verdicts(GOOD))
    for rule in rules():
        assert {name for group in rule.needs for name in group} <= names
        assert rule.source.startswith("https://")
        assert rule.seen == "2026-11-22"


def test_what_a_provider_lacks_is_named_with_its_source():
    [gmail, *_] = judge_providers([Finding("DKIM", Verdict.BAD, "")])
    assert gmail.verdict is Verdict.BAD
    assert "lacks DKIM" in gmail.detail
    assert "https://support.google.com" in gmail.detail


# -- DKIM records


@pytest.mark.parametrize(
    ("record", "verdict", "why"),
    [
        (KEY.record(), "ok", "holds the key"),
        (KEY.record().removeprefix("v=DKIM1; "), "ok", ""),
        (KEY.record().replace("p=M", "p= M").replace("AQ", "A Q"), "ok", ""),
        (KEY.record() + "; n=note; h=sha1:sha256; s=email; t=s", "ok", ""),
        (KEY.record() + "; t=s:y", "warn", "testing"),
        (KEY.record() + "; h=sha1", "bad", "sha256"),
        (KEY.record() + "; s=tlsrpt", "bad", "not for mail"),
        (Key("example.org", "e1", ed25519_key()).record(), "bad", "k=ed25519"),
        (Key("example.org", "s1", rsa_key(2049)).record(), "bad", "another key"),
        ("v=DKIM1; k=rsa; p=", "bad", "revoked"),
        ("v=DKIM1; k=rsa", "bad", "no p="),
        ("k=rsa; v=DKIM1; p=AAAA", "bad", "begin with v=DKIM1"),
        ("v=DKIM1; v=DKIM1; p=AAAA", "bad", "twice"),
        ("hello", "bad", "cannot be read"),
    ],
    ids=lambda value: value[:12],  # a new key each time would be another name in each process
)
def test_a_record_against_the_key(record, verdict, why):
    found = judge_record(KEY.place, [record], ours=KEY.record())
    assert found.verdict.value == verdict, found
    assert why in found.detail


def test_no_record_and_several():
    assert judge_record(KEY.place, [], ours=KEY.record()).verdict is Verdict.BAD
    assert judge_record(KEY.place, [KEY.record()] * 2, ours=KEY.record()).verdict is Verdict.BAD


@given(st.text(max_size=60))
def test_no_record_breaks_the_check(text):
    assert judge_record(KEY.place, [text], ours=KEY.record()).verdict is Verdict.BAD


# -- hosts


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        ({"MX b.example": "10 m.example", "A m.example": "192.0.2.1"}, "ok"),
        ({"MX b.example": "10 m.example", "AAAA m.example": "2001:db8::1"}, "ok"),
        ({"MX b.example": ("10 m.example", "20 n.example"), "A m.example": "192.0.2.1"}, "bad"),
        ({"MX b.example": "10 m.example"}, "bad"),
        ({"MX b.example": "0 "}, "bad"),
        ({}, "bad"),
        ({"MX b.example": SILENT}, "unknown"),
        ({"MX b.example": "10 m.example", "A m.example": SILENT}, "unknown"),
    ],
)
def test_where_bounces_go(records, verdict):
    assert judge_bounces("b.example", Zone(records)).verdict.value == verdict


def test_names_of_addresses():
    name = {"PTR 10.2.0.192.in-addr.arpa": "out.example.org"}
    assert judge_names([OURS], Zone(name | {"A out.example.org": OURS})).verdict is Verdict.OK
    assert judge_names([OURS], Zone(name | {"A out.example.org": "192.0.2.11"})).verdict is Verdict.BAD
    assert judge_names([OURS], Zone(name)).verdict is Verdict.BAD
    assert judge_names([OURS], Zone({})).verdict is Verdict.BAD
    assert judge_names([OURS], Zone(dict.fromkeys(name, SILENT))).verdict is Verdict.UNKNOWN
    assert judge_names([], Zone({})).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        ({"MX x.example": ("10 mx.x.example",)}, "ok"),
        ({"A x.example": ("192.0.2.1",)}, "ok"),
        ({"AAAA x.example": ("2001:db8::1",)}, "ok"),
        ({"MX x.example": ("0 ",)}, "bad"),
        ({"NS com": ("a.gtld-servers.net",)}, "bad"),
        ({}, "unknown"),
        ({"MX x.example": SILENT}, "unknown"),
        ({"A x.example": SILENT, "NS com": ("a.gtld-servers.net",)}, "unknown"),
        ({"NS com": SILENT}, "unknown"),
    ],
)
def test_where_mail_to_a_domain_goes(records, verdict):
    assert judge_way_in("x.example", Zone(records)).verdict.value == verdict
