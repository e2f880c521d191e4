"""How links go out: straight, or through a redirect that is the same for every reader, or with the reader's token."""

import re
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from bulletin import ENGLISH, KOREAN, NEWSLETTER, NONCE, SITE, VALUES
from documents import documents
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from pipeline.content import links, message, specimen, tracking
from pipeline.content.compile import compile_issue
from pipeline.content.issuefile import normalise
from pipeline.content.preflight import tracked
from pipeline.content.types import Article, Button, ContentError, LinkMode, Paragraph, Section, Severity
from pipeline.tokens import Keyring, Purpose

TRACKING = tracking.Tracking("7", b"secret")
RING = Keyring({1: b"a" * 32})
ANN, BEN = RING.sign(Purpose.CLICK, 1, 2), RING.sign(Purpose.CLICK, 1, 3)
REDIRECT = re.compile(r"https://news\.example\.org/c/([a-z2-7]{16})(?:/([a-z2-7]+))?")


def newsletter(mode=LinkMode.DIRECT, **utm):
    return replace(NEWSLETTER, links=mode, utm=utm)


def compiled(document=ENGLISH, profile=NEWSLETTER, **more):
    return compile_issue(document, profile, SITE, nonce=NONCE, **{"tracking": TRACKING} | more)


def with_blocks(*blocks):
    return replace(ENGLISH, sections=(Section("One", (Article("Two", blocks),)),))


def hrefs(compilation, **values):
    """Where the links of the HTML part lead, but for anchors and the reader's own two."""
    html, _ = message.message_parts(compilation.proof, VALUES | values)
    found = [str(href) for href in lxml_html.fromstring(html).xpath("//a/@href")]
    return [href for href in found if not href.startswith(("#", f"{SITE.base_url}/u/", f"{SITE.base_url}/v/"))]


def text_of(compilation, **values):
    return message.message_parts(compilation.proof, VALUES | values)[1]


def filled(compilation, **values):
    return message.fill(compilation.proof, VALUES | values)


# Direct


def test_direct_links_are_byte_for_byte_what_is_written():
    assert compiled() == compiled(tracking=None)
    assert hrefs(compiled())[0] == "https://example.org/expo?day=1&hall=1"
    assert compiled().redirects == ()


def test_without_tracking_links_are_direct_whatever_the_newsletter_says():
    counted = compiled(profile=newsletter(LinkMode.COUNTED), tracking=None)
    assert filled(counted) == filled(compiled())


# Counted


def test_a_counted_link_has_no_person_in_it():
    counted = compiled(profile=newsletter(LinkMode.COUNTED))
    assert {slot.name for slot in counted.proof.slots} == {slot.name for slot in compiled().proof.slots}
    ann = hrefs(counted, **{"token.click": ANN, "email": "ann@reader.example"})
    ben = hrefs(counted, **{"token.click": BEN, "email": "ben@reader.example"})
    same = [(a, b) for a, b in zip(ann, ben, strict=True) if REDIRECT.fullmatch(a)]
    assert len(same) >= 4
    assert all(a == b for a, b in same)


def test_every_page_is_led_and_nothing_else():
    counted = compiled(profile=newsletter(LinkMode.COUNTED))
    direct = [href for href in hrefs(counted) if not REDIRECT.fullmatch(href)]
    assert sorted(set(direct)) == ["https://example.org/register?who=ann%40reader.example", "mailto:apply@example.org"]


@pytest.mark.parametrize("mode", [LinkMode.COUNTED, LinkMode.PERSONAL])
@pytest.mark.parametrize("layout", ["bulletin", "letter", "digest"])
@pytest.mark.parametrize("document", [ENGLISH, KOREAN, specimen.FULL], ids=["en", "ko", "full"])
def test_text_and_html_have_the_same_redirects_and_each_is_told(document, layout, mode):
    made = compiled(document, replace(newsletter(mode), layout=layout))
    values = {"token.click": ANN}
    in_html = {href for href in hrefs(made, **values) if REDIRECT.match(href)}
    in_text = {match[0] for match in REDIRECT.finditer(text_of(made, **values))}
    assert in_html == in_text != set()
    assert {REDIRECT.fullmatch(href)[1] for href in in_html} == {each.key for each in made.redirects}
    assert {REDIRECT.fullmatch(href)[2] for href in in_html} == {ANN if mode is LinkMode.PERSONAL else None}
    assert {each.url for each in made.redirects} == set(
        filter(tracking.can_be_led, (link.url for link in made.proof.links))
    )


def test_what_must_be_stored_stands_in_reading_order_with_what_readers_click_on():
    page = '<a href="https://a.example/">A</a> <a href="https://예.example/길">B</a> <a href="https://a.example/">a</a>'
    made = compiled(with_blocks(Paragraph(page)), newsletter(LinkMode.COUNTED))
    told = [(each.url, each.target, each.text) for each in made.redirects]
    assert told == [
        ("https://a.example/", "https://a.example/", "A · a"),
        ("https://예.example/길", "https://xn--2j5b.example/%EA%B8%B8", "B"),
    ]


def test_a_key_depends_on_issue_address_and_secret_alone():
    key = TRACKING.key("https://a.example/")
    assert tracking.KEY.fullmatch(key)
    assert key == tracking.Tracking("7", b"secret").key("https://a.example/")
    others = [
        tracking.Tracking("8", b"secret").key("https://a.example/"),
        tracking.Tracking("7", b"other").key("https://a.example/"),
        TRACKING.key("https://a.example/b"),
    ]
    assert len({key, *others}) == 4


def test_a_label_that_is_the_address_is_followed_by_the_redirect_so_that_it_can_be_repaired():
    document = with_blocks(Paragraph('<a href="https://a.example/">https://a.example/</a>'))
    assert REDIRECT.search(text_of(compiled(document, newsletter(LinkMode.COUNTED))))
    assert text_of(compiled(document)).count("https://a.example/") == 1


# Personal


def test_personal_links_of_one_reader_share_one_token_at_their_end():
    made = compiled(profile=newsletter(LinkMode.PERSONAL))
    found = [href for href in hrefs(made, **{"token.click": ANN}) if REDIRECT.match(href)]
    assert {href.rpartition("/")[2] for href in found} == {ANN}
    assert filled(made, **{"token.click": ANN}).replace(ANN.encode(), BEN.encode()) == filled(
        made, **{"token.click": BEN}
    )


def test_a_personal_message_cannot_be_made_without_its_token():
    with pytest.raises(ContentError, match=re.escape("needs a value for token.click")):
        filled(compiled(profile=newsletter(LinkMode.PERSONAL)))


# Parameters


def test_parameters_are_added_to_pages_in_every_mode():
    campaign = {"utm_source": "city letter", "utm_campaign": "no-{number}-{language}-{date}"}
    added = "utm_source=city%20letter&utm_campaign=no-20-en-2021-08-31"
    direct = hrefs(compiled(profile=newsletter(**campaign)))
    assert f"https://example.org/expo?day=1&hall=1&{added}" in direct
    assert f"https://example.org/register?who=ann%40reader.example&{added}" in direct
    assert "mailto:apply@example.org" in direct
    counted = compiled(profile=newsletter(LinkMode.COUNTED, **campaign))
    assert counted.redirects[0].target == f"https://example.org/expo?day=1&hall=1&{added}"
    assert counted.redirects[0].url == "https://example.org/expo?day=1&hall=1"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://a.example", "https://a.example?utm_source=x"),
        ("https://a.example/#end", "https://a.example/?utm_source=x#end"),
        ("https://a.example/?b=1&#end", "https://a.example/?b=1&utm_source=x#end"),
        ("https://a.example/?b;c=%26", "https://a.example/?b;c=%26&utm_source=x"),
        ("https://a.example/?utm_source=mine&", "https://a.example/?utm_source=mine&"),
        ("https://a.example/?utm%5Fsource=mine", "https://a.example/?utm%5Fsource=mine"),
        ("https://a.example/?utm_source", "https://a.example/?utm_source"),
        ("https://a.example/#?utm_source=1", "https://a.example/?utm_source=x#?utm_source=1"),
        ("mailto:a@b.example", "mailto:a@b.example"),
        ("tel:+82-44", "tel:+82-44"),
    ],
)
def test_parameters_keep_what_is_there(address, expected):
    assert links.with_parameters(address, {"utm_source": "x"}) == expected


@given(
    st.dictionaries(st.text("ab_&=# é", min_size=1, max_size=4), st.text("ab_&=#? é%+", max_size=6), max_size=4),
    st.sampled_from(["https://a.example", "https://a.example/?ab=1&b", "http://a.example/b?=2&&a#c?d", "https://a.example/?"]),
)  # fmt: skip
def test_parameters_are_never_doubled_and_nothing_is_lost(parameters, address):
    after = links.with_parameters(address, parameters)
    assert links.with_parameters(after, parameters) == after
    before, now = urlsplit(address), urlsplit(after)
    assert now._replace(query=before.query) == before
    kept = parse_qsl(before.query, keep_blank_values=True)
    names = {name for name, _ in kept}
    told = parse_qsl(now.query, keep_blank_values=True)
    assert told == [*kept, *((name, value) for name, value in parameters.items() if name not in names)]


# Findings


def findings(document, profile):
    return {(found.id, found.severity) for found in tracked.check(document, profile)}


def test_an_address_that_differs_by_reader_stays_direct_and_the_editor_is_told():
    document = with_blocks(Button("Go", "https://a.example/?who={{ email }}"))
    assert hrefs(compiled(document, newsletter(LinkMode.COUNTED))) == ["https://a.example/?who=ann%40reader.example"]
    assert findings(document, newsletter(LinkMode.COUNTED)) == {("link-direct", Severity.NOTE)}
    assert findings(document, newsletter()) == set()


def test_what_may_look_like_fraud_or_names_another_reader_is_told():
    shown = with_blocks(Paragraph('<a href="https://a.example/b">https://a.example</a>'))
    assert findings(shown, newsletter(LinkMode.COUNTED)) == {("link-shows-address", Severity.WARN)}
    assert findings(shown, newsletter()) == set()
    copied = with_blocks(Button("Go", f"https://any.example/c/{TRACKING.key('x')}/{ANN}"))
    assert findings(copied, None) == findings(copied, newsletter()) == {("link-copied", Severity.WARN)}
    assert ("links-personal", Severity.NOTE) in findings(ENGLISH, newsletter(LinkMode.PERSONAL))


@settings(max_examples=15)
@given(documents, st.sampled_from(LinkMode))
def test_any_issue_can_be_looked_at(document, mode):
    assert {found.severity for found in tracked.check(document, newsletter(mode))} <= {Severity.NOTE, Severity.WARN}
    try:
        document = normalise(document)
        made = compiled(document, newsletter(mode, utm_source="x"))
    except ContentError:
        return
    used = REDIRECT.findall((made.html + made.text).replace("/{{ token.click }}", ""))
    assert {key for key, _ in used} == {each.key for each in made.redirects}


# What a redirect may lead to


@pytest.mark.parametrize(
    "url",
    [
        "", "//evil.example", "/c/abc", "javascript:alert(1)", "data:text/html,x", "mailto:a@b.example", "tel:+821",
        "https://user:pass@a.example/", "https://good.example@evil.example/", "https:///x", "https://", "ftp://a.example",
        "https://a.example/\r\nSet-Cookie: a=b", "https://a.example/\x00", "https://a.example/ b", "https://a.example\\@b",
        "https://a.example/?{{ email }}", f"https://a.example/c/{'a' * 16}", "https://[::1", "https://a.example:port/",
        "https://" + "a" * 2000,
    ],
)  # fmt: skip
def test_a_redirect_leads_to_no_such_address(url):
    assert tracking.problem(url)


def test_a_broken_merge_tag_is_told_as_everywhere():
    with pytest.raises(ContentError, match="merge tag"):
        tracking.problem("https://a.example/{{")


@pytest.mark.parametrize("url", ["https://a.example/", "HTTP://a.example:8000/?b=c#d", "https://예.example/경로"])
def test_a_redirect_leads_to_pages(url):
    assert tracking.problem(url) == ""
    assert re.fullmatch("https?://[!-~]+", links.normal(url))
