"""The form of a newsletter: its layout and its brand."""

import pytest
from django.contrib.messages import get_messages
from django.core.files.base import ContentFile
from drawings import drawing, encoded
from newsroom import a_newsletter, signed_in
from wagtail.images import get_image_model

from pipeline.content.brand import SETTINGS
from pipeline.models import Newsletter
from pipeline.staff.brand import PREFIX, BrandFields

pytestmark = pytest.mark.django_db


def as_shown(client, route):
    """What a browser would post of the form as it stands."""
    form = client.get(route).context["form"]
    values = {bound.html_name: bound.field.prepare_value(bound.value()) for bound in form}
    return {name: value for name, value in values.items() if value is not None}


@pytest.fixture
def saved():
    """Posts the form with some fields changed."""
    newsletter, client = a_newsletter(layout="letter", brand={"accent": "#8a3b00"}), signed_in("bo", superuser=True)
    route = f"/admin/newsletters/edit/{newsletter.pk}/"
    shown = as_shown(client, route)

    def save(**changes):
        response = client.post(route, shown | changes)
        newsletter.refresh_from_db()
        return newsletter, response

    return save


def test_every_setting_has_a_field_that_shows_what_is_held():
    newsletter = a_newsletter(brand={"primary": "#5a0f4d"})
    page = signed_in("bo", superuser=True).get(f"/admin/newsletters/edit/{newsletter.pk}/")
    form = page.context["form"]
    assert {name for name in form.fields if name.startswith(PREFIX)} == {PREFIX + name for name in SETTINGS}
    assert form["brand_primary"].value() == "#5a0f4d"
    assert form["brand_accent"].value() == SETTINGS["accent"].default
    assert b'type="color"' in page.content


def test_only_what_differs_from_the_defaults_is_kept(saved):
    newsletter, response = saved(brand_primary="#5a0f4d", brand_width="640", brand_logo="https://cdn.example.org/a.png")
    assert response.status_code == 302
    assert newsletter.layout == "letter"
    held = {"primary": "#5a0f4d", "accent": "#8a3b00", "width": "640", "logo": "https://cdn.example.org/a.png"}
    assert newsletter.brand == held
    newsletter, _ = saved(brand_accent=SETTINGS["accent"].default)
    assert newsletter.brand == {}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("brand_primary", "red", "#12355b"),
        ("brand_width", "900", "560 to 700"),
        ("brand_logo", "logo.png", "https://example.org/logo.png"),
        ("brand_font", "Comic Sans", "valid choice"),
        ("layout", "parts", "valid choice"),
    ],
)
def test_what_cannot_be_is_told_at_its_field(saved, field, value, words):
    newsletter, response = saved(**{field: value})
    assert words in response.context["form"].errors[field][0]
    assert newsletter.brand == {"accent": "#8a3b00"}


@pytest.mark.filterwarnings("ignore:.*SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning")
def test_a_logo_is_chosen_or_has_an_address(saved):
    logo = get_image_model().objects.create(title="Logo", file=ContentFile(encoded(drawing()), name="logo.png"))
    newsletter, response = saved(logo=logo.pk, brand_logo="https://cdn.example.org/a.png")
    assert "one of the two" in response.context["form"].errors["brand_logo"][0]
    assert newsletter.logo is None
    newsletter, response = saved(logo=logo.pk)
    assert response.status_code == 302
    assert newsletter.logo == logo


def test_a_colour_that_is_hard_to_read_is_kept_and_told(saved):
    newsletter, response = saved(brand_accent="#ffee00")
    assert newsletter.brand == {"accent": "#ffee00"}
    [warning, _] = sorted(map(str, get_messages(response.wsgi_request)))
    assert "#ffee00 is too light" in warning


def test_a_new_newsletter_begins_with_the_defaults():
    client = signed_in("bo", superuser=True)
    form = client.get("/admin/newsletters/new/").context["form"]
    assert isinstance(form, BrandFields)
    assert form["layout"].value() == "bulletin"
    assert form["brand_primary"].value() == SETTINGS["primary"].default
    names = {"name": "City", "slug": "city", "sender_name": "Desk", "sender_address": "desk@city.example"}
    client.post("/admin/newsletters/new/", as_shown(client, "/admin/newsletters/new/") | names)
    assert Newsletter.objects.get().brand == {}
