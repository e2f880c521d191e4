"""The link check, against servers that answer in every way, and one that does not."""

import threading
from dataclasses import replace
from ipaddress import ip_address

import pytest
from newsroom import DOCUMENT
from webserver import WebServer, answer, ok

from pipeline.content.types import Article, Button, Paragraph, Picture, Section, Severity
from pipeline.guarded import Client, Limits, UnreachableError
from pipeline.linkcheck import AT_ONCE, check_links

HERE = ip_address("127.0.0.1")


def issue(*blocks):
    return replace(DOCUMENT, sections=(Section("One", (Article("Two", blocks),)),))


def client(server, seconds=10.0):
    def resolve(host, _):
        if host.startswith("gone."):
            raise UnreachableError(f"There is no host {host}.")
        return [ip_address("10.0.0.1") if host.startswith("inside.") else HERE]

    return Client(Limits(seconds), resolve, lambda address: address == HERE, {80, 443, server.port})


def told(server, *urls, seconds=20.0):
    buttons = (Button("Go", url.format(f"site.org:{server.port}")) for url in urls)
    return check_links(issue(*buttons), client=client(server), seconds=seconds)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (ok(), []),
        (answer(204), []),
        (answer(302, Location="/there"), []),
        (answer(302, Location="http://10.0.0.1/"), [("link-refused", Severity.WARN)]),
        (answer(302, Location="/"), [("link-silent", Severity.WARN)]),
        (answer(404), [("link-broken", Severity.WARN)]),
        (answer(410), [("link-broken", Severity.WARN)]),
        (answer(500), [("link-broken", Severity.WARN)]),
        (answer(599), [("link-broken", Severity.WARN)]),
        (answer(401), [("link-shut", Severity.NOTE)]),
        (answer(403), [("link-shut", Severity.NOTE)]),
        (answer(429), [("link-shut", Severity.NOTE)]),
        (b"garbage\r\n\r\n", [("link-silent", Severity.WARN)]),
        (b"", [("link-silent", Severity.WARN)]),
    ],
)
def test_what_an_answer_means(reply, expected):
    with WebServer({"/": reply, "/there": ok()}) as server:
        found = told(server, "http://{}/")
    assert [(finding.id, finding.severity) for finding in found] == expected
    assert all(finding.place == "sections[0].articles[0].blocks[0].url" for finding in found)


def test_a_server_that_knows_no_head_is_asked_otherwise():
    with WebServer({"HEAD /": answer(405), "GET /": ok()}) as server:
        assert told(server, "http://{}/") == ()
    assert server.lines() == ["HEAD / HTTP/1.1", "GET / HTTP/1.1"]


def test_reasons_are_said_in_words():
    with WebServer({}) as server:
        broken, gone, inside = told(server, "http://{}/x", "https://gone.org/", "https://inside.org/")
    assert "it answers 404 (Not Found)" in broken.message
    assert gone.message == "https://gone.org/ does not answer. There is no host gone.org."
    assert inside.message == (
        "https://inside.org/ was not asked. inside.org is not on the public internet, so it is not asked."
    )


def test_links_and_pictures_are_asked_once_each_with_their_fallbacks():
    with WebServer({}) as server:
        base = f"http://site.org:{server.port}"
        blocks = (
            Paragraph(f'<a href="{base}/a#one">x</a> <a href="{base}/a#two">y</a> <a href="mailto:a@b.org">z</a>'),
            Button("Go", f'{base}/b?name={{{{ first_name | default("you") }}}}'),
            Picture(f"{base}/c.png", "c", link=f"{base}/a"),
            Picture("local.png", "d"),
            Button("Inside", "http://localhost/"),
        )
        found = check_links(issue(*blocks), client=client(server))
    assert sorted(line.split()[1] for line in server.lines() if line.startswith("HEAD")) == [
        "/a",
        "/b?name=you",
        "/c.png",
    ]
    assert [finding.place.rpartition(".")[2] for finding in found] == ["blocks[0]", "url", "src"]


def test_so_many_are_asked_at_a_time():
    meeting, most, inside = threading.Barrier(AT_ONCE, timeout=10), [], []

    def meet(peer):
        inside.append(peer)
        most.append(len(inside))
        meeting.wait()
        inside.remove(peer)
        peer.sendall(ok())

    with WebServer({f"/{at}": meet for at in range(2 * AT_ONCE)}) as server:
        assert told(server, *(f"http://{{}}/{at}" for at in range(2 * AT_ONCE))) == ()
    assert max(most) <= AT_ONCE


def test_the_time_is_kept_and_what_was_not_asked_is_told():
    def never(peer):
        peer.recv(1)

    with WebServer({"/": never, "/quick": answer(404)}) as server:
        broken, unasked = told(server, "http://{}/quick", "http://{}/", seconds=0.5)
        server.abandon()
    assert (broken.id, unasked.id, unasked.severity) == ("link-broken", "link-unasked", Severity.NOTE)
    assert "1 of 2" in unasked.message


def test_an_issue_without_addresses_asks_nobody():
    assert check_links(issue(Paragraph("Nothing to click.")), client=Client(resolve=None)) == ()
