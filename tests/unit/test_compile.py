import email
import email.policy
import re
import socket
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest
from bulletin import ENGLISH, KOREAN, NEWSLETTER, NEWSLETTER_KO, NONCE, SITE, TWO_LANGUAGES, VALUES
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from pipeline.content import headers, layout, message
from pipeline.content.compile import compile_issue
from pipeline.content.types import (
    Article,
    Button,
    Citation,
    ContentError,
    Facts,
    Heading,
    ItemList,
    ListStyle,
    Paragraph,
    Picture,
    PictureUse,
    PublicPicture,
    Quote,
    Section,
    Shape,
)

GOLDEN = Path(__file__).parents[1] / "corpus" / "golden"
GOLDENS = [
    ("issue.en", ENGLISH, NEWSLETTER),
    ("issue.ko", KOREAN, NEWSLETTER_KO),
    ("letter.en", TWO_LANGUAGES, replace(NEWSLETTER, layout="letter")),
    ("digest.ko", KOREAN, replace(NEWSLETTER_KO, layout="digest")),
]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the compile chain touched the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def compiled(document=ENGLISH, newsletter=NEWSLETTER, **more):
    return compile_issue(document, newsletter, SITE, nonce=NONCE, **more)


def with_blocks(*blocks):
    return replace(ENGLISH, sections=(Section("One", (Article("Two", blocks),)),))


def parts(document=ENGLISH, newsletter=NEWSLETTER, **values):
    html, text = message.message_parts(compiled(document, newsletter).proof, {**VALUES, **values})
    return lxml_html.fromstring(html), text


@pytest.mark.parametrize(("name", "document", "newsletter"), GOLDENS)
def test_golden_message(name, document, newsletter):
    """To see what changed: write `message.fill(…)` to the file and look at the difference."""
    raw = message.fill(
        compiled(document, newsletter).proof, {**VALUES, "to": headers.address("김 하나", "kim@example.org")}
    )
    assert raw == (GOLDEN / f"{name}.eml").read_bytes()


def test_the_same_arguments_give_the_same_proof():
    assert compiled() == compiled()
    assert compiled(replace(ENGLISH, title="Other")).proof.hash != compiled().proof.hash


class TestStructure:
    page, text = parts()

    def test_language_title_and_headings_in_order(self):
        assert self.page.get("lang") == "en"
        assert self.page.findtext(".//title") == ENGLISH.title
        levels = [int(element.tag[1]) for element in self.page.iter("h1", "h2", "h3", "h4")]
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in zip([0, *levels], levels, strict=False))

    def test_every_picture_has_an_alt_text_that_is_the_editors(self):
        alts = [image.get("alt") for image in self.page.iter("img")]
        hall = 'The hall at the "first" expo & its\u3000visitors'
        assert alts == [hall, "A drone above a lake", "A gauge in a river", "Ann Lee"]

    def test_relative_pictures_go_below_the_site_and_absolute_ones_stay(self):
        sources = [image.get("src") for image in self.page.iter("img")]
        assert sources[:2] == ["https://news.example.org/pictures/expo.png", "https://pictures.example.org/drone.png"]

    def test_a_video_is_one_link_by_picture_and_by_label(self):
        video = self.page.xpath("//a[@href='https://video.example.org/watch?v=expo']")
        assert [len(link.xpath(".//img")) for link in video] == [1, 0]
        assert "Watch the video" in video[1].text_content()

    def test_facts_are_a_table_with_row_headers(self):
        assert self.page.xpath("//th[@scope='row']/text()") == ["Period", "Eligibility", "How to apply"]

    def test_circled_lists_are_lists_and_show_their_marks(self):
        entries = self.page.xpath("//ol/li[span]")
        assert [entry.text_content()[:8] for entry in entries] == ["➊Incheon", "➋Jeju: a", "➌Jangseo"]
        assert "➊ Incheon" in self.text

    def test_contents_lead_to_their_articles(self):
        targets = [link[1:] for link in self.page.xpath("//a/@href") if link.startswith("#")]
        assert len(targets) == 8
        assert set(targets) == set(self.page.xpath("//h2/@id | //h3/@id"))

    def test_both_halves_lead_out_and_name_the_sender(self):
        leave, view = (
            "https://news.example.org/u/" + VALUES["token.unsubscribe"],
            "https://news.example.org/v/viewtoken234567",
        )
        assert len(self.page.xpath(f"//a[@href='{leave}']")) == 2
        assert len(self.page.xpath(f"//a[@href='{view}']")) == 2
        for whole in (self.page.text_content(), self.text):
            assert "04524 Seoul" in whole
        assert leave in self.text
        assert view in self.text

    def test_every_link_of_the_issue_is_in_both_halves(self):
        hrefs = set(self.page.xpath("//a/@href"))
        for link in compiled().proof.links:
            url = link.url.replace("{{ email }}", "ann%40reader.example")
            assert url in hrefs
            assert url in self.text or url == "mailto:apply@example.org"

    def test_dark_mode_and_media_rules_are_in_the_head(self):
        styles = "".join(self.page.xpath("//head/style/text()"))
        assert "prefers-color-scheme: dark" in styles
        assert "!important" in styles
        assert self.page.xpath("//meta[@name='color-scheme']/@content") == ["light dark"]


def test_korean_has_its_own_words():
    page, text = parts(KOREAN, NEWSLETTER_KO)
    assert page.get("lang") == "ko"
    for words in ("제20호", "2021년 8월 31일", "수신 거부", "영상 보기"):
        assert words in page.text_content()
        assert words in text
    assert "https://example.org/%EA%B8%B8?%EC%9D%B4%EB%A6%84=%EA%B0%92" in text


def test_text_lines_are_at_most_72_columns_but_for_addresses():
    from wcwidth import wcswidth

    for document, newsletter in ((ENGLISH, NEWSLETTER), (KOREAN, NEWSLETTER_KO)):
        _, text = parts(document, newsletter, first_name="Ann")
        for line in text.splitlines():
            assert wcswidth(line) <= 72 or "https://" in line
            assert line == line.rstrip()


class TestValues:
    def test_hostile_values_are_text(self):
        page, _ = parts(first_name='"><img src=x onerror=alert(1)>', email='"><script>alert(1)</script>@x.org')
        assert not page.xpath("//*[@onerror] | //script")
        assert '"><img src=x onerror=alert(1)>' in page.text_content()
        assert page.xpath("//a[contains(@href, 'register')]/@href") == [
            "https://example.org/register?who=%22%3E%3Cscript%3Ealert%281%29%3C%2Fscript%3E%40x.org"
        ]

    def test_a_fallback_stands_in(self):
        page, text = parts(first_name="")
        assert "Good morning, reader." in page.text_content()
        assert "Good morning, reader." in text

    def test_previews_show_merge_tags_as_they_are_written(self):
        compilation = compiled()
        assert 'Good morning, {{ first_name | default("reader") }}.' in compilation.text
        assert "{{ first_name | default(&quot;reader&quot;) }}" in compilation.html
        assert NONCE not in compilation.html + compilation.text


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<img src=x>",
        '<a href="x" onclick="y">z</a>',
        "a & b",
        "<strong>x",
        "</div>",
        "{{ 7*7 }}",
    ],
)
def test_what_is_not_clean_is_never_compiled(html):
    with pytest.raises(ContentError):
        compiled(with_blocks(Paragraph(html)))


@pytest.mark.parametrize(
    "text",
    [
        "{% for x in range(9) %}",
        "{# x #}",
        "<script>",
        "&amp;",
        "]]>",
        "<!--",
        "-->",
        "<!-- x -->",
        "<style>x</style>",
        "{%",
    ],
)
def test_text_is_text_everywhere(text):
    document = with_blocks(
        Heading(text),
        Picture("a.png", text, credit=text, caption=text),
        Button(text, "https://a.org"),
        Quote("x", text),
    )
    page, plain = parts(replace(document, title=text, preheader=text))
    assert page.findtext(".//title") == text
    assert page.xpath("//h1")[0].text_content() == text
    assert page.xpath("//h4")[0].text_content() == text
    assert page.xpath("//img/@alt") == [text]
    assert plain.count(text) >= 6


def test_content_that_holds_the_nonce_is_refused():
    for document in (replace(ENGLISH, title=f"X{NONCE}N0X"), with_blocks(Paragraph(NONCE))):
        with pytest.raises(ContentError, match="compile it again"):
            compiled(document)
    with pytest.raises(ContentError, match="compile it again"):
        compiled(newsletter=replace(NEWSLETTER, postal_address=NONCE))


@pytest.mark.parametrize("nonce", ["", "short", "has-hyphen-x", "x" * 65, "é" * 10])
def test_a_bad_nonce_is_refused(nonce):
    with pytest.raises(ContentError, match="nonce"):
        compile_issue(ENGLISH, NEWSLETTER, SITE, nonce=nonce)


@pytest.mark.parametrize(
    "change",
    [
        {"base_url": "https://news.example.org/"},
        {"base_url": "javascript:x"},
        {"base_url": "https://a b"},
        {"bounce_domain": "a b"},
    ],
)
def test_a_site_that_cannot_be_linked_to_is_refused(change):
    with pytest.raises(ContentError):
        compile_issue(ENGLISH, NEWSLETTER, replace(SITE, **change), nonce=NONCE)


def test_blocking_findings_are_returned_and_not_raised():
    compilation = compiled(newsletter=replace(NEWSLETTER, postal_address=""))
    assert [finding.id for finding in compilation.findings] == ["postal-address"]


def test_a_long_issue_is_warned_about():
    compilation = compiled(with_blocks(*[Paragraph("word " * 2000)] * 10))
    assert [finding.id for finding in compilation.findings] == ["html-size"]


@pytest.mark.parametrize(
    ("block", "shape"),
    [
        (Picture("expo.png", "x"), Shape.WHOLE),
        (Picture("expo.png", "x", video="https://video.example.org/"), Shape.DOORWAY),
    ],
)
def test_a_picture_is_shown_as_it_was_prepared_for_its_use(block, shape):
    shown = {PictureUse("expo.png", each): PublicPicture(f"https://cdn.example.org/{each}.png") for each in Shape}
    assert images(block, shown)[0].get("src") == f"https://cdn.example.org/{shape}.png"


@pytest.mark.parametrize(
    ("pixels", "size"),
    [((1300, 650), ("528", "264")), ((1056, 1), ("528", "1")), ((400, 300), ("200", "150")), ((0, 0), ("528", None))],
)
def test_width_and_height_are_those_of_half_its_pixels_or_of_the_column(pixels, size):
    url = "https://cdn.example.org/a.png?b=1&copy=2"
    [image] = images(Picture("expo.png", "x"), {PictureUse("expo.png"): PublicPicture(url, *pixels)})
    assert (image.get("width"), image.get("height"), image.get("src")) == (*size, url)
    assert "height:auto" in image.get("style").replace(" ", "")


def images(block, shown):
    return list(lxml_html.fromstring(compiled(with_blocks(block), pictures=shown).html).iter("img"))


class TestLayouts:
    @pytest.fixture
    def layouts(self, tmp_path):
        copytree(layout.LAYOUTS / "bulletin", tmp_path / "bulletin")
        return tmp_path

    def change(self, layouts, name, old, new):
        path = layouts / "bulletin" / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    @pytest.mark.parametrize(
        "rule",
        [
            '@import url("http://127.0.0.1:9/x.css");',
            "@import 'http://127.0.0.1:9/x.css';",
            "@font-face { src: url(http://127.0.0.1/x); }",
        ],
    )
    @pytest.mark.parametrize(("name", "old"), [("inline.css", "h1 {"), ("head.css", "@media")])
    def test_nothing_is_fetched_for_the_styles(self, layouts, rule, name, old):
        self.change(layouts, name, old, f"{rule} {old}")
        with pytest.raises(ContentError, match=rf"^bulletin/{name}, line 2, column 1: .*has no place in"):
            compiled(layouts=layouts)

    def test_an_unknown_name_in_the_layout_is_told_with_its_line(self, layouts):
        self.change(layouts, "layout.mjml", "{{ frame.footer() }}", "{{ newsletter.nam }}")
        with pytest.raises(ContentError, match="nam"):
            compiled(layouts=layouts)

    def test_a_layout_cannot_reach_out_of_the_sandbox(self, layouts):
        self.change(layouts, "layout.mjml", "{{ frame.footer() }}", "{{ text.__globals__ }}")
        with pytest.raises(ContentError, match="__globals__"):
            compiled(layouts=layouts)

    def test_a_layout_that_does_not_exist_is_named(self, layouts):
        with pytest.raises(ContentError, match="nowhere"):
            compiled(newsletter=replace(NEWSLETTER, layout="nowhere"), layouts=layouts)

    def test_a_broken_layout_is_told_with_its_line(self, layouts):
        self.change(layouts, "layout.mjml", "<h1>", "<h1><b>")
        with pytest.raises(ContentError, match="not well formed") as refused:
            compiled(layouts=layouts)
        assert refused.value.source == "bulletin/layout.mjml"
        assert refused.value.line > 20


TITLES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp")), min_size=1, max_size=60)


@settings(max_examples=25)
@given(TITLES, TITLES, TITLES)
def test_any_text_goes_the_whole_way(title, alt, item):
    def clean(text):
        return re.sub(r"\{\{|[\u202a-\u202e\u2066-\u2069\ufeff]", "", text).strip() or "x"

    def escaped(text):
        return clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    document = with_blocks(
        Picture("a.png", clean(alt)),
        ItemList(ListStyle.CIRCLED, (escaped(item),)),
        Facts(((clean(title), escaped(item)),)),
        Citation(escaped(item)),
    )
    proof = compiled(replace(document, title=clean(title))).proof
    raw = message.fill(proof, VALUES)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    text, html = email.message_from_bytes(raw, policy=email.policy.default).iter_parts()
    page = lxml_html.fromstring(html.get_content())
    assert page.xpath("//h1")[0].text_content().split() == clean(title).split()
    assert page.xpath("//li")[-1].text_content().split() == f"➊{clean(item)}".split()
    assert " ".join(page.xpath("//img/@alt")[0].split()) == " ".join(clean(alt).split())
    assert "".join(clean(item).split()) in "".join(text.get_content().split())
