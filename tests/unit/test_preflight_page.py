"""What preflight says of a compiled page: one thing wrong gives its finding, the page as it is gives none."""

from dataclasses import replace

import pytest
from bulletin import ENGLISH, KOREAN, NEWSLETTER, NEWSLETTER_KO, NONCE, SITE
from test_sample_issue import LANGUAGES, sample

from pipeline.content import preflight
from pipeline.content.compile import compile_issue
from pipeline.content.types import Article, Paragraph, Picture, PictureUse, PublicPicture, Section, Severity

GOOD = compile_issue(ENGLISH, NEWSLETTER, SITE, nonce=NONCE)
NO_PICTURES: dict[PictureUse, PublicPicture] = {}


def weighed(*, html=GOOD.html, text=GOOD.text, document=ENGLISH, pictures=NO_PICTURES, proof=GOOD.proof):
    made = replace(GOOD, html=html, text=text, proof=proof)
    return preflight.weigh(made, document, NEWSLETTER, pictures=pictures)


def changed(old, new):
    """The findings after one change of the page."""
    assert old in GOOD.html
    return [(finding.id, finding.severity) for finding in weighed(html=GOOD.html.replace(old, new))]


def added(snippet):
    return changed("</body>", f"{snippet}</body>")


def test_nothing_stands_against_a_good_page():
    assert GOOD.findings == ()


@pytest.mark.parametrize("layout", ["bulletin", "digest", "letter"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sample_is_fit_to_send_and_gives_no_warning(language, layout):
    issue = sample(language)
    made = compile_issue(issue.document, replace(issue.newsletter, layout=layout), SITE, nonce=NONCE)
    told = {finding.id: finding.severity for finding in made.findings}
    assert told == {"host-example": Severity.NOTE} | ({"client-unknown": Severity.NOTE} if language == "ko" else {})


def test_of_a_korean_page_only_what_nobody_knows_is_told():
    made = compile_issue(KOREAN, NEWSLETTER_KO, SITE, nonce=NONCE)
    assert [(finding.id, finding.severity) for finding in made.findings] == [("client-unknown", Severity.NOTE)]
    assert "Naver" in made.findings[0].message


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("{{ token.unsubscribe }}", "x", ("unsubscribe-html", Severity.BLOCK)),
        ("12 Harbour Road", "", ("postal-address-html", Severity.BLOCK)),
        ('lang="en"', "", ("page-language", Severity.WARN)),
        ('lang="en"', 'lang="und"', ("page-language", Severity.WARN)),
        ("<h1", "<h2", ("h1", Severity.WARN)),
        ("<h3", "<h5", ("heading-order", Severity.WARN)),
        ('alt="A drone above a lake"', "", ("page-alt", Severity.WARN)),
        (' role="presentation"', "", ("table-role", Severity.WARN)),
    ],
)
def test_what_a_layout_lost(old, new, finding):
    assert finding in changed(old, new)


@pytest.mark.parametrize(
    ("snippet", "finding"),
    [
        ("<h1>Again</h1>", ("h1", Severity.WARN)),
        ('<a href="#nowhere">There</a>', ("anchor-missing", Severity.WARN)),
        ('<p id="s1">x</p><p id="s1">y</p>', ("anchor-twice", Severity.WARN)),
        ('<a href="https://example.org/"><img src="a.png" alt=""></a>', ("page-link-name", Severity.WARN)),
        ('<table role="presentation"><tr><th>Period</th></tr></table>', ("table-facts", Severity.WARN)),
        ("<table><tr><td>x</td></tr></table>", ("table-role", Severity.WARN)),
        ('<img src="a.png">', ("page-alt", Severity.WARN)),
        ('<img src="a.png" alt="All of it" height="9000">', ("picture-tall", Severity.WARN)),
        ('<p style="color:#777777;background:#888888">grey</p>', ("contrast", Severity.WARN)),
        ('<p style="display:flex">x</p>', ("client-support", Severity.WARN)),
    ],
)
def test_what_a_layout_should_not_have(snippet, finding):
    assert finding in added(snippet)


@pytest.mark.parametrize(
    "snippet",
    [
        '<a href="#here">There</a><p id="here">x</p><a name="old"></a><a href="#old">old</a>',
        '<a href="https://example.org/"><img src="a.png" alt="To the story"></a>',
        '<a href="https://example.org/" aria-label="To the story"><img src="a.png" alt=""></a>',
        "<table><tr><th scope='row'>Period</th><td>3 September</td></tr></table>",
        '<table role="presentation"><tr><td><table><tr><th>x</th></tr></table></td></tr></table>',
        '<img src="a.png" alt="A part of it" height="300">',
        "<!--[if mso]><table><tr><td><img><p style='display:flex'></td></tr></table><![endif]-->",
    ],
)
def test_what_is_allowed_in_a_page(snippet):
    assert added(snippet) == []


@pytest.mark.parametrize(
    ("gone", "finding"),
    [("{{ token.unsubscribe }}", "unsubscribe-text"), ("12 Harbour Road", "postal-address-text")],
)
def test_the_text_part_has_what_the_law_wants_too(gone, finding):
    [found] = weighed(text=GOOD.text.replace(gone, ""))
    assert (found.id, found.severity) == (finding, Severity.BLOCK)


def test_a_postal_address_may_be_wrapped_and_written_in_one_line():
    assert weighed(text=GOOD.text.replace("12 Harbour Road\n", "12\n  Harbour Road, ")) == ()


@pytest.mark.parametrize(
    ("html", "more", "expected"),
    [
        (90_000, 0, []),
        (90_001, 0, ["html-size"]),
        (80_000, 100_000, ["html-encoded"]),
        (90_001, 100_000, ["html-size"]),
    ],
)
def test_of_the_size_of_the_page(html, more, expected):
    *head, last = GOOD.proof.segments
    proof = replace(GOOD.proof, html_size=html, segments=(*head, last + b"x" * more))
    assert [finding.id for finding in weighed(proof=proof)] == expected


def test_what_stands_before_the_html_part_is_no_part_of_it():
    first, *rest = GOOD.proof.segments
    assert weighed(proof=replace(GOOD.proof, segments=(b"x" * 200_000 + first, *rest))) == ()


def test_little_text_beside_pictures():
    def told(*blocks):
        document = replace(ENGLISH, sections=(Section("One", (Article("Two", blocks),)),))
        return [finding.id for finding in compile_issue(document, NEWSLETTER, SITE, nonce=NONCE).findings]

    picture = Picture("a.png", "A poster")
    assert told(picture, Paragraph("Come all.")) == ["text-little"]
    assert told(Paragraph("Come all.")) == []
    assert told(picture, Paragraph("Come all, and bring your friends. " * 10)) == []


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([600_000, 400_001], ["pictures-heavy"]), ([600_000, 400_000], []), ([0, 0], [])],
)
def test_of_the_weight_of_pictures(sizes, expected):
    known = {
        PictureUse(f"{at}.png"): PublicPicture(f"https://a.org/{at}.png", 9, 9, size) for at, size in enumerate(sizes)
    }
    found = weighed(pictures=known)
    assert [finding.id for finding in found] == expected
    assert all("https://a.org/0.png" in finding.message for finding in found)


def test_a_picture_shown_twice_weighs_once():
    same = PublicPicture("https://a.org/a.png", 9, 9, 600_000)
    assert weighed(pictures={PictureUse("a.png"): same, PictureUse("./a.png"): same}) == ()
