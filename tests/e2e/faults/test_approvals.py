"""F-3, F-28: the moment of approval: pages that are killed in the middle of it, and people who click too often."""

import os
import re
import signal
import threading
from collections import Counter
from http.cookiejar import CookieJar
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest
from house import until
from stage import Stage

PASSWORD = "correct-horse-battery"
PEOPLE = [f"p{number}@d{number % 10}.example" for number in range(60)]
WAITS_FOR_A_LOCK = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


class Pages:
    """`pressrun web`, and an admin who is signed in."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        stage.house.run("user", "add", "bo", "--superuser", "--password-file", "-", stdin=PASSWORD.encode())
        self._cookies = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self._cookies))
        self.start()
        self.post("/admin/login/", username="bo", password=PASSWORD)

    def start(self) -> None:
        self.process = self._stage.house.start("web", "--port", "0")
        ready = rf"Pages on (http://[^/]+)/ \(process {self.process.pid}\)"
        self.base = until(lambda: re.search(ready, self._stage.house.log("web")), what="the pages")[1]

    def kill(self) -> None:
        """Every process of it, at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def post(self, path: str, **fields: object) -> str:
        """Post a form and follow to where it leads: gives that address."""
        if not any(cookie.name == "csrftoken" for cookie in self._cookies):
            self._opener.open(self.base + path, timeout=60).close()
        [token] = [cookie.value for cookie in self._cookies if cookie.name == "csrftoken"]
        body = urlencode({**fields, "csrfmiddlewaretoken": token}, doseq=True).encode()
        request = Request(self.base + path, body, {"Referer": self.base + path})
        with self._opener.open(request, timeout=60) as answer:
            return answer.url.removeprefix(self.base)


class Desk:
    """An issue and its readers, and the page on which it is approved."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        stage.answer()
        self.list = stage.import_people(PEOPLE)
        stage.send("--at", "2199-01-01T00:00:00Z")  # which files the issue
        stage.house.run("cancel", str(stage.send_id), "--why", "only to file it")
        self.before = stage.send_id
        self.pages = Pages(stage)

    def approve(self) -> str:
        """Where approving leads."""
        [(issue,)] = self.stage.rows("SELECT id FROM pipeline_issue")
        [(readers,)] = self.stage.rows("SELECT id FROM subscribers_list WHERE slug = %s", self.list)
        review = {"issues": [issue], "lists": [readers], "at": "", "zone": "UTC", "typed": str(len(PEOPLE))}
        return self.pages.post(f"/admin/sending/{issue}/", **review)

    def sends(self) -> list[int]:
        return [pk for (pk,) in self.stage.rows("SELECT id FROM pipeline_send WHERE id > %s", self.before)]

    def go(self) -> None:
        """Let the time to take it back be over, and see that everybody has one copy."""
        self.pages.kill()
        [self.stage.send_id] = self.sends()
        self.stage.rows("UPDATE pipeline_send SET due_at = now(), undo_until = now() WHERE id = %s RETURNING id",
                        self.stage.send_id)  # fmt: skip
        self.stage.finish()
        assert Counter(self.stage.copies()) == Counter(PEOPLE)


@pytest.fixture
def desk(make_stage) -> Desk:
    return Desk(make_stage())


@pytest.mark.parametrize("table", ["pipeline_transport", "pipeline_sendproof", "pipeline_auditevent"])
def test_pages_that_die_in_the_middle_of_an_approval_leave_nothing_or_all_of_it(desk: Desk, table):
    """F-3: killed before anything is written, after a part of it, and at the last of it. Then the same once more."""
    lost: list[BaseException] = []

    def click() -> None:
        try:
            desk.approve()
        except OSError as error:
            lost.append(error)

    with desk.stage.house.database() as holder, holder.transaction():
        holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        clicking = threading.Thread(target=click)
        clicking.start()
        until(lambda: desk.stage.rows(WAITS_FOR_A_LOCK) == [(1,)], what="the approval to be under way")
        desk.pages.kill()
        clicking.join()
    assert lost
    until(lambda: desk.stage.rows(WAITS_FOR_A_LOCK) == [(0,)], what="the end of its session")
    assert desk.sends() == []
    desk.pages.start()
    where = desk.approve()
    assert where == desk.approve() == f"/admin/sends/{desk.sends()[0]}/"
    desk.stage.work()
    desk.go()


def test_pages_that_die_right_after_an_approval_have_made_it_once(desk: Desk):
    """F-3: the answer may never have come, so it is asked for again."""
    clicking = threading.Thread(target=_whatever_comes, args=[desk])
    clicking.start()
    until(desk.sends, what="the send")
    desk.pages.kill()
    clicking.join()
    [made] = desk.sends()
    desk.pages.start()
    assert desk.approve() == f"/admin/sends/{made}/"
    desk.stage.work()
    desk.go()


def test_twenty_clicks_at_once_on_a_real_server_make_one_send(desk: Desk):
    """F-28."""
    places: list[str] = []
    clicks = [threading.Thread(target=lambda: places.append(desk.approve())) for _ in range(20)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()
    assert places == [f"/admin/sends/{desk.sends()[0]}/"] * 20
    desk.stage.work()
    desk.go()


def _whatever_comes(desk: Desk) -> None:
    try:
        desk.approve()
    except OSError:
        return
