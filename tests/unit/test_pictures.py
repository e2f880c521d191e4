"""Pictures for mail: what may come in, what goes out, and that nothing of the original stays but what it shows."""

import io
import re
import time
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from drawings import chunk, decoded, drawing, encoded, huge_png, moving_gif
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFilter, ImageStat, PngImagePlugin

from pipeline.content.pictures import BOXES, prepare
from pipeline.content.pictures.badge import diameter
from pipeline.content.pictures.reading import BYTES_AT_MOST
from pipeline.content.types import ContentError, Shape

# Pillow warns of a camera's broken notes, which are left out with all others.
pytestmark = pytest.mark.filterwarnings("ignore:::PIL")
SECRET = b"Gyeongbokgung 37.5796N"


def prepared(raw, shape=Shape.WHOLE):
    return prepare(raw, shape, source="tower.png")


def colour_at(image, share_x, share_y):
    return image.convert("RGB").getpixel((int(image.width * share_x), int(image.height * share_y)))


def close(found, wanted, by=12):
    return all(abs(one - other) <= by for one, other in zip(found, wanted, strict=True))


# What goes out


@pytest.mark.parametrize(
    ("mode", "kind", "becomes"),
    [
        ("RGB", "PNG", "PNG"), ("RGBA", "PNG", "PNG"), ("P", "PNG", "PNG"), ("L", "PNG", "PNG"), ("LA", "PNG", "PNG"),
        ("1", "PNG", "PNG"), ("RGB", "JPEG", "JPEG"), ("L", "JPEG", "JPEG"), ("CMYK", "JPEG", "JPEG"),
        ("P", "GIF", "PNG"), ("RGB", "WEBP", "PNG"), ("RGBA", "WEBP", "PNG"),
    ],
)  # fmt: skip
def test_every_kind_of_picture_comes_out_as_one_that_mail_shows(mode, kind, becomes):
    raw = encoded(drawing(mode=mode), kind)
    made = prepared(raw)
    shown = decoded(made.content)
    assert (made.format, shown.format) == (becomes, becomes)
    assert shown.size == (made.width, made.height) == (64, 48)
    assert prepared(raw) == made
    before, after = decoded(raw).convert("RGB"), shown.convert("RGB")
    assert close(colour_at(after, 0.2, 0.2), colour_at(before, 0.2, 0.2), by=30)
    assert close(colour_at(after, 0.8, 0.8), colour_at(before, 0.8, 0.8), by=30)


def test_sixteen_bits_of_grey_stay_as_light_as_they_are():
    grey = Image.new("I;16", (20, 20), 30_000)
    assert close(colour_at(decoded(prepared(encoded(grey)).content), 0.5, 0.5), (117, 117, 117), by=2)


@pytest.mark.parametrize("shape", Shape)
def test_a_large_picture_fits_its_box_and_keeps_its_proportions(shape):
    for size in ((3000, 1500), (1500, 3000), (3000, 3)):
        made = prepared(encoded(drawing(size)), shape)
        widest, highest = BOXES[shape]
        assert made.width <= widest
        assert made.height <= highest
        assert made.width in {widest, round(highest * size[0] / size[1])} or made.height == highest
        assert abs(made.height - made.width * size[1] / size[0]) <= 1


@pytest.mark.parametrize("shape", Shape)
def test_a_small_picture_is_never_enlarged(shape):
    made = prepared(encoded(drawing((200, 100))), shape)
    assert (made.width, made.height) == (200, 100)


def test_few_colours_stay_exact_and_small():
    raw = encoded(drawing((900, 400)))
    made = prepared(raw)
    shown = decoded(made.content)
    assert shown.mode == "P"
    assert shown.convert("RGB").tobytes() == drawing((900, 400)).tobytes()


def test_transparency_stays():
    image = drawing(mode="RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 32, 24))
    for raw in (encoded(image), encoded(image, "WEBP", lossless=True), encoded(image, "GIF")):
        shown = decoded(prepared(raw).content).convert("RGBA")
        assert shown.getpixel((5, 5))[3] == 0
        assert shown.getpixel((60, 40)) == (255, 255, 255, 255)


def test_a_photograph_saved_as_png_goes_out_as_jpeg():
    layers = [Image.effect_noise((800, 600), 90).filter(ImageFilter.GaussianBlur(2)) for _ in range(3)]
    raw = encoded(Image.merge("RGB", layers))
    made = prepared(raw)
    assert made.format == "JPEG"
    assert len(made.content) < len(raw) / 2


# What stays behind


def exif(orientation=1):
    notes = Image.Exif()
    notes[0x0112] = orientation
    notes[0x010F] = SECRET.decode()
    notes.get_ifd(0x8825)[1] = "N"
    notes.get_ifd(0x8825)[2] = (37.0, 34.0, 46.0)
    return notes


def with_notes():
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", SECRET.decode())
    text.add_itxt("XML:com.adobe.xmp", f"<x:xmpmeta>{SECRET.decode()}</x:xmpmeta>")
    image, xmp = drawing(), b"<x:xmpmeta>" + SECRET + b"</x:xmpmeta>"
    return {
        "jpeg": encoded(image, "JPEG", exif=exif(), comment=SECRET, xmp=xmp),
        "png": encoded(image, "PNG", exif=exif(), pnginfo=text),
        "webp": encoded(image, "WEBP", exif=exif(), xmp=xmp),
        "gif": encoded(image.convert("P"), "GIF", comment=SECRET),
        "moving": moving_gif(comment=SECRET),
        "tail": encoded(image) + SECRET,
        "moving-tail": moving_gif() + SECRET,
        "chunk": encoded(image)[:-12] + chunk(b"prVt", SECRET) + chunk(b"IEND"),
    }


@pytest.mark.parametrize("kind", with_notes())
@pytest.mark.parametrize("shape", [Shape.WHOLE, Shape.DOORWAY])
def test_no_note_of_the_original_stays(kind, shape):
    raw = with_notes()[kind]
    assert SECRET in raw
    made = prepared(raw, shape)
    shown = decoded(made.content)
    assert SECRET not in made.content
    assert b"Exif" not in made.content
    assert dict(shown.getexif()) == {}
    assert not {"icc_profile", "exif", "xmp", "comment", "dpi"} & set(shown.info)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_turned_upright(orientation, kind):
    """Drawn as a camera would store it, then brought back."""
    stored = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    upright = drawing((640, 480))
    turned = upright.transpose(Image.Transpose(stored[orientation])) if orientation in stored else upright
    made = prepared(encoded(turned, kind, exif=exif(orientation)))
    shown = decoded(made.content)
    assert shown.size == (640, 480)
    for x, y in ((0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8)):
        assert close(colour_at(shown, x, y), colour_at(upright, x, y), by=30)


def test_a_lying_picture_is_measured_upright():
    turned = drawing((4000, 3000)).transpose(Image.Transpose.ROTATE_90)
    made = prepared(encoded(turned, "JPEG", exif=exif(6)))
    assert (made.width, made.height) == (1300, 975)


def test_broken_notes_do_not_spoil_a_picture():
    raw = encoded(drawing(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(range(200)))
    assert prepared(raw).width == 64


def test_colours_of_another_space_are_brought_to_srgb():
    """In this profile red and blue are exchanged; who drops it without looking shows the wrong one."""
    red_is_blue = swapped_profile()
    made = prepared(encoded(Image.new("RGB", (30, 30), "red"), "PNG", icc_profile=red_is_blue))
    red, _, blue = colour_at(decoded(made.content), 0.5, 0.5)
    assert blue > 150 > red
    assert "icc_profile" not in decoded(made.content).info


def swapped_profile() -> bytes:
    """SRGB with the tags of its primaries renamed."""
    raw = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    table, rest = raw[128 : 128 + 4 + 12 * int.from_bytes(raw[128:132])], raw
    swapped = table.replace(b"rXYZ", b"tmp ").replace(b"bXYZ", b"rXYZ").replace(b"tmp ", b"bXYZ")
    return rest[:128] + swapped + rest[128 + len(table) :]


@pytest.mark.parametrize("profile", [b"", b"x", b"\0" * 200, swapped_profile()[:300]])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_broken_profile_is_no_profile(profile, mode):
    assert prepared(encoded(drawing(mode=mode), "JPEG", icc_profile=profile)).width == 64


# Moving pictures


def test_a_moving_gif_keeps_its_frames_and_its_pace():
    raw = moving_gif(5)
    made = prepared(raw)
    shown, before = decoded(made.content), decoded(raw)
    assert (made.format, shown.n_frames, shown.info["duration"], shown.info["loop"]) == ("GIF", 5, 80, 0)
    for frame in range(5):
        before.seek(frame)
        shown.seek(frame)
        assert shown.convert("RGB").tobytes() == before.convert("RGB").tobytes()
    assert prepared(made.content) == made


def test_a_moving_doorway_stands_still_with_its_badge():
    made = prepared(moving_gif(size=(400, 300)), Shape.DOORWAY)
    assert made.format == "PNG"
    assert badge_is_readable(decoded(made.content))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (moving_gif(501, (2, 2)), "500 frames"),
        (moving_gif(20, (2000, 2000)), "60 megapixels"),
        (moving_gif()[:-40], "broken"),
        (moving_gif()[:30], "broken"),
        (moving_gif().replace(b",\0\0\0\0", b",\1\0\0\0", 1), "broken"),
        (b"GIF89a", "broken"),
        (b"GIF89a" + b"\0" * 50, "broken"),
        (b"GIF89a/*\0\0\0\0\0*/=1;alert(1)", "broken"),
        (encoded(Image.new("RGB", (30, 30)), "WEBP", save_all=True, append_images=[drawing((30, 30))]), "as a GIF"),
    ],
    ids=["frames", "pixels", "short", "shorter", "beyond", "head", "zeros", "script", "webp"],
)
def test_a_moving_picture_beyond_the_limits_is_refused(raw, said):
    with pytest.raises(ContentError, match=said):
        prepared(raw)


# The badge


def badge_is_readable(image):
    """White in the triangle, dark on the disc, white again on the ring."""
    middle, across = (image.width // 2, image.height // 2), diameter(image.size)
    pixels = image.convert("RGB")
    disc = pixels.getpixel((middle[0] - round(across * 0.3), middle[1]))
    ring = pixels.getpixel((middle[0], middle[1] - round(across * 0.455)))
    return min(pixels.getpixel(middle)) > 240 and max(disc) < 80 and min(ring) > 225


@pytest.mark.parametrize("colour", ["white", "black", "#777777", "red", "yellow", "#0a1f38"])
@pytest.mark.parametrize("size", [(1300, 700), (300, 900), (160, 120)])
def test_the_play_badge_can_be_read_on_any_picture(colour, size):
    made = prepared(encoded(Image.new("RGB", size, colour)), Shape.DOORWAY)
    shown = decoded(made.content)
    assert shown.size == size
    assert badge_is_readable(shown)
    assert close(colour_at(shown, 0.02, 0.02), Image.new("RGB", (1, 1), colour).getpixel((0, 0)), by=3)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3)])
def test_even_the_smallest_picture_may_be_a_doorway(size):
    assert decoded(prepared(encoded(drawing((8, 8)).resize(size)), Shape.DOORWAY).content).size == size


def test_a_transparent_doorway_stays_transparent_around_its_badge():
    shown = decoded(prepared(encoded(Image.new("RGBA", (300, 200))), Shape.DOORWAY).content).convert("RGBA")
    assert shown.getpixel((5, 5))[3] == 0
    assert shown.getpixel((150, 100)) == (255, 255, 255, 255)


# What may not come in


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "the file is empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "an SVG drawing"),
        (b"\xef\xbb\xbf <?xml version='1.0'?><svg/>", "an SVG drawing"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "a web page"),
        (b"%PDF-1.7", "a PDF"),
        (encoded(drawing(), "BMP"), "a Windows bitmap"),
        (encoded(drawing(), "TIFF"), "a TIFF"),
        (encoded(drawing(), "AVIF"), "an AVIF"),
        (b"\0\0\0\x18ftypheic", "a HEIC photo"),
        (b"\0\0\0\x18ftypisom", "a film"),
        (b"GARBAGE", "not that of a picture"),
        (encoded(drawing())[:60], "broken"),
        (encoded(drawing(), "JPEG")[:300], "broken"),
        (encoded(drawing(), "WEBP")[:60], "broken"),
        (b"\xff\xd8\xff\xe0" + b"<script>", "broken|not that of a picture"),
        (huge_png(30_000, 30_000), "far too many pixels|30000 × 30000"),
        (huge_png(10_000, 9_000), "far too many pixels|10000 × 9000"),
        (huge_png(2**31 - 1, 2**31 - 1), "far too many pixels"),
        (huge_png(7_000, 6_000), "7000 × 6000 pixels"),
        (huge_png(0, 10), "broken|not that of a picture"),
        (encoded(drawing()) + b"\0" * BYTES_AT_MOST, "too large"),
        (moving_gif() + b"\0" * BYTES_AT_MOST, "too large"),
    ],
    ids=range(22),
)
def test_what_cannot_be_used_is_refused_with_reason_file_and_what_is_allowed(raw, said):
    with pytest.raises(ContentError, match=said) as refused:
        prepared(raw)
    assert str(refused.value).startswith("tower.png: the picture cannot be used: ")
    assert "Allowed are PNG, JPEG, GIF and WebP of up to 10 MB and 40 megapixels" in str(refused.value)


def test_a_bomb_is_refused_before_it_is_unpacked():
    rows = chunk(b"IDAT", b"\x78\x9c" + b"\0" * 5_000_000)
    bomb = huge_png(6_500, 6_500).replace(chunk(b"IEND"), rows + chunk(b"IEND"))
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(ContentError, match="6500 × 6500"):
        prepared(bomb)
    assert time.process_time() - started < 1
    assert tracemalloc.get_traced_memory()[1] < 8_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(("kind", "head"), [(b"iCCP", b"x\0\0"), (b"zTXt", b"x\0\0"), (b"iTXt", b"x\0\1\0\0\0")])
def test_a_bomb_of_profile_or_text_is_never_unpacked(kind, head):
    raw = encoded(drawing())
    bomb = raw[:33] + chunk(kind, head + zlib.compress(b"\0" * 80_000_000)) + raw[33:]
    tracemalloc.start()
    with suppress(ContentError):
        prepared(bomb)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


VALID = [
    encoded(drawing()), encoded(drawing(mode="P")), encoded(drawing(mode="RGBA")), encoded(drawing(), "JPEG"),
    encoded(drawing(mode="CMYK"), "JPEG", exif=exif(6)), encoded(drawing(mode="P"), "GIF"), moving_gif(),
    encoded(drawing(), "WEBP"), encoded(drawing(), "WEBP", lossless=True, exif=exif(3)),
]  # fmt: skip
PAYLOAD = b"<svg onload=alert(1)><script>alert(1)</script>"


@st.composite
def hostile(draw):
    """A picture that was cut, had bytes changed, something put into it or after it."""
    raw = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(len(raw) - 1, 0)))
        match draw(st.sampled_from(["change", "cut", "insert", "take", "payload"])):
            case "change" if raw:
                raw[at] = draw(st.integers(0, 255))
            case "cut":
                del raw[max(at, 12) :]
            case "insert":
                raw[at:at] = draw(st.binary(max_size=8))
            case "take":
                del raw[at : at + draw(st.integers(1, 8))]
            case "payload":
                raw[at:at] = PAYLOAD
    return bytes(raw) + draw(st.sampled_from([b"", PAYLOAD]))


@given(hostile() | st.binary(max_size=200), st.sampled_from(Shape))
@example(VALID[0] + PAYLOAD, Shape.WHOLE)
@settings(max_examples=400)
def test_hostile_bytes_become_a_clean_picture_or_a_refusal(raw, shape):
    try:
        made = prepared(raw, shape)
    except ContentError:
        return
    assert re.fullmatch(r"[0-9a-f]{32}\.(png|jpg|gif)", made.name)
    shown = Image.open(io.BytesIO(made.content), formats=[made.format])
    shown.load()
    assert shown.size == (made.width, made.height)
    if made.format != "GIF":  # whose packed pixels are kept as they are
        assert PAYLOAD not in made.content
    assert not made.content.endswith(PAYLOAD)
    assert prepared(raw, shape) == made
    assert ImageStat.Stat(shown.convert("RGB")).count[0] == made.width * made.height
