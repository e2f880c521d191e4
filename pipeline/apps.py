"""The mail half of Pressrun as a Django app."""

from django.apps import AppConfig


class PipelineConfig(AppConfig):
    name = "pipeline"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from pipeline import checks  # noqa: F401  (registers the start-up checks)
