from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.content.hosts import Reach, is_public, literal, reach


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("example.org", Reach.PUBLIC),
        ("예시.한국", Reach.PUBLIC),
        ("8.8.8.8", Reach.PUBLIC),
        ("2001:4860:4860::8888", Reach.PUBLIC),
        ("localhost", Reach.NOWHERE),
        ("LOCALHOST.", Reach.NOWHERE),
        ("a.localhost", Reach.NOWHERE),
        ("shop.test", Reach.NOWHERE),
        ("nothing.invalid", Reach.NOWHERE),
        ("127.0.0.1", Reach.NOWHERE),
        ("127.1", Reach.NOWHERE),
        ("0x7f.1", Reach.NOWHERE),
        ("2130706433", Reach.NOWHERE),
        ("0177.0.0.1", Reach.NOWHERE),
        ("0", Reach.NOWHERE),
        ("::1", Reach.NOWHERE),
        ("::ffff:127.0.0.1", Reach.NOWHERE),
        ("64:ff9b::7f00:1", Reach.NOWHERE),
        ("169.254.169.254", Reach.NOWHERE),
        ("fe80::1%eth0", Reach.NOWHERE),
        ("224.0.0.1", Reach.NOWHERE),
        ("10.0.0.1", Reach.INSIDE),
        ("192.168.1.1", Reach.INSIDE),
        ("::ffff:10.0.0.1", Reach.INSIDE),
        ("fd00::1", Reach.INSIDE),
        ("printer.local", Reach.INSIDE),
        ("wiki.corp.internal", Reach.INSIDE),
        ("intranet", Reach.INSIDE),
        ("news.example", Reach.EXAMPLE),
        ("myexample", Reach.INSIDE),
        ("testexample.org", Reach.PUBLIC),
        ("mytest.org", Reach.PUBLIC),
        ("1.2.3.4.5", Reach.PUBLIC),
        ("256.1.1.1", Reach.PUBLIC),
    ],
)
def test_how_far_a_host_is_known(host, expected):
    assert reach(host) is expected


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.9.8.7",
        "100.64.0.1",
        "127.9.9.9",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.251",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::808:808",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "fd00:ec2::254",
    ],
)
def test_what_is_not_of_the_public_internet(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_what_is(address):
    assert is_public(ip_address(address))


@given(st.ip_addresses())
def test_only_what_the_standard_library_calls_global_too_is_public(address):
    # It knows fewer special networks than we refuse, and looks into no NAT64 address.
    assert not is_public(address) or address.is_global or (address.version == 6 and address.ipv4_mapped)


@given(st.ip_addresses(v=4), st.sampled_from(["{0}", "0x{0:x}", "0{0:o}"]))
def test_a_number_is_the_address_that_it_writes(address, form):
    assert literal(form.format(int(address))) == address


@given(st.text(max_size=20))
def test_nothing_that_people_write_breaks_it(text):
    assert reach(text) in Reach
