"""Small pictures in every format, for tests: drawn here, with whatever notes a test wants in them."""

import io
import struct
import zlib

from PIL import Image, ImageDraw


def drawing(size: tuple[int, int] = (64, 48), mode: str = "RGB") -> Image.Image:
    """A picture whose corners differ, so that a turn shows: red, green, blue, white from the top left on."""
    width, height = size
    image = Image.new("RGB", size, "#777777")
    draw = ImageDraw.Draw(image)
    corners = [(0, 0), (width // 2, 0), (0, height // 2), (width // 2, height // 2)]
    for (x, y), colour in zip(corners, ("red", "green", "blue", "white"), strict=True):
        draw.rectangle([x, y, x + width // 2 - 1, y + height // 2 - 1], fill=colour)
    return image.convert(mode)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def moving_gif(frames: int = 3, size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    images = [Image.new("RGB", size, (40 * n % 256, 90, 200)) for n in range(frames)]
    return encoded(images[0], "GIF", save_all=True, append_images=images[1:], duration=80, loop=0, **options)


def decoded(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def huge_png(width: int, height: int) -> bytes:
    """A few bytes that claim to be a picture of that size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND")


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
