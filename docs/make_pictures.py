"""Make the pictures of the README anew: the sample issue as readers see it, and the books of its demo.

    make pictures        (needs Debian's chromium)

The issue is rendered by `pressrun render`; the books are those of a fresh `pressrun demo`, photographed in the pages.
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
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from pipeline.embedded import attach, detach

DOCS = Path(__file__).parent
PICTURES = DOCS / "pictures"
RUN = [sys.executable, "-c", "import sys; from pipeline.cli import main; sys.exit(main())"]
FIRST_SCREEN = ViewportSize(width=650, height=1000)
PASSWORD = "a long password for one picture"
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def main() -> None:
    chromium = shutil.which("chromium")
    if not chromium:
        sys.exit("chromium is missing; it comes with Debian's package of that name.")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        for language in ("en", "ko"):
            for width, scheme in ((650, "light"), (650, "dark"), (375, "light"), (375, "dark")):
                _issue(browser, Path(folder), language, width=width, scheme=scheme)
        _books(browser, Path(folder))
        browser.close()


def _issue(browser: Browser, folder: Path, language: str, *, width: int, scheme: str) -> None:
    out = folder / language
    if not out.exists():
        _run("render", str(DOCS / "sample" / f"issue-20.{language}.md"), "--out", str(out))
        # Shown from the disk, its pictures are those that were written beside it.
        page = (out / "message.html").read_text(encoding="utf-8")
        local = page.replace("http://127.0.0.1:8000/media/", f"{(out / 'media').resolve().as_uri()}/")
        (out / "message.html").write_text(local, encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto((out / "message.html").as_uri())
    page.wait_for_load_state("networkidle")
    if width == FIRST_SCREEN["width"] and scheme == "light":
        page.set_viewport_size(FIRST_SCREEN)
        _keep(page.screenshot(), f"first-screen-{language}")
    suffix = f"{'-phone' if width < 600 else ''}{'-dark' if scheme == 'dark' else ''}"
    _photograph(page, f"issue-20-{language}{suffix}")


def _photograph(page: Page, name: str) -> None:
    _keep(page.screenshot(full_page=True), name)
    page.close()


def _keep(shot: bytes, name: str) -> None:
    """In 128 colours: a third of the bytes, and flat pages look the same."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    picture.save(PICTURES / f"{name}.png", optimize=True)


def _books(browser: Browser, folder: Path) -> None:
    os.environ["PRESSRUN_HOME"] = str(folder)
    _run("demo")
    os.environ["PRESSRUN_HOME"] = str(folder / "demo")
    (folder / "password").write_text(PASSWORD)
    _run("user", "add", "ada", "--superuser", "--password-file", str(folder / "password"))
    send = json.loads(_run("sends", "--json"))[0]["send"]
    with _pages() as base:
        for name, width in (("books", 1280), ("books-phone", 375)):
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.goto(f"{base}/admin/login/")
            page.fill("input[name=username]", "ada")
            page.fill("input[name=password]", PASSWORD)
            page.click("button[type=submit]")
            page.goto(f"{base}/admin/sends/{send}/")
            page.wait_for_load_state("networkidle")
            _photograph(page, name)
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
