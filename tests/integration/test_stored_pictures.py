"""Pictures from an issue file or the library to a mail: public, prepared, and the same for ever."""

import re
from pathlib import Path

import pytest
from bucketserver import bucket_server
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from drawings import decoded, drawing, encoded, moving_gif
from newsroom import DOCUMENT, a_newsletter, an_issue, signed_in
from wagtail.images import get_image_model
from wagtail.models import Locale
from wagtail.test.utils.form_data import nested_form_data, streamfield

from pipeline import pictures, sending
from pipeline.content.pictures import Prepared
from pipeline.content.types import ContentError, Shape
from pipeline.documents import chosen_pictures, document_of
from pipeline.models import Issue, Newsletter, PreparedPicture
from pipeline.staff.issues import IssueViewSet

# Wagtail leaves the temporary file of a new rendition to the garbage collector, and keeps no name for it.
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:.*SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning"),
]
ADDRESS = re.compile(r"http://127\.0\.0\.1:8000(/media/pictures/[0-9a-f]{32}\.\w+)")
HEAD = """\
---
newsletter: city
number: 1
date: 2026-11-22
language: en
title: The first issue
subject: News
preheader: What is new
---
# News

## A bridge opens

Open.

"""


@pytest.fixture(params=["folder", "bucket"])
def storage(request, settings):
    """Everything here holds on a disk and in a bucket."""
    if request.param == "folder":
        yield None
        return
    with bucket_server() as server:
        options = {
            "bucket_name": "news", "location": "city", "endpoint_url": server.address, "region_name": "x",
            "access_key": "KEY", "secret_key": "secret",
        }  # fmt: skip
        settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "pipeline.bucket.Bucket", "OPTIONS": options}}
        yield server


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "tower.png").write_bytes(encoded(drawing((1600, 800))))
    (tmp_path / "pictures" / "photo.jpg").write_bytes(encoded(drawing(), "JPEG", comment=b"Gyeongbokgung"))
    return tmp_path


def filed(folder: Path, body: str) -> Issue:
    Newsletter.objects.filter(slug="city").exists() or a_newsletter()
    path = folder / "issue.md"
    path.write_text(HEAD + body, encoding="utf-8")
    return sending.file_issue(path, update=True)


def shown(issue: Issue) -> list[str]:
    return list(dict.fromkeys(ADDRESS.findall(sending.compiled(issue).html)))


def fetched(path: str) -> bytes:
    response = Client().get(path)
    assert response.status_code == 200
    return b"".join(response.streaming_content)


def in_library(raw: bytes, name: str = "tower.png"):
    return get_image_model().objects.create(title="Tower", file=ContentFile(raw, name=name))


def issue_with(image, **fields: str) -> Issue:
    issue = an_issue(a_newsletter())
    value = {"image": image.pk, "src": "", "alt": "A tower", **fields}
    picture = {"type": "picture", "value": value}
    issue.body = [{"type": "section", "value": {"title": "S", "intro": [picture], "articles": []}}]
    issue.save()
    return Issue.objects.get(pk=issue.pk)


# From an issue file


def test_the_pictures_of_a_file_are_prepared_for_each_use_and_public(storage, folder):
    issue = filed(
        folder,
        '![A tower](pictures/tower.png)\n\n![At night](pictures/tower.png){video="https://example.org/v"}\n\n'
        "![A photo](pictures/photo.jpg)\n",
    )
    html = sending.compiled(issue).html
    whole, doorway, photo = shown(issue)
    assert whole != doorway
    assert decoded(fetched(whole)).size == decoded(fetched(doorway)).size == (1300, 650)
    assert b"Gyeongbokgung" not in fetched(photo)
    sizes = re.findall(r"<img[^>]*/media/pictures/[^>]*>", html)
    assert [re.search(r'width="(\d+)"', tag)[1] for tag in sizes][-1] == "32"
    assert all(re.search(r'height="\d+"', tag) for tag in sizes)


def test_the_same_file_gives_the_same_pictures_and_prepares_them_once(storage, folder, django_assert_num_queries):
    body = "![A tower](pictures/tower.png)\n"
    first = shown(filed(folder, body))
    made = list(PreparedPicture.objects.values_list("pk", flat=True))
    assert shown(filed(folder, body)) == first
    assert list(PreparedPicture.objects.values_list("pk", flat=True)) == made
    (folder / "pictures" / "tower.png").write_bytes(encoded(drawing((1600, 900))))
    assert shown(filed(folder, body)) != first


def test_an_editor_may_turn_a_filed_picture_into_a_doorway(storage, folder):
    issue = filed(folder, "![A tower](pictures/tower.png)\n")
    before = shown(issue)
    issue.body[0].value["articles"][0]["blocks"][1].value["video"] = "https://example.org/v"
    assert shown(issue) != before
    assert decoded(fetched(shown(issue)[0])).size == (1300, 650)


def test_a_copy_and_a_translation_show_what_the_issue_shows(folder):
    issue = filed(folder, "![A tower](pictures/tower.png)\n")
    client = signed_in("ada", group="Editors")
    page = client.get(reverse(IssueViewSet().get_url_name("copy"), args=[issue.pk]))
    posted = {"newsletter": issue.newsletter_id, "number": 2, "date": issue.date, "language": "en", "title": "Copy"}
    body = nested_form_data({**posted, "subject": "News", "preheader": "", "body": streamfield([])})
    assert client.post(page.context["action_url"], body).status_code == 302
    assert Issue.objects.get(number=2).pictures == issue.pictures
    korean, _ = Locale.objects.get_or_create(language_code="ko")
    assert issue.copy_for_translation(korean).pictures == issue.pictures


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("gone.png", None, "there is no file .*/pictures/gone.png; put it there, or mend the name"),
        ("drawing.png", b"<svg xmlns='x' onload='alert(1)'/>", "an SVG drawing"),
        ("page.png", b"<html><script>alert(1)</script>", "a web page"),
        ("half.png", encoded(drawing())[:80], "broken"),
        ("long.png", encoded(drawing()) + b"\0" * 10_000_000, "too large"),
        ("", None, "Is a directory"),
    ],
)
def test_a_picture_that_cannot_be_used_is_told_with_file_line_and_column(folder, name, raw, said):
    if raw is not None:
        (folder / "pictures" / name).write_bytes(raw)
    with pytest.raises(ContentError, match=said) as refused:
        filed(folder, f"![x](pictures/{name})\n")
    line = HEAD.count("\n") + 1
    assert str(refused.value).startswith(f"{folder}/issue.md, line {line}, column 1: ")
    assert raw is None or "Allowed are PNG" in str(refused.value)
    assert not Issue.objects.exists()


def test_a_path_without_a_picture_blocks_the_issue(storage):
    issue = an_issue(a_newsletter(), DOCUMENT)
    issue.body[0].value["articles"][0]["blocks"][1].value["src"] = "pictures/tower.png"
    found = {finding.id: finding for finding in sending.compiled(issue).findings}
    assert "“pictures/tower.png”" in found["picture-missing"].message
    with pytest.raises(sending.BlockedError):
        sending.make_proof(issue)


# From the library


def test_a_chosen_picture_is_public_and_its_original_is_not(storage):
    image = in_library(encoded(drawing((1600, 800)), "JPEG", comment=b"Gyeongbokgung"), "tower.jpg")
    [path] = shown(issue_with(image))
    assert decoded(fetched(path)).size == (1300, 650)
    assert b"Gyeongbokgung" not in fetched(path)
    assert Client().get(f"/media/{image.file.name}").status_code == 404


def test_what_was_approved_stays_whatever_becomes_of_the_library(storage):
    image = in_library(encoded(drawing((900, 600))))
    issue = issue_with(image, video="https://example.org/v")
    proof = sending.make_proof(issue)
    [path] = shown(issue)
    before = fetched(path)

    image.file = ContentFile(encoded(drawing((900, 500))), name="tower.png")
    image._set_image_file_metadata()
    image.save()
    changed = Issue.objects.get(pk=issue.pk)
    [other] = shown(changed)
    assert other != path
    assert sending.make_proof(changed).hash != proof.hash
    assert fetched(path) == before

    image.file.delete(save=False)
    image.delete()
    assert fetched(path) == before
    assert decoded(before).size == (900, 600)


def test_a_picture_whose_file_is_gone_is_told_by_its_name(storage):
    image = in_library(encoded(drawing()))
    issue = issue_with(image)
    default_storage.delete(image.file.name)
    with pytest.raises(ContentError, match=r"^Tower: the picture cannot be read"):
        sending.compiled(issue)
    get_image_model().objects.update(file_hash="known")
    with pytest.raises(ContentError, match=r"^sections\[0\].intro\[0\], Tower: the picture cannot be read"):
        sending.compiled(Issue.objects.get(pk=issue.pk))


def test_chosen_pictures_are_those_of_every_place(storage):
    images = [in_library(encoded(drawing((size, 9)))) for size in (10, 11)]
    issue = issue_with(images[0])
    raw = {"type": "teaser", "value": {"image": images[1].pk, "title": "a", "src": "", "alt": "b"}}
    article = {"title": "A", "blocks": [raw, {"type": "paragraph", "value": "<p>b</p>"}]}
    issue.body.append(("section", {"title": "T", "intro": [], "articles": []}))
    issue.body = [
        *issue.body.get_prep_value()[:1],
        {"type": "section", "value": {"title": "T", "intro": [], "articles": [article]}},
    ]
    assert {src: image.pk for src, image in chosen_pictures(issue).items()} == {
        f"chosen/{image.pk}": image.pk for image in images
    }
    assert len(shown(issue)) == 2


def test_a_chosen_logo_is_prepared_in_its_own_size_and_counts_as_a_picture(storage):
    newsletter = a_newsletter(
        logo=in_library(encoded(drawing((1200, 300)))), brand={"logo_dark": "https://a.org/b.png"}
    )
    issue = an_issue(newsletter)
    [path] = shown(issue)
    assert decoded(fetched(path)).size == (600, 150)
    html = sending.compiled(issue).html
    [tag] = re.findall(rf'<img[^>]*src="http://127.0.0.1:8000{path}"[^>]*>', html)
    assert (re.search(r'width="(\d+)"', tag)[1], re.search(r'height="(\d+)"', tag)[1]) == ("160", "40")
    assert "https://a.org/b.png" in html
    assert newsletter.brand == {"logo_dark": "https://a.org/b.png"}


def test_a_picture_that_is_a_logo_stays_in_the_library():
    image = in_library(encoded(drawing()))
    a_newsletter(logo=image)
    client = signed_in("bo", superuser=True)
    page = client.post(reverse("wagtailimages:delete", args=[image.pk]))
    assert page.status_code in {200, 302}
    assert get_image_model().objects.filter(pk=image.pk).exists()


# Kept for ever


def only_file() -> str:
    [row] = PreparedPicture.objects.all()
    return row.name


@pytest.mark.parametrize("left", [b"", b"half"])
def test_a_proof_restores_what_is_gone_or_was_half_written(storage, left):
    issue = issue_with(in_library(encoded(drawing())))
    [path] = shown(issue)
    whole = fetched(path)
    default_storage.delete(only_file())
    if left:
        default_storage.save(only_file(), ContentFile(left))
    sending.make_proof(issue)
    assert fetched(path) == whole


def test_two_who_store_the_same_at_once_leave_one_file(storage, monkeypatch):
    name = pictures.keep_original(b"same")
    kind, saved = type(default_storage._wrapped), []
    look, save, late = kind.exists, kind.save, iter([True])
    monkeypatch.setattr(kind, "exists", lambda self, name: look(self, name) and not next(late, False))
    monkeypatch.setattr(kind, "save", lambda *given: saved.append(save(*given)) or saved[-1])
    assert pictures.keep_original(b"same") == name
    [beside] = saved
    assert beside != name
    assert not default_storage.exists(beside)
    with default_storage.open(name) as file:
        assert file.read() == b"same"


def test_a_moving_picture_keeps_moving(storage):
    [path] = shown(issue_with(in_library(moving_gif(4), "news.gif")))
    assert path.endswith(".gif")
    assert decoded(fetched(path)).n_frames == 4


def test_a_new_way_of_preparing_leaves_sent_mail_alone(storage, monkeypatch):
    issue = issue_with(in_library(encoded(drawing())))
    [path] = shown(issue)
    monkeypatch.setattr(pictures, "VERSION", 2)
    monkeypatch.setattr(pictures, "prepare", lambda *_, **__: Prepared(encoded(drawing(), "JPEG"), 64, 48, "JPEG"))
    [other] = shown(issue)
    assert other != path
    assert decoded(fetched(path)).format == "PNG"


def test_the_public_address_may_be_another_hosts(settings):
    settings.PICTURES_URL = "https://cdn.example.org/news"
    issue = issue_with(in_library(encoded(drawing())))
    assert f'src="https://cdn.example.org/news/{only_file_of(issue)}"' in sending.compiled(issue).html


def only_file_of(issue: Issue) -> str:
    sending.compiled(issue)
    return only_file()


# A bucket alone


@pytest.fixture
def bucket(request, settings):
    with bucket_server() as server:
        options = {"bucket_name": "news", "endpoint_url": server.address, "region_name": "x"}
        keys = {"access_key": "KEY", "secret_key": "secret"}
        settings.STORAGES = settings.STORAGES | {
            "default": {"BACKEND": "pipeline.bucket.Bucket", "OPTIONS": options | keys}
        }
        yield server


def test_a_bucket_knows_kind_and_life_of_what_it_keeps(bucket):
    newsletter = a_newsletter()
    for logo in (encoded(drawing(), "JPEG"), encoded(drawing()), moving_gif()):
        newsletter.logo = in_library(logo)
        pictures.public_logos(newsletter)
    kept = {key: bucket.headers[key] for key in bucket.objects if "/pictures/" in key}
    kinds = {key.rpartition(".")[2]: headers["Content-Type"] for key, headers in kept.items()}
    assert kinds == {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif"}
    assert all("immutable" in headers["Cache-Control"] for headers in kept.values())
    assert not any("x-amz-acl" in map(str.lower, headers) for headers in kept.values())
    originals = [headers for key, headers in bucket.headers.items() if "/original_images/" in key]
    assert not any("immutable" in headers.get("Cache-Control", "") for headers in originals)


def test_a_bucket_out_of_order_is_told_and_hides_nothing(bucket):
    issue = issue_with(in_library(encoded(drawing())))
    [path] = shown(issue)
    bucket.trouble = 403
    assert Client().get(path).status_code == 503
    with pytest.raises(ContentError, match="the bucket news does not answer as it should"):
        pictures.public_pictures(*document_and_originals(issue))
    bucket.trouble = 0
    assert fetched(path)


def document_and_originals(issue: Issue):
    PreparedPicture.objects.all().delete()
    return document_of(issue), {src: pictures.chosen(image) for src, image in chosen_pictures(issue).items()}


def test_every_shape_has_a_recipe_of_its_own():
    assert len({pictures.recipe(shape) for shape in Shape}) == len(Shape)
