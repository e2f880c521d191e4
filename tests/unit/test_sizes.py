"""The height of a picture whose size is known, where MJML left it open."""

import pytest

from pipeline.content.mjml import to_html
from pipeline.content.sizes import with_heights
from pipeline.content.trace import Traced
from pipeline.content.types import PublicPicture

URL = "https://cdn.example.org/a.png?b=1&copy=2"


def image(*pixels: int) -> str:
    source = (
        '<mjml lang="en"><mj-body><mj-section><mj-column>'
        '<mj-image src="https://cdn.example.org/a.png?b=1&amp;copy=2" alt="a &gt; b" width="300px" />'
        "</mj-column></mj-section></mj-body></mjml>"
    )
    return with_heights(to_html(Traced.plain(source, "x.mjml")), [PublicPicture(URL, *pixels)])


@pytest.mark.parametrize(("pixels", "height"), [((1200, 600), "150"), ((100, 300), "900"), ((4000, 1), "1")])
def test_the_height_follows_from_the_width_and_the_style_stays_open(pixels, height):
    page = image(*pixels)
    assert f' height="{height}"' in page
    assert 'width="300"' in page
    assert "height:auto" in page


@pytest.mark.parametrize("pixels", [(), (0, 0), (0, 100)])
def test_a_picture_of_unknown_size_keeps_its_open_height(pixels):
    assert ' height="auto"' in image(*pixels)
