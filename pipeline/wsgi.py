"""The web server's entry."""

import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pipeline.settings")
application = get_wsgi_application()
import_module("pipeline.urls")  # all pages now, and none while the first reader waits
