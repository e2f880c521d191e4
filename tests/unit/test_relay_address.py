from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.delivery.relay import Relay, RelayUrlError, Tls, parse_relay


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://mail.example.org", Relay("mail.example.org", 25, Tls.REQUIRED)),
        ("smtp://127.0.0.1:2525", Relay("127.0.0.1", 2525, Tls.OPPORTUNISTIC)),
        ("smtp://localhost:25", Relay("localhost", 25, Tls.OPPORTUNISTIC)),
        ("smtp://[::1]:25/", Relay("::1", 25, Tls.OPPORTUNISTIC)),
        ("smtps://mail.example.org", Relay("mail.example.org", 465, Tls.IMPLICIT)),
        ("smtp://relay:25?starttls=never", Relay("relay", 25, Tls.NEVER)),
        ("smtp://127.0.0.1?starttls=required", Relay("127.0.0.1", 25, Tls.REQUIRED)),
        (
            "smtp://desk%40x.org:p%2F%3A%40ss@mail.example.org:587?rate=2.5&connections=16",
            Relay("mail.example.org", 587, Tls.REQUIRED, "desk@x.org", "p/:@ss", 2.5, 16),
        ),
    ],
)
def test_an_address_says_how_to_reach_a_relay(url, relay):
    assert parse_relay(url) == relay


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "it must begin with smtp:// or smtps://"),
        ("http://x", "it must begin with"),
        ("smtp://", "after the host and the port"),
        ("smtp://x/path", "after the host and the port"),
        ("smtp://a:b#c@x", "the user name or password holds one of / ? # as it is"),
        ("smtp://a:b@x\u2100y", "is not the name of a host"),
        ("smtp://x#f", "after the host and the port"),
        ("smtp://x:0", "the port is not a number from 1 to 65535"),
        ("smtp://x:99999", "the port"),
        ("smtp://x:port", "the port"),
        ("smtp://x?starttls=maybe", "starttls=maybe is not one of"),
        ("smtp://x?starttls=implicit", "starttls=implicit is not one of"),
        ("smtps://x?starttls=never", "starttls has no meaning there"),
        ("smtp://x?pace=3", "'pace' is not one of starttls, rate, connections"),
        ("smtp://x?rate=1&rate=2", "given twice"),
        ("smtp://x?rate", "rate= is not a number"),
        ("smtp://x?rate=0", "rate=0 is not a number above 0"),
        ("smtp://x?rate=nan", "rate=nan"),
        ("smtp://x?rate=inf", "rate=inf"),
        ("smtp://x?connections=0", "connections=0 is not a number from 1 to 256"),
        ("smtp://x?connections=1e3", "connections=1e3"),
        ("smtp://x?connections=²", "connections=²"),
        ("smtp://ann@x", "a user name and a password go together"),
        ("smtp://:pass@x", "a user name and a password go together"),
        ("smtp://a:%00@x", "NUL"),
        ("smtp://a:b@x?starttls=opportunistic", "use starttls=required"),
        ("smtp://x y", "a space or a control character"),
        ("smtp://x\n", "a space or a control character"),
    ],
)
def test_a_bad_address_is_refused_with_its_variable_and_what_is_allowed(url, why):
    with pytest.raises(RelayUrlError) as caught:
        parse_relay(url)
    assert str(caught.value).startswith("PRESSRUN_SMTP_URL: ")
    assert why in str(caught.value)
    assert "Allowed: smtp://user:password@host:port?starttls=required|opportunistic|never" in str(caught.value)


@given(st.text())
@example("smtp://[")
@example("smtp://[::1")
@example("smtp://a:b@[v1.x]:1")
def test_no_text_makes_anything_but_a_relay_or_that_error(text):
    for url in (text, f"smtp://{text}", f"smtp://x?{text}", f"smtp://a:b@{text}:1"):
        with suppress(RelayUrlError):
            assert parse_relay(url).host


def test_a_password_is_never_shown():
    secret = "hunter2hunter2"
    relay = parse_relay(f"smtp://ann:{secret}@mail.example.org")
    assert secret not in f"{relay!r} {relay} {relay.place}"
    ends = ("@x:port", "@x?rate=0", "/@x", "?@x", "#@x", "@x\u2100y", "@[x", "@[v1.x]:a", "@", "?x=1@y")
    for broken in [f"smtp://ann:{secret}{end}" for end in ends] + [f"smtp://ann:x?{secret}@x"]:
        with pytest.raises(RelayUrlError) as caught:
            parse_relay(broken)
        assert secret not in str(caught.value)


def test_a_relay_is_named_as_people_write_it():
    assert parse_relay("smtp://[2001:db8::1]:25").place == "[2001:db8::1]:25"
    assert parse_relay("smtp://x").place == "x:25"
