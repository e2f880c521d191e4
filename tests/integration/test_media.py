"""Pictures over the web: strangers get what mail shows, staff their library, and nothing is ever run."""

import io

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from drawings import drawing, encoded, huge_png, moving_gif
from newsroom import signed_in
from wagtail.images import get_image_model
from wagtail.models import Collection

# Wagtail leaves the temporary file of a new rendition to the garbage collector, and keeps no name for it.
pytestmark = pytest.mark.filterwarnings("ignore:.*SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning")
NAME = "pictures/" + "0123456789abcdef" * 2
PNG, JPEG, GIF, WEBP = (encoded(drawing(), kind) for kind in ("PNG", "JPEG", "GIF", "WEBP"))
HOSTILE = [b"<svg onload=alert(1)>", b"<html><script>alert(1)</script>", b"", b"%PDF-1.7", b"<?xml", b"PK\x03\x04"]


@pytest.fixture
def stranger() -> Client:
    return Client()


@pytest.fixture
def ada(db: None) -> Client:
    return signed_in("ada", group="Editors")


@pytest.fixture
def stored():
    """Store files; they are gone after the test."""
    names: list[str] = []

    def store(name: str, content: bytes) -> str:
        names.append(default_storage.save(name, ContentFile(content)))
        return names[-1]

    yield store
    for name in names:
        default_storage.delete(name)


def body(response) -> bytes:
    return b"".join(response.streaming_content)


# For strangers


@pytest.mark.parametrize(
    ("suffix", "raw", "kind"),
    [("png", PNG, "image/png"), ("jpg", JPEG, "image/jpeg"), ("gif", GIF, "image/gif"), ("png", JPEG, "image/jpeg")],
)
def test_a_picture_is_served_as_what_it_is_and_for_ever(stranger, stored, suffix, raw, kind):
    response = stranger.get(f"/media/{stored(f'{NAME}.{suffix}', raw)}")
    assert body(response) == raw
    assert response["Content-Type"] == kind
    assert response["Content-Length"] == str(len(raw))
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_no_session_and_no_database_is_asked_for_a_picture(stored):
    """The test has no access to a database at all."""
    signed_in = Client()
    signed_in.cookies["session"] = "of somebody"
    response = signed_in.get(f"/media/{stored(f'{NAME}.png', PNG)}")
    assert body(response) == PNG
    assert not response.cookies
    assert "cookie" not in response.get("Vary", "").lower()


@pytest.mark.django_db  # for what Django does when a response is closed
def test_only_the_head_may_be_asked_for(stranger, stored):
    path = f"/media/{stored(f'{NAME}.png', PNG)}"
    response = stranger.head(path)
    assert (response.status_code, response["Content-Type"]) == (200, "image/png")
    assert response["Content-Length"] == str(len(PNG))
    assert body(response) == b""
    response.close()
    for method in ("post", "put", "delete", "patch"):
        assert getattr(stranger, method)(path).status_code in {403, 405}


@pytest.mark.parametrize("raw", HOSTILE)
def test_what_is_no_picture_is_never_served(stranger, stored, raw):
    assert stranger.get(f"/media/{stored(f'{NAME}.png', raw)}").status_code == 404


@pytest.mark.parametrize("suffix", ["svg", "html", "webp", "PNG", "png.html", "png/", ""])
def test_a_name_of_another_kind_is_nobodys(stranger, stored, suffix):
    assert stranger.get(f"/media/{stored(f'{NAME}.{suffix}'.rstrip('./'), PNG)}x").status_code == 404
    assert stranger.get(f"/media/{NAME}.{suffix}").status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        "images/tower.png", "original_images/tower.png", "avatar_images/ada.png", "originals/" + "a" * 64,
        "documents/tower.png", "tower.png",
    ],
)  # fmt: skip
def test_what_is_there_and_what_is_not_look_the_same_to_strangers(stranger, stored, name):
    there, missing = stranger.get(f"/media/{stored(name, PNG)}"), stranger.get(f"/media/{name}-is-not-there")
    assert there.status_code == missing.status_code == 404
    assert there.content.replace(name.encode(), b"") == missing.content.replace(f"{name}-is-not-there".encode(), b"")


@pytest.mark.parametrize(
    "path", ["../secret_key", "..%2fsecret_key", "/etc/passwd", "pictures", "a\0b", "%00", ".", "pictures/../x.png"]
)
def test_nothing_outside_of_the_pictures_is_served(stranger, ada, path):
    (settings.MEDIA_ROOT.parent / "secret_key").write_bytes(PNG)
    for client in (stranger, ada):
        assert client.get(f"/media/{path}").status_code == 404
        assert client.get(f"/media/images/{path}").status_code in {404, 503}


# For staff


@pytest.mark.parametrize(("raw", "kind"), [(PNG, "image/png"), (WEBP, "image/webp")])
@pytest.mark.parametrize("folder", ["images", "original_images", "avatar_images"])
def test_staff_see_their_library(ada, stored, folder, raw, kind):
    response = ada.get(f"/media/{stored(f'{folder}/tower.png', raw)}")
    assert body(response) == raw
    assert response["Content-Type"] == kind
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"].startswith("private")


@pytest.mark.django_db
def test_whoever_is_no_staff_sees_no_library(stored):
    path = f"/media/{stored('images/tower.png', PNG)}"
    assert signed_in("kim").get(path).status_code == 404


@pytest.mark.parametrize("raw", HOSTILE)
def test_not_even_staff_are_served_what_could_run(ada, stored, raw):
    assert ada.get(f"/media/{stored('images/tower.png', raw)}").status_code == 404


def test_originals_of_issue_files_are_nobodys(ada, stored):
    assert ada.get(f"/media/{stored('originals/' + 'a' * 64, PNG)}").status_code == 404


# Uploads


def upload(client: Client, raw: bytes, name: str = "tower.png"):
    file = io.BytesIO(raw)
    file.name = name
    given = {"title": "Tower", "file": file, "collection": Collection.get_first_root_node().pk}
    return client.post(reverse("wagtailimages:add"), given)


@pytest.mark.parametrize(
    ("name", "raw"),
    [("a.png", PNG), ("a.jpg", JPEG), ("a.jpeg", JPEG), ("a.gif", GIF), ("b.gif", moving_gif()), ("a.webp", WEBP)],
)
def test_pictures_come_into_the_library(ada, name, raw):
    assert upload(ada, raw, name).status_code == 302
    assert get_image_model().objects.get().title == "Tower"


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Not a supported image format"),
        ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Not a valid .png image"),
        ("a.png", b"<html><script>alert(1)</script>", "valid image"),
        ("a.html", PNG, "Not a supported image format"),
        ("a.avif", encoded(drawing(), "AVIF"), "Not a supported image format"),
        ("a.png", encoded(drawing(), "BMP"), "Not a valid"),
        ("a.png", PNG[:100], "broken"),
        ("a.jpg", JPEG[:400], "broken"),
        ("a.png", huge_png(9_000, 9_000), "pixels. Allowed"),
        ("a.png", PNG + b"\0" * 10_000_000, "too big"),
        ("a.webp", encoded(drawing(), "WEBP", save_all=True, append_images=[drawing().rotate(90)]), "moving WebP"),
    ],
)
def test_what_no_mail_could_show_does_not(ada, name, raw, said):
    response = upload(ada, raw, name)
    assert response.status_code == 200
    assert said in response.content.decode()
    assert not get_image_model().objects.exists()


@pytest.mark.parametrize("path", ["", "add/", "multiple/add/", "1/", "chooser/", "edit/1/"])
def test_there_are_no_documents(db, path):
    bo = signed_in("bo", superuser=True)
    page = io.BytesIO(b"<script>alert(1)</script>")
    page.name = "page.html"
    assert bo.get(f"/admin/documents/{path}").status_code == 404
    assert bo.post(f"/admin/documents/{path}", {"title": "a", "file": page}).status_code == 404


def test_the_limits_of_the_library_are_those_of_mail():
    from pipeline.content.pictures import gif, reading

    assert settings.WAGTAILIMAGES_MAX_UPLOAD_SIZE == reading.BYTES_AT_MOST
    assert settings.WAGTAILIMAGES_MAX_IMAGE_PIXELS == gif.MOVING_PIXELS_AT_MOST
