"""Make the pictures anew: the sample issue as readers see it in every layout, and its demo's books.

    make pictures        (needs Debian's chromium)

The issue is rendered by `pressrun render`; its pictures are called issue-20-LAYOUT-LANGUAGE-WIDTH-LIGHT. The books are
those of a fresh `pressrun demo`, photographed in the pages.
"""

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from pipeline.content.layout import names as layouts
from pipeline.embedded import attach, detach

DOCS = Path(__file__).parent
PICTURES = DOCS / "pictures"
RUN = [sys.executable, "-c", "import sys; from pipeline.cli import main; sys.exit(main())"]
DESK, PHONE = 650, 375
FIRST, GAP, LAST = 3200, 24, 1600
"""Of a page that is longer: pixels from its start, and from its end."""
PASSWORD = "a long password for one picture"
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def main() -> None:
    """Of `issues` and `books`, those that are named; both when none is."""
    chromium = shutil.which("chromium")
    if not chromium:
        sys.exit("chromium is missing; it comes with Debian's package of that name.")
    wanted = sys.argv[1:] or ["issues", "books"]
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        if "issues" in wanted:
            for layout, language in product(layouts(), ("en", "ko")):
                _issue(browser, Path(folder), layout, language)
        if "books" in wanted:
            _books(browser, Path(folder))
        browser.close()


def _issue(browser: Browser, folder: Path, layout: str, language: str) -> None:
    """The sample in a layout, as wide as a desk and as a phone, in light and dark."""
    url = _rendered(folder / f"{layout}-{language}", layout, language).as_uri()
    for width, scheme in product((DESK, PHONE), ("light", "dark")):
        page = browser.new_page(viewport={"width": width, "height": 1000}, color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(url)
        page.wait_for_load_state("networkidle")
        if (layout, width, scheme) == ("bulletin", DESK, "light"):
            _keep(_picture(page.screenshot()), f"first-screen-{language}")
        _keep(_ends(_picture(page.screenshot(full_page=True))), f"issue-20-{layout}-{language}-{width}-{scheme}")
        page.close()


def _rendered(out: Path, layout: str, language: str) -> Path:
    """The sample, rendered in this layout; its pictures are those that were written beside it."""
    sample = shutil.copytree(DOCS / "sample", out / "sample") / f"issue-20.{language}.md"
    text = sample.read_text(encoding="utf-8")
    sample.write_text(text.replace("\n  layout: bulletin\n", f"\n  layout: {layout}\n"), encoding="utf-8")
    _run("render", str(sample), "--out", str(out))
    page = out / "message.html"
    local = page.read_text(encoding="utf-8").replace("http://127.0.0.1:8000/media/", f"{(out / 'media').as_uri()}/")
    page.write_text(local, encoding="utf-8")
    return page


def _picture(shot: bytes) -> Image.Image:
    return Image.open(io.BytesIO(shot)).convert("RGB")


def _ends(page: Image.Image) -> Image.Image:
    """The first screens of a long page and, below a gap, its last."""
    if page.height <= FIRST + GAP + LAST:
        return page
    shown = Image.new("RGB", (page.width, FIRST + GAP + LAST), "#8b939b")
    shown.paste(page.crop((0, 0, page.width, FIRST)))
    shown.paste(page.crop((0, page.height - LAST, page.width, page.height)), (0, FIRST + GAP))
    return shown


def _keep(picture: Image.Image, name: str) -> None:
    """In 192 colours: less than half of the bytes, and flat pages look the same."""
    few = picture.quantize(192, dither=Image.Dither.NONE)
    few.save(PICTURES / f"{name}.png", optimize=True)


def _books(browser: Browser, folder: Path) -> None:
    os.environ["PRESSRUN_HOME"] = str(folder)
    _run("demo")
    os.environ["PRESSRUN_HOME"] = str(folder / "demo")
    (folder / "password").write_text(PASSWORD)
    _run("user", "add", "ada", "--superuser", "--password-file", str(folder / "password"))
    send = json.loads(_run("sends", "--json"))[0]["send"]
    with _pages() as base:
        report = f"returns/send/{send}"
        for name, width, path in (
            ("books", 1280, f"sends/{send}"), ("books-phone", 375, f"sends/{send}"), ("came-back", 1280, report),
        ):  # fmt: skip
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.goto(f"{base}/admin/login/")
            page.fill("input[name=username]", "ada")
            page.fill("input[name=password]", PASSWORD)
            page.click("button[type=submit]")
            page.goto(f"{base}/admin/{path}/")
            page.wait_for_load_state("networkidle")
            _keep(_picture(page.screenshot(full_page=True)), name)
            page.close()
    attach(folder / "demo")
    detach(stop=True)  # at once, so that the folder can go


@contextmanager
def _pages() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    environment = os.environ | {"PRESSRUN_BASE_URL": base}
    with subprocess.Popen([*RUN, "web", "--port", str(port)], env=environment) as web:
        try:
            while not _listens(port):
                time.sleep(0.1)
            yield base
        finally:
            web.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _run(*words: str) -> str:
    return subprocess.run([*RUN, *words], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
