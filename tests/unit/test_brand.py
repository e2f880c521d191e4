from dataclasses import replace

import pytest
from bulletin import ENGLISH, NEWSLETTER, NONCE, SITE
from hypothesis import given
from hypothesis import strategies as st

from pipeline.content import brand, layout
from pipeline.content.brand import DARK, LIGHT, SETTINGS
from pipeline.content.colour import contrast, is_colour, lightened
from pipeline.content.compile import compile_issue
from pipeline.content.types import ContentError

COLOURS = st.integers(0, 0xFFFFFF).map("#{:06x}".format)
LAYOUTS = layout.names()


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.48), ("#0000ff", "#ffffff", 8.59), ("#12355b", "#12355b", 1)],
)
def test_contrast_is_that_of_wcag(one, other, ratio):
    assert contrast(one, other) == contrast(other, one) == pytest.approx(ratio, abs=0.005)


@given(COLOURS, st.sampled_from([DARK.page, DARK.card, DARK.band]), st.floats(1, 12))
def test_a_shade_is_as_light_as_it_must_be(colour, behind, ratio):
    shade = lightened(colour, on=behind, ratio=ratio)
    assert is_colour(shade)
    assert contrast(shade, behind) >= ratio
    assert contrast(colour, behind) < ratio or shade == colour


@given(COLOURS, COLOURS)
def test_what_the_editor_is_not_warned_about_can_be_read_in_both_modes(primary, accent):
    settings = {"primary": primary, "accent": accent}
    warned = {problem.setting for problem in brand.hard_to_read(settings)}
    made = brand.brand_of(settings)
    for behind in (DARK.page, DARK.card, DARK.band):
        assert contrast(made.primary_dark, behind) >= 4.5
        assert contrast(made.accent_dark, behind) >= 4.5
    if "primary" not in warned:
        assert min(contrast("#ffffff", made.primary), contrast("#ffffff", made.fill_dark)) >= 4.5
        assert contrast(made.primary, LIGHT.page) >= 4.5
    if "accent" not in warned:
        assert contrast(made.accent, LIGHT.page) >= 4.5


def test_the_neutral_colours_can_be_read_on_each_other():
    for paper in (LIGHT, DARK):
        for behind in (paper.page, paper.card, paper.band):
            assert contrast(paper.ink, behind) >= 7
            assert contrast(paper.quiet, behind) >= 4.5


def test_the_defaults_fit_their_own_rules_and_need_no_warning():
    assert [name for name, setting in SETTINGS.items() if not setting.fits(setting.default)] == []
    assert list(brand.hard_to_read({})) == []


def test_hangul_has_a_family_after_every_latin_one():
    for font in brand.FONTS:
        families = brand.brand_of({"font": font}).font.split(",")
        assert any("Gothic" in family or "Myungjo" in family for family in families)
        assert families[-1] in {"serif", "sans-serif"}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("shadow", "#123456", "it has primary, accent"),
        ("primary", "red", "such as #12355b"),
        ("primary", "", "such as #12355b"),
        ("accent", "#fff;}x{", "such as #12355b"),
        ("accent", "#12345", "such as #12355b"),
        ("font", "Comic Sans", "sans, serif"),
        ("font", "sans';}", "sans, serif"),
        ("width", "559", "560 to 700"),
        ("width", "701", "560 to 700"),
        ("width", "600px", "560 to 700"),
        ("width", "٦٠٠", "560 to 700"),
        ("width", "-600", "560 to 700"),
        ("logo", "logo.png", "https://example.org/logo.png"),
        ("logo", "javascript:alert(1)", "https://example.org/logo.png"),
        ("logo", 'https://a.example/"><script>', "https://example.org/logo.png"),
        ("logo_dark", "https://a.example/{{ first_name }}.png", "https://example.org/logo.png"),
        ("logo_width", "9999", "32 to 400"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_what_can(name, value, words):
    with pytest.raises(ContentError, match=words):
        brand.normal(name, value)
    with pytest.raises(ContentError, match=words):
        compile_issue(ENGLISH, replace(NEWSLETTER, brand={name: value}), SITE, nonce=NONCE)


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_uses_every_setting(name):
    settings = {
        "primary": "#5a0f4d",
        "accent": "#8a3b00",
        "font": "wide",
        "width": "680",
        "logo": "https://cdn.example.org/day.png",
        "logo_dark": "https://cdn.example.org/night.png",
        "logo_width": "222",
    }
    html = compile_issue(ENGLISH, replace(NEWSLETTER, layout=name, brand=settings), SITE, nonce=NONCE).html
    for value in ("#5a0f4d", "#8a3b00", "Verdana", "680px", "day.png", "night.png", 'width="222"'):
        assert value in html
    for default in (SETTINGS["primary"].default, SETTINGS["accent"].default):
        assert default not in html


def test_a_layout_that_does_not_exist_is_refused_with_those_there_are():
    with pytest.raises(ContentError, match="bulletin, digest, letter"):
        compile_issue(ENGLISH, replace(NEWSLETTER, layout="parts"), SITE, nonce=NONCE)
