"""What became of pictures: each original, prepared once for each use of it."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now


class PreparedPicture(models.Model):
    """A picture as mail shows it. Its file is named by the hash of its bytes, and neither ever changes."""

    origin = models.CharField(max_length=120, db_comment="names the original's bytes, for ever")
    recipe = models.CharField(max_length=40, db_comment="version of the preparation, and for which use")
    name = models.CharField(max_length=120, db_comment="the file in the storage")
    width = models.PositiveIntegerField(db_comment="pixels")
    height = models.PositiveIntegerField(db_comment="pixels")
    size = models.PositiveIntegerField(db_comment="bytes")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["origin", "recipe"], name="picture_prepared_once")]

    def __str__(self) -> str:
        return self.name
