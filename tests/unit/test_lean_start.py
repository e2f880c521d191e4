"""What a worker or a command loads: the staff pages are for those who serve them."""

import os
import subprocess
import sys

LOADED = """
import sys
import django
django.setup()
import {module}
print(*sorted(name for name in sys.modules if name.startswith(("pipeline.staff", "pipeline.wagtail_hooks"))))
"""


def loaded_by(module: str) -> list[str]:
    command = [sys.executable, "-c", LOADED.format(module=module)]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "pipeline.settings"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()


def test_what_works_loads_no_staff_pages():
    assert loaded_by("pipeline.tasks") == []


def test_what_serves_pages_finds_them_all():
    pages = {"pipeline.wagtail_hooks", "pipeline.staff.issues", "pipeline.staff.feedback"}
    assert pages <= set(loaded_by("pipeline.urls"))
