"""Draw the pictures of the sample issue: `python docs/sample/make_pictures.py`. Needs Pillow alone, and no fonts.

Each is 1100 × 560, twice the layout's column for sharp screens, drawn larger and scaled down, with few colours so
that it stays under 40 KB. The same for every language, hence without a word in them.
"""

from collections.abc import Callable, Sequence
from math import cos, pi, sin
from pathlib import Path

from PIL import Image, ImageDraw

WIDTH, HEIGHT, SCALE = 1100, 560, 3
FOLDER = Path(__file__).parent / "pictures"

NIGHT, NAVY, TEAL, SKY, PALE = "#0a1f38", "#12355b", "#0b7a75", "#cfe5f2", "#eef5f8"
SUN, CORAL, SAND, LEAF, PINK, WHITE, GREY = (
    "#f4b942",
    "#e2725b",
    "#ecd9ac",
    "#5a9e6f",
    "#f2b5c4",
    "#ffffff",
    "#8fa3b5",
)


class Canvas:
    """Shapes in the picture's own units."""

    def __init__(self, background: str) -> None:
        self.image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), background)
        self._draw = ImageDraw.Draw(self.image)

    def box(self, left: float, top: float, width: float, height: float, colour: str, *, radius: float = 0) -> None:
        corners = [each * SCALE for each in (left, top, left + width, top + height)]
        self._draw.rounded_rectangle(corners, radius=radius * SCALE, fill=colour)

    def disc(self, x: float, y: float, across: float, colour: str, *, down: float = 0) -> None:
        tall = down or across
        corners = [each * SCALE for each in (x - across / 2, y - tall / 2, x + across / 2, y + tall / 2)]
        self._draw.ellipse(corners, fill=colour)

    def shape(self, points: Sequence[tuple[float, float]], colour: str) -> None:
        self._draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=colour)

    def line(self, points: Sequence[tuple[float, float]], colour: str, *, width: float = 4) -> None:
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self._draw.line(scaled, fill=colour, width=round(width * SCALE), joint="curve")

    def save(self, name: str) -> None:
        small = self.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        small.quantize(48, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)


def skyline(canvas: Canvas, ground: float, colour: str, *, light: str = "", left: int = 0, right: int = WIDTH) -> None:
    """Towers of varied height on the line `ground`, with lit windows when `light` is given."""
    heights = (120, 190, 90, 230, 150, 260, 110, 200, 140, 240, 100, 170)
    for number, x in enumerate(range(left, right - 60, 92)):
        height = heights[number % len(heights)]
        canvas.box(x, ground - height, 70, height, colour)
        for row in range(int(height // 36)) if light else ():
            for column in range(3):
                if (row * 5 + column * 3 + number) % 4:
                    canvas.box(x + 12 + column * 18, ground - height + 14 + row * 34, 10, 16, light)


def drone(canvas: Canvas, x: float, y: float, colour: str, *, size: float = 1) -> None:
    """Four rotors on a body whose middle is at (x, y)."""
    for side in (-1, 1):
        canvas.line([(x, y), (x + side * 110 * size, y - 34 * size)], colour, width=9 * size)
        canvas.line([(x + side * 30 * size, y), (x + side * 54 * size, y + 56 * size)], colour, width=6 * size)
        canvas.disc(x + side * 110 * size, y - 44 * size, 130 * size, GREY, down=12 * size)
        canvas.box(x + side * 110 * size - 6 * size, y - 46 * size, 12 * size, 20 * size, colour)
    canvas.box(x - 56 * size, y - 28 * size, 112 * size, 52 * size, colour, radius=24 * size)
    canvas.disc(x, y - 2 * size, 26 * size, SUN)


def person(canvas: Canvas, x: float, feet: float, colour: str, *, size: float = 1, helmet: str = "") -> None:
    canvas.box(x - 26 * size, feet - 110 * size, 52 * size, 110 * size, colour, radius=24 * size)
    canvas.disc(x, feet - 136 * size, 46 * size, SAND)
    if helmet:
        canvas.disc(x, feet - 150 * size, 52 * size, helmet, down=32 * size)
        canvas.box(x - 32 * size, feet - 148 * size, 64 * size, 9 * size, helmet, radius=4 * size)


def expo_hall() -> Canvas:
    canvas = Canvas(PALE)
    for number in range(7):
        x = number * 190 - 40
        canvas.shape([(x, 150), (x + 95, 50), (x + 190, 150)], SKY if number % 2 else "#dcebf3")
    canvas.box(0, 150, WIDTH, 14, NAVY)
    for number, colour in enumerate((TEAL, CORAL, NAVY, SUN)):
        x = 60 + number * 255
        canvas.box(x, 230, 215, 180, WHITE)
        canvas.box(x, 230, 215, 46, colour)
        canvas.disc(x + 60, 345, 70, colour)
        canvas.box(x + 115, 310, 74, 16, GREY, radius=8)
        canvas.box(x + 115, 340, 74, 16, SKY, radius=8)
    canvas.box(0, 410, WIDTH, 150, "#d8e3ea")
    for number, colour in enumerate((NAVY, CORAL, TEAL, GREY, SUN, NAVY, TEAL)):
        person(canvas, 110 + number * 148, 520 + number % 3 * 14, colour, size=0.9)
    return canvas


def expo_stage() -> Canvas:
    canvas = Canvas(NAVY)
    canvas.shape([(60, 0), (140, 0), (760, 420), (430, 420)], "#1d4673")
    canvas.shape([(960, 0), (1040, 0), (740, 420), (420, 420)], "#1d4673")
    canvas.box(230, 60, 640, 290, PALE, radius=10)
    for number, height in enumerate((70, 110, 150, 120, 190)):
        canvas.box(330 + number * 92, 310 - height, 60, height, TEAL if number % 2 else SUN, radius=6)
    canvas.box(0, 420, WIDTH, 140, NIGHT)
    person(canvas, 590, 430, CORAL, size=1.25)
    canvas.box(640, 330, 90, 100, TEAL, radius=8)
    canvas.line([(672, 330), (650, 296)], WHITE, width=5)
    for number in range(14):
        canvas.disc(20 + number * 82, 540 + number % 2 * 12, 74, "#23527f" if number % 2 else "#1b4168")
    return canvas


def sejong_visit() -> Canvas:
    canvas = Canvas(SKY)
    canvas.disc(930, 110, 110, SUN)
    skyline(canvas, 430, "#a9c8dc", right=700)
    for x, height in ((180, 330), (640, 370)):
        canvas.box(x, 430 - height, 14, height, CORAL)
        canvas.box(x - 80, 430 - height, 330, 12, CORAL)
        canvas.line([(x + 7, 400 - height), (x + 240, 436 - height)], CORAL, width=4)
        canvas.line([(x + 200, 442 - height), (x + 200, 530 - height)], NAVY, width=4)
        canvas.box(x + 170, 530 - height, 60, 34, GREY)
    for row in range(5):
        canvas.box(330, 205 + row * 46, 230, 10, GREY)
        for column in range(4):
            canvas.box(330 + column * 73, 205 + row * 46, 10, 46, GREY)
    canvas.box(0, 430, WIDTH, 130, SAND)
    for number, colour in enumerate((NAVY, TEAL, NAVY, CORAL)):
        person(canvas, 760 + number * 78, 530, colour, size=1.1, helmet=WHITE if number != 1 else SUN)
    return canvas


def sandbox() -> Canvas:
    canvas = Canvas(PALE)
    canvas.disc(960, 110, 120, SUN)
    for x, height, colour in (
        (340, 150, TEAL),
        (430, 220, NAVY),
        (530, 120, CORAL),
        (620, 250, TEAL),
        (710, 170, NAVY),
    ):
        canvas.box(x, 390 - height, 76, height, colour, radius=6)
        for row in range(height // 48):
            canvas.box(x + 14, 408 - height + row * 44, 18, 22, SKY)
            canvas.box(x + 44, 408 - height + row * 44, 18, 22, SKY)
    canvas.disc(550, 400, 720, SAND, down=120)
    canvas.disc(300, 392, 150, "#e2cb93", down=70)
    canvas.shape([(130, 400), (970, 400), (900, 530), (200, 530)], "#b98b52")
    canvas.shape([(150, 400), (950, 400), (940, 425), (160, 425)], "#d3a76c")
    canvas.line([(860, 396), (905, 250)], CORAL, width=14)
    canvas.shape([(826, 340), (894, 362), (870, 420), (820, 400)], GREY)
    return canvas


def sandbox_steps() -> Canvas:
    canvas = Canvas("#e3f0ee")
    for number in range(5):
        top = 440 - number * 70
        canvas.box(90 + number * 170, top, 170, 560 - top, TEAL if number % 2 else "#2c918b")
    canvas.disc(175, 320, 120, SUN)
    canvas.box(150, 370, 50, 34, GREY, radius=8)
    for number, colour in enumerate((CORAL, WHITE, NAVY)):
        x, top = 345 + number * 170, 370 - number * 70
        canvas.disc(x, top - 54, 84, colour)
        canvas.line([(x - 20, top - 54), (x - 5, top - 38), (x + 24, top - 72)], TEAL if number else WHITE, width=9)
    for x, height in ((784, 80), (834, 120), (884, 60)):
        canvas.box(x, 160 - height, 40, height, NAVY)
    return canvas


def tale_simcheong() -> Canvas:
    canvas = Canvas("#d9eef2")
    for row in range(4):
        for number in range(8):
            canvas.disc(number * 160 + row % 2 * 80, 470 + row * 46, 190, ("#7fb8c9", "#69a8bc")[row % 2], down=80)
    person(canvas, 550, 420, CORAL, size=1.5)
    canvas.disc(550, 196, 86, "#3b2a2a", down=52)
    canvas.line([(585, 300), (665, 240)], CORAL, width=26)
    canvas.box(646, 150, 62, 108, NIGHT, radius=10)
    canvas.box(653, 160, 48, 84, SUN, radius=4)
    for number in range(3):
        reach = 46 + number * 30
        points = [(677 + reach * cos(angle), 150 + reach * sin(angle) * 0.8) for angle in (-1.1, -0.8, -0.5, -0.2)]
        canvas.line(points, TEAL, width=7)
    for turn in (-0.9, -0.45, 0.45, 0.9, 0):
        x = 550 + 190 * sin(turn)
        canvas.shape([(550, 470), (x - 62, 400), (x + 20 * turn, 290 + abs(turn) * 90), (x + 62, 400)], PINK)
        canvas.line([(550, 468), (x, 330 + abs(turn) * 70)], "#e391a8", width=4)
    canvas.disc(550, 476, 420, LEAF, down=60)
    return canvas


def tale_pigs() -> Canvas:
    canvas = Canvas("#dff0fa")
    canvas.disc(180, 110, 130, SUN)
    for number in range(12):
        angle = number * pi / 6
        ends = [(180 + r * cos(angle), 110 + r * sin(angle)) for r in (80, 104)]
        canvas.line(ends, SUN, width=8)
    canvas.box(0, 430, WIDTH, 130, LEAF)
    for number, (wall, roof) in enumerate((("#e9cf7f", SUN), ("#b98b52", "#8a6238"), (CORAL, NAVY))):
        x = 110 + number * 320
        canvas.box(x, 290, 230, 160, wall)
        canvas.shape([(x - 24, 292), (x + 115, 190), (x + 254, 292)], roof)
        canvas.shape([(x + 128, 210), (x + 210, 270), (x + 190, 282), (x + 112, 224)], "#3d6ea5")
        canvas.box(x + 86, 360, 58, 90, NIGHT, radius=8)
        canvas.disc(x + 115, 478, 92, PINK, down=76)
        canvas.disc(x + 115, 486, 42, "#e391a8", down=30)
        for side in (-1, 1):
            canvas.disc(x + 115 + side * 7, 486, 8, CORAL, down=12)
            canvas.disc(x + 115 + side * 24, 466, 9, NIGHT)
            canvas.shape([(x + 115 + side * 20, 446), (x + 115 + side * 46, 430), (x + 115 + side * 42, 462)], PINK)
    for x in (340, 660):
        canvas.line([(x + 4, 280), (x + 45, 322), (x + 88, 280)], NAVY, width=5)
        canvas.shape([(x + 52, 286), (x + 28, 326), (x + 44, 326), (x + 36, 360), (x + 66, 314), (x + 48, 314)], SUN)
    return canvas


def tale_tortoise() -> Canvas:
    canvas = Canvas("#eaf3e4")
    canvas.box(0, 440, WIDTH, 120, LEAF)
    canvas.box(0, 470, WIDTH, 34, SAND)
    for side in (-1, 1):
        canvas.shape([(210 + side * 20, 330), (210 + side * 58, 120), (210 + side * 84, 320)], GREY)
        canvas.shape([(210 + side * 32, 320), (210 + side * 58, 160), (210 + side * 72, 314)], PINK)
    canvas.disc(210, 370, 210, GREY, down=190)
    for side in (-1, 1):
        canvas.disc(210 + side * 42, 350, 22, NIGHT)
    canvas.disc(210, 392, 34, PINK, down=24)
    canvas.disc(870, 420, 320, TEAL, down=300)
    canvas.box(700, 420, 340, 160, LEAF)
    canvas.box(0, 470, WIDTH, 34, SAND)
    for x, y in ((800, 350), (870, 310), (940, 350), (870, 385)):
        canvas.disc(x, y, 58, "#3c9d97", down=46)
    canvas.disc(1040, 390, 90, LEAF, down=76)
    canvas.disc(1056, 378, 14, NIGHT)
    canvas.shape([(430, 300), (500, 290), (560, 360), (660, 392), (676, 440), (430, 440)], CORAL)
    canvas.box(424, 436, 258, 26, WHITE, radius=12)
    for number in range(3):
        canvas.line([(508 + number * 26, 330 + number * 20), (534 + number * 26, 312 + number * 22)], WHITE, width=7)
    for number in range(3):
        reach = 44 + number * 30
        points = [(560 + reach * cos(angle), 270 + reach * sin(angle)) for angle in (-2.2, -1.9, -1.57, -1.25, -0.95)]
        canvas.line(points, NAVY, width=8)
    return canvas


def tale_aladdin() -> Canvas:
    canvas = Canvas(NIGHT)
    for number in range(40):
        canvas.disc(number * 173 % WIDTH, number * 97 % 300, 3 + number % 3 * 2, PALE)
    canvas.disc(940, 110, 120, SUN)
    canvas.disc(976, 92, 110, NIGHT)
    skyline(canvas, 470, NAVY, light=SUN)
    canvas.box(0, 470, WIDTH, 90, "#081829")
    drone(canvas, 560, 150, WHITE, size=1.1)
    canvas.shape([(530, 185), (590, 185), (700, 470), (420, 470)], "#2b4a68")
    canvas.disc(560, 470, 270, SUN, down=70)
    canvas.shape([(650, 440), (770, 400), (776, 416), (668, 478)], SUN)
    canvas.disc(560, 430, 120, "#d99c2b", down=46)
    canvas.disc(560, 402, 26, "#d99c2b")
    canvas.line([(436, 462), (390, 440), (400, 492), (452, 488)], SUN, width=12)
    canvas.box(500, 500, 120, 16, "#d99c2b", radius=6)
    return canvas


def digital_twin() -> Canvas:
    canvas = Canvas(PALE)
    canvas.box(550, 0, 550, HEIGHT, NIGHT)
    heights = (150, 250, 190, 310, 220)
    for number, height in enumerate(heights):
        x = 60 + number * 92
        canvas.box(x, 430 - height, 72, height, (TEAL, NAVY)[number % 2], radius=4)
        for row in range(height // 40):
            canvas.box(x + 14, 446 - height + row * 38, 16, 18, SKY)
            canvas.box(x + 42, 446 - height + row * 38, 16, 18, SKY)
    canvas.box(0, 430, 550, 130, "#c7d8cb")
    for number, height in enumerate(heights):
        x, top = 590 + number * 92, 430 - height
        frame = [(x, 430), (x, top), (x + 72, top), (x + 72, 430), (x, 430)]
        canvas.line(frame, "#56d6cf", width=4)
        for row in range(1, height // 40 + 1):
            canvas.line([(x, top + row * 38), (x + 72, top + row * 38)], "#2a8f8a", width=2)
        for corner in frame[:4]:
            canvas.disc(*corner, 14, "#a6f4ee")
    for number in range(1, 7):
        canvas.line([(550, 418 + number * 22), (WIDTH, 418 + number * 22)], "#1d5a6b", width=2)
        canvas.line([(560 + number * 90, 440), (520 + number * 110, HEIGHT)], "#1d5a6b", width=2)
    canvas.box(546, 0, 8, HEIGHT, SUN)
    return canvas


def drone_pizza() -> Canvas:
    canvas = Canvas(SKY)
    canvas.disc(160, 110, 110, SUN)
    skyline(canvas, 390, "#b3cfe0", left=520)
    canvas.box(0, 390, WIDTH, 170, LEAF)
    canvas.disc(520, 480, 760, "#6fb3d2", down=130)
    canvas.disc(560, 470, 420, "#8cc4de", down=40)
    for x in (60, 170, 930, 1030):
        canvas.box(x - 8, 360, 16, 80, "#8a6238")
        canvas.disc(x, 330, 110, "#3f7f55", down=130)
    drone(canvas, 540, 150, NAVY, size=1.4)
    for side in (-1, 1):
        canvas.line([(540 + side * 40, 180), (540 + side * 70, 270)], NAVY, width=5)
    canvas.shape([(440, 270), (640, 270), (670, 310), (410, 310)], WHITE)
    canvas.box(410, 310, 260, 44, "#e9e2d5")
    canvas.shape([(540, 276), (500, 302), (580, 302)], SUN)
    canvas.disc(534, 295, 10, CORAL)
    canvas.disc(552, 298, 9, CORAL)
    return canvas


PICTURES: dict[str, Callable[[], Canvas]] = {
    "expo-hall": expo_hall,
    "expo-stage": expo_stage,
    "sejong-visit": sejong_visit,
    "sandbox": sandbox,
    "sandbox-steps": sandbox_steps,
    "tale-simcheong": tale_simcheong,
    "tale-pigs": tale_pigs,
    "tale-tortoise": tale_tortoise,
    "tale-aladdin": tale_aladdin,
    "digital-twin": digital_twin,
    "drone-pizza": drone_pizza,
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        draw().save(name)
