"""What the built-in layouts make of every kind of block, in both languages."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from shutil import copytree

import pytest
from bulletin import ENGLISH, KOREAN, NEWSLETTER, NEWSLETTER_KO, NONCE, SITE, TWO_LANGUAGES, VALUES
from lxml import html as lxml_html

from pipeline.content import issuefile, layout, links, message
from pipeline.content.compile import compile_issue
from pipeline.content.types import Article, ContentError, FileLink, Paragraph, Picture, PublicPicture, Section, Teaser

LAYOUTS = layout.names()
ISSUES = {"en": (TWO_LANGUAGES, NEWSLETTER), "ko": (KOREAN, NEWSLETTER_KO)}
SAMPLE = Path(__file__).parents[2] / "docs" / "sample"
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def source(name, language="en", **brand):
    document, newsletter = ISSUES[language]
    proof = compile_issue(document, replace(newsletter, layout=name, brand=brand), SITE, nonce=NONCE).proof
    return message.message_parts(proof, VALUES)[0]


def page(name, language="en", **brand):
    return lxml_html.fromstring(source(name, language, **brand))


def made_of(*blocks, name="bulletin", **changes):
    document = replace(ENGLISH, sections=(Section("One", (Article("Two", blocks),)),), **changes)
    html = compile_issue(document, replace(NEWSLETTER, layout=name), SITE, nonce=NONCE).html
    return html, lxml_html.fromstring(html)


def test_there_are_three():
    assert LAYOUTS == ["bulletin", "digest", "letter"]


@pytest.mark.parametrize("language", ISSUES)
@pytest.mark.parametrize("name", LAYOUTS)
class TestEveryLayout:
    def test_has_one_first_heading_and_leaves_no_level_out(self, name, language):
        levels = [int(element.tag[1]) for element in page(name, language).iter("h1", "h2", "h3", "h4")]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))

    def test_says_who_sends_it_and_how_to_leave_at_both_ends(self, name, language):
        whole = page(name, language)
        for address in ("/u/" + VALUES["token.unsubscribe"], "/v/viewtoken234567"):
            places = [at for at, link in enumerate(whole.iter("a")) if link.get("href").endswith(address)]
            assert len(places) == 2
            assert places[0] < 2
        text = whole.text_content()
        assert "04524 Seoul" in text
        assert ISSUES[language][1].name in text

    def test_leads_everywhere_that_the_issue_does(self, name, language):
        whole = page(name, language)
        hrefs = set(whole.xpath("//a/@href"))
        for link in links.of(ISSUES[language][0]):
            assert links.normal(link.url.replace("{{ email }}", "ann%40reader.example")) in hrefs
        ids = whole.xpath("//@id")
        assert len(ids) == len(set(ids))
        assert {href[1:] for href in hrefs if href.startswith("#")} <= set(ids)

    def test_marks_tables_as_what_they_are_and_describes_every_picture(self, name, language):
        whole = page(name, language)
        for table in whole.iter("table"):
            is_data = bool(table.xpath(".//th[@scope='row']"))
            assert is_data or table.get("role") == "presentation"
        assert all(image.get("alt") is not None and image.get("width") for image in whole.iter("img"))

    def test_keeps_its_style_blocks_small_and_flat(self, name, language):
        styles = page(name, language).xpath("//head/style/text()")
        assert sum(len(style.encode()) for style in styles) < 16_000
        for style in styles:
            rest = re.sub(r"@[a-z-]+[^{}]*\{(?:[^{}]*\{[^{}]*\})*\s*\}", "", style)
            assert "@" not in rest

    def test_has_dark_mode_in_blocks_of_its_own(self, name, language):
        styles = page(name, language).xpath("//head/style/text()")
        assert [("prefers-color-scheme" in style, "max-width" in style) for style in styles].count((True, True)) == 0
        assert sum("prefers-color-scheme" in style for style in styles) == 1
        assert sum("[data-ogsc]" in style for style in styles) == 1


@pytest.mark.parametrize("language", ISSUES)
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_sample_stays_far_below_what_gmail_shows(name, language):
    parsed = issuefile.parse((SAMPLE / f"issue-20.{language}.md").read_text(), source="sample")
    proof = compile_issue(parsed.document, replace(parsed.newsletter, layout=name), SITE, nonce=NONCE).proof
    assert proof.html_size < 75_000


@pytest.mark.parametrize("name", LAYOUTS)
class TestBlocks:
    def test_parts_in_another_language_say_so(self, name):
        whole = page(name)
        assert [e.text for e in whole.xpath("//p[@lang='ko'][not(@class)]")] == ["이 문단은 한국어입니다."]
        assert "한국어 기사" in whole.xpath("//div[@lang='ko']//h3")[0].text_content()
        assert whole.xpath("//p[@class='file'][@lang='ko']//a/text()") == ["신청서 양식"]

    def test_teasers_stand_in_pairs_and_are_table_cells_in_outlook(self, name):
        html = source(name)
        halves = lxml_html.fromstring(html).xpath("//div[contains(@class, 'half')]")
        assert [half.xpath("string(.//h4)") for half in halves] == [
            "Rivers that report their own height",
            "Open call for citizen juries",
            "Buses on call",
            "Where the water goes",
        ]
        cells = "".join(COMMENT.findall(html))
        assert cells.count('<td width="50%" valign="top">') == 4
        assert "One that stands alone" in lxml_html.fromstring(html).text_content()

    def test_paid_content_is_labelled(self, name):
        labels = [each.text_content() for each in page(name).xpath("//td[contains(@class, 'sponsor')]/p[1]")]
        assert labels == ["Sponsored: Example Power & Light", "Sponsored: ACME"]

    def test_a_file_tells_its_kind_and_size(self, name):
        files = [each.text_content() for each in page(name).xpath("//p[@class='file']")]
        assert files == ["Guide for applicants (PDF, 1.2 MB)", "신청서 양식 (HWP)"]

    def test_no_preferences_are_offered_while_there_is_no_page_for_them(self, name):
        assert "Choose what you receive" not in page(name).text_content()


@pytest.mark.parametrize("name", LAYOUTS)
class TestLogo:
    DAY, NIGHT = "https://cdn.example.org/day.png", "https://cdn.example.org/night.png"

    def test_none_is_none(self, name):
        assert not page(name).xpath("//img[@class='logo']")

    def test_its_dark_twin_is_hidden_until_it_is_dark(self, name):
        whole = page(name, logo=self.DAY, logo_dark=self.NIGHT)
        day, night = whole.xpath("//img[@class='logo']")
        assert (day.get("src"), night.get("src")) == (self.DAY, self.NIGHT)
        hidden = night.getparent().get("style").replace(" ", "")
        assert "display:none" in hidden
        assert "mso-hide:all" in hidden
        assert day.getparent().get("class") == "by-day"

    def test_without_one_it_stands_on_a_plate(self, name):
        [logo] = page(name, logo=self.DAY).xpath("//img[@class='logo']")
        assert logo.getparent().get("class") == "plate"
        assert logo.get("alt") == ""


@pytest.mark.parametrize("count", range(6))
def test_any_number_of_teasers_is_shown(count):
    html, whole = made_of(*(Teaser(f"Story {n}") for n in range(count)), Paragraph("end"))
    assert [each.text_content() for each in whole.xpath("//h4")] == [f"Story {n}" for n in range(count)]
    assert html.count('<div class="half') == count // 2 * 2


def test_a_picture_that_leads_to_a_video_may_lead_elsewhere_too():
    _, whole = made_of(Picture("a.png", "A tower", link="https://a.org/story", video="https://a.org/film"))
    links = [link for link in whole.iter("a") if link.get("href").startswith("https://a.org/")]
    assert [(link.get("href"), link.text_content().strip()[-9:]) for link in links] == [
        ("https://a.org/film", ""),
        ("https://a.org/film", "the video"),
        ("https://a.org/story", "ad more →"),
    ]


@pytest.mark.parametrize(
    ("file", "note"),
    [
        (FileLink("x", "https://a.org/b.pdf", size="2 MB"), "(PDF, 2 MB)"),
        (FileLink("x", "https://a.org/b.PDF?v=1.2#c"), "(PDF)"),
        (FileLink("x", "https://a.org/b", size="2 MB"), "(2 MB)"),
        (FileLink("x", "https://a.org/b.pdf", "HWP"), "(HWP)"),
        (FileLink("x", "https://a.org/v1.0/download"), ""),
        (FileLink("x", "https://a.org/", ""), ""),
    ],
)
def test_what_is_said_of_a_file(file, note):
    _, whole = made_of(file)
    assert whole.xpath("//p[@class='file']")[0].text_content().removeprefix("x").strip() == note


@pytest.mark.parametrize(
    ("pixels", "most", "size"),
    [((1056, 528), 528, (528, 264)), ((400, 300), 528, (200, 150)), ((0, 0), 252, (252, 0)), ((1, 1), 528, (1, 1))],
)
def test_pictures_are_shown_at_half_their_pixels_or_less(pixels, most, size):
    assert layout.fitted(PublicPicture("https://a.org/b.png", *pixels), most) == size


def test_an_issue_titled_like_its_newsletter_says_so_once():
    for name in LAYOUTS:
        _, whole = made_of(Paragraph("x"), name=name, title=NEWSLETTER.name)
        assert [each.text_content().strip() for each in whole.iter("h1")] == [NEWSLETTER.name]


def test_a_layout_has_its_own_version_of_a_part_by_a_file_of_that_name(tmp_path):
    own = copytree(layout.LAYOUTS / "letter", tmp_path / "mine")
    (own / "frame.mjml").write_text(
        (layout.LAYOUTS / "parts" / "frame.mjml").read_text().replace('<p class="edition">', '<p class="edition">Nr. ')
    )
    html = compile_issue(TWO_LANGUAGES, replace(NEWSLETTER, layout="mine"), SITE, nonce=NONCE, layouts=tmp_path).html
    assert "Nr. <strong>" in html


def text_of(name, newsletter=NEWSLETTER, **more):
    return compile_issue(TWO_LANGUAGES, replace(newsletter, layout=name), SITE, nonce=NONCE, **more).text


def test_a_letter_has_no_contents_in_its_text_part_either():
    assert "In this issue" in text_of("bulletin")
    assert "In this issue" not in text_of("letter")


@pytest.mark.parametrize("name", LAYOUTS)
def test_in_the_text_part_signs_are_signs(name):
    text = text_of(name, replace(NEWSLETTER, name="Bread & <Roses>", postal_address='1 "Quote" Road\n{{ 7 * 7 }}'))
    assert text.startswith("Bread & <Roses>\n")
    assert '1 "Quote" Road\n{{ 7 * 7 }}\n' in text


def test_a_slip_in_the_frame_of_the_text_part_is_told_with_its_line(tmp_path):
    copytree(layout.LAYOUTS / "letter", tmp_path / "mine")
    (tmp_path / "mine" / "layout.txt").write_text("{{ newsletter.name }}\n{{ secions }}\n")
    with pytest.raises(ContentError, match="secions") as refused:
        text_of("mine", layouts=tmp_path)
    assert (refused.value.source, refused.value.line) == ("mine/layout.txt", 2)


def test_every_rule_of_dark_mode_meets_something_in_some_layout():
    logos = {"logo": TestLogo.DAY, "logo_dark": TestLogo.NIGHT}
    pages = [page(name, **brand) for name in LAYOUTS for brand in (logos, {"logo": TestLogo.DAY})]
    styles = [style for style in pages[0].xpath("//head/style/text()") if "dark" in style or "data-og" in style]
    selectors = {
        re.sub(r"\[data-og..\] ", "", each.strip())
        for style in styles
        for rule in re.findall(r"([^{}@]+)\{[^{}]*\}", style.replace("@media (prefers-color-scheme: dark) {", ""))
        for each in rule.split(",")
    }
    assert len(selectors) > 25
    assert [each for each in selectors if not any(whole.cssselect(each) for whole in pages)] == []
