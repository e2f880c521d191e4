"""The mail half of Pressrun as a Django app, and how it takes Wagtail in."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from wagtail.snippets.apps import WagtailSnippetsAppConfig


class PipelineConfig(AppConfig):
    name = "pipeline"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from pipeline import checks  # noqa: F401  (registers the start-up checks)


class SnippetsConfig(WagtailSnippetsAppConfig):  # type: ignore[misc]  # Wagtail ships no types
    """Wagtail's own, without its API.

    To tell that API which models there are, Wagtail loads all staff pages, whatever the process is for. A worker or a
    command that shows none starts in half the time without them; where pages are served, Wagtail looks for them when
    it looks for their addresses.
    """

    def ready(self) -> None:
        from wagtail.snippets.models import create_extra_permissions, register_deferred_snippets

        register_deferred_snippets()
        post_migrate.connect(create_extra_permissions, sender=self)
