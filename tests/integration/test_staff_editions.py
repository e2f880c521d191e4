"""The pages on who gets which edition: the numbers before a send, and the way to those who were left out."""

import re

import pytest
from newsroom import signed_in
from newsstand import Stand, fates, start

from pipeline.models import Send, Transport

pytestmark = pytest.mark.django_db
CELLS = re.compile(r'<t[dh][^>]*>([^<]*)</t[dh]>\s*<td class="books-n">(?:<strong>)?([\d,]+)')


@pytest.fixture
def stand() -> Stand:
    stand = Stand("en", "ko", fallback_languages=["ko"])
    for name, language in {"a": "en", "b": "ko", "c": "ko-KR", "d": "fr", "e": "", "f": ""}.items():
        stand.person(name, language)
    stand.person("left", "ko", state="unsubscribed")
    return stand


def choice(stand: Stand, *languages: str, **fields: object) -> dict[str, object]:
    issues = [stand.issues[each].pk for each in languages]
    return {"issues": issues, "lists": [stand.list.pk], "at": "", "zone": "UTC"} | fields


def numbers(html: str) -> list[tuple[str, str]]:
    """(why, people) of every line of the table, the sum last."""
    return CELLS.findall(html)


def test_before_a_send_everybody_stands_under_their_edition_with_the_reason(stand, bo):
    html = bo.post(f"/admin/sending/{stand.issues['en'].pk}/", choice(stand, "ko", "en")).content.decode()
    assert numbers(html) == [
        ("in their language", "1"),
        ("their language is not known", "2"),
        ("in their language", "2"),
        ("there is none in their language", "1"),
        ("has left", "1"),
        ("Everyone", "7"),
    ]
    assert re.findall(r'<th scope="rowgroup"[^>]*>([^<]+)<', html) == ["English (en)", "한국어 (ko)", "left out"]
    assert '<span class="count">6</span>' in html


def test_a_relay_that_keeps_bounces_to_itself_is_told_of(stand, bo):
    url, chosen = f"/admin/sending/{stand.issues['en'].pk}/", choice(stand, "en")
    assert "Bounces" not in bo.post(url, chosen).content.decode()
    Transport.objects.update(url="smtp://smtp.sendgrid.net:587", keeps_return_path=False)
    assert "Let the webhook of SendGrid tell Pressrun of them." in bo.post(url, chosen).content.decode()


def test_whoever_is_left_out_for_lack_of_an_edition_is_counted_by_language(stand, bo):
    stand.choose(fallback_languages=["de"], unknown_language="skip")
    html = bo.post(f"/admin/sending/{stand.issues['ko'].pk}/", choice(stand, "ko")).content.decode()
    expected = [
        ("in their language", "2"),
        ("their language is not known", "2"),
        ("no edition in the person&#x27;s language: English (en)", "1"),
        ("no edition in the person&#x27;s language: French (fr)", "1"),
        ("has left", "1"),
        ("Everyone", "7"),
    ]
    assert numbers(html) == expected
    assert "<dd>German (de)</dd>" in html
    assert "<dd>nothing</dd>" in html


def test_a_language_that_is_hostile_is_shown_as_text(stand, bo):
    stand.choose(fallback_languages=["de"])
    stand.person("evil", "<script>alert(1)</script>")
    html = bo.post(f"/admin/sending/{stand.issues['ko'].pk}/", choice(stand, "ko")).content.decode()
    assert "&lt;script&gt;alert(1)" in html
    assert "<script>alert(1)" not in html


def test_a_translation_that_is_not_published_is_not_chosen_beforehand(stand, bo):
    stand.issues["ko"].unpublish()
    html = bo.get(f"/admin/sending/{stand.issues['en'].pk}/").content.decode()
    chosen = re.findall(r'name="issues" value="(\d+)"[^>]*checked', html)
    assert chosen == [str(stand.issues["en"].pk)]


def test_those_left_out_get_their_edition_by_one_following_send(stand, bo):
    stand.choose(fallback_languages=["de"])
    parent = stand.send([stand.issues["ko"]])
    page = bo.get(f"/admin/sends/{parent.pk}/").content.decode()
    url = f"/admin/sending/follow/{parent.pk}/"
    assert url in page
    assert "1 people were left out" in page
    form = bo.get(url).content.decode()
    assert 'name="lists"' not in form
    fields = {"issues": [stand.issues["en"].pk], "at": "", "zone": "UTC"}
    review = bo.post(url, fields).content.decode()
    assert numbers(review)[0] == ("in their language", "1")
    assert f"those whom send {parent.pk} left out" in review
    assert "That is not the number" in bo.post(url, fields | {"typed": "2"}).content.decode()
    response = bo.post(url, fields | {"typed": "1"})
    made = Send.objects.exclude(pk=parent.pk).get()
    assert response["Location"] == f"/admin/sends/{made.pk}/"
    assert (made.parent, made.follows, made.approved_by) == (parent, "no-edition", "bo")
    assert fates(start(made)) == {"a": "en", "d": "no-edition"}
    assert url not in bo.get(f"/admin/sends/{parent.pk}/").content.decode()
    assert f'href="/admin/sends/{made.pk}/"' in bo.get(f"/admin/sends/{parent.pk}/").content.decode()
    assert f'href="/admin/sends/{parent.pk}/"' in bo.get(f"/admin/sends/{made.pk}/").content.decode()


def test_the_way_is_open_only_to_those_who_may_send_and_only_where_there_is_one(stand, bo):
    waiting = stand.send()
    assert "/admin/sending/follow/" not in bo.get(f"/admin/sends/{waiting.pk}/").content.decode()
    stand.choose(fallback_languages=["de"])
    parent = stand.send([stand.issues["ko"]])
    reader = signed_in("ada", "pipeline.view_send", group="Editors")
    assert "/admin/sending/follow/" not in reader.get(f"/admin/sends/{parent.pk}/").content.decode()
    assert reader.get(f"/admin/sending/follow/{parent.pk}/").status_code in {302, 403}
    assert bo.get("/admin/sending/follow/4711/").status_code == 404
    assert "/admin/sending/follow/" in bo.get(f"/admin/sends/{parent.pk}/").content.decode()
    stand.issues["en"].unpublish()
    assert "/admin/sending/follow/" not in bo.get(f"/admin/sends/{parent.pk}/").content.decode()


def test_the_choices_of_a_newsletter_are_held_to_the_rules(stand, bo):
    url = f"/admin/newsletters/edit/{stand.newsletter.pk}/"
    fields = {"name": "City", "slug": "city", "language": "en", "sender_name": "Desk", "layout": "bulletin",
              "sender_address": "desk@city.example", "postal_address": "1 Square", "brand": "{}", "links": "direct",
              "utm": "", "fallback_languages": "en, pt-BR", "unknown_language": "skip"}  # fmt: skip
    bo.post(url, fields | {"fallback_languages": "en, not a tag"})
    stand.newsletter.refresh_from_db()
    assert stand.newsletter.fallback_languages == ["ko"]
    html = bo.post(url, fields, follow=True).content.decode()
    stand.newsletter.refresh_from_db()
    assert stand.newsletter.fallback_languages == ["en", "pt-BR"], html
    assert stand.newsletter.unknown_language == "skip"
