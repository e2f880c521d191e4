"""The pages in a real browser, served by `pressrun web`: at a desk and on a phone, with scripts and without."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from house import House, children, until
from newsroom_seed import VECTORS
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or ""
TESTS = Path(__file__).parents[1]
PASSWORD = "correct-horse-battery"  # as newsroom has it; that module needs Django
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM and os.environ.get("PRESSRUN_REQUIRE_SERVICES") != "1",
        reason="Debian's chromium is not installed",
    ),
]


class Site:
    """A running `pressrun web` over a newsroom."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.process = house.start("web", "--port", "0")
        self.told = self.seed()
        self.base = served_at(house)

    def seed(self) -> dict[str, object]:
        environment = self.house.environment | {
            "DJANGO_SETTINGS_MODULE": "pipeline.settings",
            "PYTHONPATH": os.pathsep.join([self.house.environment["PYTHONPATH"], str(TESTS)]),
        }
        script = [sys.executable, str(TESTS / "e2e" / "newsroom_seed.py")]
        done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.strip().splitlines()[-1])


def served_at(house: House) -> str:
    """The address of the ready line."""
    return until(lambda: re.search(r"Pages on (http://[^/]+)/", house.log("web")), what="the ready line")[1]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM or "chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(services, template, tmp_path_factory) -> Iterator[Site]:
    """One newsroom for all of these tests; each leaves it as it was."""
    with psycopg.connect(services["database"], autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE pages_in_a_browser TEMPLATE {template}")
    server, _, query = services["database"].partition("?")
    url = f"{server.rpartition('/')[0]}/pages_in_a_browser?{query}"
    folder = tmp_path_factory.mktemp("pages")
    with House(folder, database_url=url, broker_url=services["broker"]) as house:
        yield Site(house)


class Visitor:
    """A browser window that notes every dialog, every breach of the policy and every foreign request."""

    def __init__(self, chromium: Browser, site: Site, **options: object) -> None:
        self.site = site
        self.context: BrowserContext = chromium.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        self.page: Page = self.context.new_page()
        self.dialogs: list[str] = []
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self.page.on("dialog", self._dialog)
        self.page.on("console", lambda message: self._noted(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self._noted(str(error)))
        self.page.route("**/*", self._route)

    def sign_in(self, name: str = "bo") -> Page:
        self.go("/admin/login/")
        self.page.fill("input[name=username]", name)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("button[type=submit]")
        self.page.wait_for_url("**/admin/")
        return self.page

    def go(self, path: str) -> Page:
        self.page.goto(self.site.base + path)
        return self.page

    def is_narrow_enough(self) -> bool:
        return self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    def _dialog(self, dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _noted(self, text: str) -> None:
        if "Failed to load resource" not in text:  # the example's pictures do not exist
            self.complaints.append(text)

    def _route(self, route) -> None:
        if route.request.url.startswith(self.site.base):
            route.continue_()
            return
        self.foreign.append(route.request.url)
        route.abort()


@pytest.fixture
def visit(chromium, site):
    contexts = []

    def open_window(**options: object) -> Visitor:
        visitor = Visitor(chromium, site, **options)
        contexts.append(visitor.context)
        return visitor

    yield open_window
    for context in contexts:
        context.close()


# Readers


@pytest.mark.parametrize("scripts", [True, False])
def test_a_reader_leaves_and_comes_back_with_the_keyboard_on_a_small_phone(visit, site, scripts):
    reader = visit(viewport={"width": 320, "height": 640}, java_script_enabled=scripts)
    page = reader.go(site.told["leave"])
    expect(page.get_by_text("k•••@example.com")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="You are unsubscribed")).to_be_visible()
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="You stay subscribed")).to_be_visible()
    assert reader.context.cookies() == []
    assert (reader.complaints, reader.foreign) == ([], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_readers_pages_fit_every_screen(visit, site, width, scheme):
    reader = visit(viewport={"width": width, "height": 700}, color_scheme=scheme)
    for path in (site.told["leave"], "/u/", "/u/unknown", "/v/unknown"):
        page = reader.go(path)
        assert reader.is_narrow_enough(), path
        for button in page.get_by_role("button").all():
            assert button.bounding_box()["height"] >= 44
    assert reader.complaints == []


def test_a_korean_reader_is_spoken_to_in_korean(visit, site):
    page = visit().go(site.told["leave_ko"])
    page.get_by_role("button", name="수신 거부").click()
    expect(page.get_by_role("heading", name="수신을 거부하셨습니다")).to_be_visible()
    page.get_by_role("button", name="되돌리기").click()
    expect(page.get_by_role("heading", name="계속 수신합니다")).to_be_visible()


@pytest.mark.parametrize("where", ["view", "hostile_edition"])
def test_a_hostile_issue_does_nothing_in_the_readers_browser(visit, site, where):
    reader = visit()
    page = reader.go(site.told[where])
    page.wait_for_load_state("load")
    expect(page.get_by_text(VECTORS[0]).first).to_be_visible()
    assert reader.dialogs == []
    assert {address for address in reader.foreign if "example.org" not in address} == set()
    assert page.locator("script, iframe, object, base, svg").count() == 0


# Staff


def test_the_form_of_an_issue_works_under_the_policy(visit, site):
    staff = visit()
    staff.sign_in()
    page = staff.go(f"/admin/snippets/pipeline/issue/edit/{site.told['issue']}/")
    page.fill("input[name=title]", "A title from the browser")
    page.get_by_role("button", name="Toggle preview").click()
    message = page.frame_locator("#w-preview-iframe")
    expect(message.get_by_text("A title from the browser").first).to_be_visible()
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_load_state("networkidle")
    assert staff.complaints == []


def test_a_paragraph_gets_a_language_of_its_own_by_keyboard(visit, site):
    staff = visit()
    staff.sign_in()
    page = staff.go(f"/admin/snippets/pipeline/issue/edit/{site.told['issue']}/")
    for language in ("ko", ""):  # and back to how it was
        field = page.locator("input[name$='blocks-0-value-lang']")
        expect(field).to_be_hidden()
        page.locator("button[aria-controls$='blocks-0-value-settings']").press("Enter")
        field.fill(language)
        page.get_by_role("button", name="Save draft").click()
        page.wait_for_load_state("networkidle")
        page.reload()
        expect(page.locator("input[name$='blocks-0-value-lang']")).to_have_value(language)
    assert staff.complaints == []


def test_the_preview_is_a_stranger_to_the_staff_pages(visit, site):
    staff = visit()
    staff.sign_in()
    page = staff.go(f"/admin/snippets/pipeline/issue/edit/{site.told['hostile']}/")
    page.get_by_role("button", name="Toggle preview").click()
    expect(page.frame_locator("#w-preview-iframe").get_by_text(VECTORS[0]).first).to_be_visible(timeout=60_000)
    response = page.request.get(f"{site.base}/admin/snippets/pipeline/issue/preview/{site.told['hostile']}/?mode=html")
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert policy.endswith("; sandbox")
    alone = visit()  # in a window of its own: the form may want to be saved before it is left
    alone.sign_in()
    for mode in ("html", "text"):
        page = alone.go(f"/admin/snippets/pipeline/issue/preview/{site.told['hostile']}/?mode={mode}")
        expect(page.get_by_text(VECTORS[0]).first).to_be_visible()
    assert staff.dialogs == alone.dialogs == []
    assert {address for address in staff.foreign + alone.foreign if "example.org" not in address} == set()


def returned_pages(site: Site) -> tuple[str, ...]:
    report = f"/admin/returns/send/{site.told['evil_send']}/"
    feedback = "/admin/feedback/"
    return (
        report, f"{report}people/", f"{report}people/?provider=example.com", "/admin/returns/complaints/",
        f"/admin/subscribers/{site.told['returned']}/",
        feedback, f"{feedback}?of=unattributed", f"{feedback}{site.told['forged']}/",
    )  # fmt: skip


def test_what_came_back_is_read_and_walked_through_by_everybody(visit, site):
    staff = visit(viewport={"width": 375, "height": 800})
    staff.sign_in()
    page = staff.go(f"/admin/sends/{site.told['evil_send']}/")
    expect(page.locator(".books")).to_contain_text("nobody knows how many complained")
    page.get_by_role("link", name="What came back").press("Enter")
    page.wait_for_url("**/returns/send/*/")
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("link", name="the mailbox is full").press("Enter")
    page.wait_for_url("**/people/?reason=mailbox-full")
    assert Axe().run(page).response["violations"] == []
    expect(page.locator(".returned > li").first).to_contain_text("552 5.2.2 mailbox full")
    page.get_by_role("link", name="The message as it came").first.press("Enter")
    page.wait_for_url("**/feedback/*/")
    assert Axe().run(page).response["violations"] == []
    page = staff.go("/admin/feedback/?of=unattributed")
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("button", name="I have looked at these").press("Enter")
    expect(page.get_by_role("link", name="Nobody known (0)")).to_be_visible()
    for path in returned_pages(site):
        assert Axe().run(staff.go(path)).response["violations"] == [], path
    assert staff.complaints == []


@pytest.mark.parametrize("width", [375, 1280])
def test_many_dead_addresses_at_one_provider_are_put_before_a_person(visit, site, width):
    send = site.told["evil_send"]
    with site.house.database() as database:
        database.execute("DELETE FROM pipeline_storm")
        database.execute(
            "INSERT INTO pipeline_storm (send_id, destination, people, tried, dead, state, frozen_at)"
            " VALUES (%s, 'naver', 900, 120, 40, 'frozen', now())",
            [send],
        )
        database.execute(
            "INSERT INTO pipeline_ruling (send_id, delivery_id, reason, address_key, domain, destination, source,"
            " words, rule, state) VALUES (%s, 1, 'no-such-mailbox', 'a@naver.com', 'naver.com', 'naver', 'smtp',"
            " '550 5.1.1 No such user <script>alert(1)</script>', '', 'frozen')"
            " ON CONFLICT (send_id, delivery_id, reason) DO UPDATE SET state = 'frozen'",
            [send],
        )
    staff = visit(viewport={"width": width, "height": 900})
    staff.sign_in()
    page = staff.go("/admin/")
    page.get_by_role("link", name="40 of 120 addresses at Naver are said to be dead").click()
    banner = page.get_by_role("alert").filter(has_text="Many dead addresses at Naver")
    expect(banner).to_contain_text("No such user <script>alert(1)</script>")
    assert Axe().run(page).response["violations"] == []
    assert staff.is_narrow_enough()
    banner.get_by_role("button", name="It was a fault of that provider").press("Enter")
    expect(page.get_by_text("Decided about Naver. The send goes on there.")).to_be_visible()
    expect(banner).to_have_count(0)
    assert (staff.dialogs, staff.complaints) == ([], [])


def test_hostile_names_do_nothing_on_staff_pages(visit, site):
    staff = visit()
    staff.sign_in()
    evil, issue, link = (site.told[name] for name in ("evil", "issue", "link"))
    pages = (f"subscribers/{evil}/", "subscribers/", "sends/", "", f"links/issue/{issue}/", f"links/{link}/")
    for path in (*(f"/admin/{page}" for page in pages), *returned_pages(site)):
        staff.go(path).wait_for_load_state("networkidle")
    assert (staff.dialogs, staff.complaints) == ([], [])


def test_the_books_move_by_themselves(visit, site):
    watching, acting = visit(), visit()
    watching.sign_in()
    acting.sign_in()
    page = watching.go(f"/admin/sends/{site.told['send']}/")
    expect(page.locator(".books-state")).to_have_text("sending")
    acting.go(f"/admin/sends/{site.told['send']}/").get_by_role("button", name="Pause").click()
    expect(page.locator(".books-state")).to_contain_text("paused", timeout=20_000)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".books-state")).to_contain_text("sending")
    assert watching.complaints == []


def test_the_books_work_without_scripts(visit, site):
    staff = visit(java_script_enabled=False)
    staff.sign_in()
    page = staff.go(f"/admin/sends/{site.told['send']}/")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".books-state")).to_contain_text("paused")
    shown = [int(text) for text in page.locator(".books-table").first.locator("tbody .books-n").all_inner_texts()]
    assert sum(shown) == 123
    page.get_by_role("link", name="Everyone, one by one").click()
    page.get_by_role("link", name="The next ones").click()
    assert page.locator("tbody tr").count() == 50
    page.get_by_role("link", name="Back to the books").click()
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".books-state")).to_contain_text("sending")


def test_a_link_is_repaired_with_the_keyboard(visit, site):
    staff = visit(viewport={"width": 375, "height": 800})
    staff.sign_in()
    page = staff.go(f"/admin/sends/{site.told['send']}/")
    page.get_by_role("link", name="Links and clicks").press("Enter")
    page.wait_for_url("**/links/send/*/")
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("link", name="Repair Look at the bridge").press("Enter")
    page.wait_for_url(re.compile(r"/links/\d+/$"))
    assert Axe().run(page).response["violations"] == []
    page.get_by_label("Where it leads from now on").fill("https://evil@example.org/")
    page.get_by_label("Why?").fill("a typo")
    page.keyboard.press("Enter")
    expect(page.get_by_text("may not carry a user name")).to_be_visible()
    page.get_by_label("Where it leads from now on").fill("https://example.org/right")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="Look at the bridge")).to_contain_text("https://example.org/right")
    assert staff.complaints == []


@pytest.mark.parametrize("width", [1280, 375])
def test_our_staff_pages_fit_the_screen(visit, site, width):
    staff = visit(viewport={"width": width, "height": 900})
    staff.sign_in()
    send, issue = site.told["send"], site.told["issue"]
    for path in (
        "/admin/", f"/admin/sends/{send}/", f"/admin/sends/{send}/deliveries/", f"/admin/sending/{issue}/",
        f"/admin/testing/{issue}/", f"/admin/proofs/of/{issue}/", f"/admin/proofs/{site.told['proof']}/",
        f"/admin/subscribers/{site.told['evil']}/", "/admin/newsletters/new/", f"/admin/links/send/{send}/",
        f"/admin/links/{site.told['link']}/", *returned_pages(site),
    ):  # fmt: skip
        staff.go(path).wait_for_load_state("networkidle")
        assert staff.is_narrow_enough(), path
    assert staff.complaints == []


# The server


def test_a_port_in_use_is_said_and_nothing_starts(make_house):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = make_house().run_alone("web", "--port", str(taken.getsockname()[1]), status=1)
    assert "Cannot listen on 127.0.0.1 port" in done.stderr
    assert "Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_server_ends_in_order_when_asked(make_house):
    house = make_house()
    process = house.start("web", "--port", "0")
    served_at(house)
    workers = until(lambda: children(process.pid), what="a worker")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert [pid for pid in workers if Path(f"/proc/{pid}").exists()] == []
