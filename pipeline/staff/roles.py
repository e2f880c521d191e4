"""Who may do what. Wagtail's two groups get the rights to write issues; sending is in no group by default."""

from typing import Any, Final

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from pipeline.models import Marker

EDITORS: Final = "Editors"
MODERATORS: Final = "Moderators"
_WRITING: Final = (
    "pipeline.add_issue",
    "pipeline.change_issue",
    "pipeline.view_issue",
    "pipeline.view_newsletter",
    "pipeline.view_send",
    "pipeline.add_testgroup",
    "pipeline.change_testgroup",
    "pipeline.delete_testgroup",
    "pipeline.view_testgroup",
    "subscribers.view_list",
)
RIGHTS: Final = {
    EDITORS: _WRITING,
    MODERATORS: (*_WRITING, "pipeline.publish_issue", "pipeline.lock_issue", "pipeline.unlock_issue"),
}
"""What each group is given at set-up. `start_send`, `publish_edition` and all that shows or exports addresses is for
an admin to grant."""


@transaction.atomic
def ensure_roles() -> None:
    """Give the groups their rights. Adds what is missing and takes nothing away."""
    for name, rights in RIGHTS.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.add(*(_permission(right) for right in (*rights, "wagtailadmin.access_admin")))


def remember_one_time_password(user: Any) -> None:
    """From now on the user must choose a password before anything else."""
    Marker.objects.update_or_create(name=_marker(user), defaults={"text": user.password})


def has_one_time_password(user: Any) -> bool:
    """Whether the password is still the one that was given: its stored hash is the one noted then."""
    return user.is_authenticated and Marker.objects.filter(name=_marker(user), text=user.password).exists()


def _marker(user: Any) -> str:
    return f"one-time-password:{user.pk}"


def _permission(right: str) -> Permission:
    app, _, codename = right.partition(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)
