"""Every setting: its variable, its default, its reason in one line. A bad value fails here and names the variable."""

import os
import re
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict

from pipeline.content.headers import HeaderText, is_address
from pipeline.content.types import ContentError
from pipeline.delivery.relay import RelayUrlError, parse_relay
from pipeline.delivery.retry import parse_duration, parse_schedule
from pipeline.limits.loops import signed_up
from pipeline.storage import EXAMPLES as STORAGE_EXAMPLES
from pipeline.storage import storages

T = TypeVar("T")
BASE_DIR: Final = Path(__file__).resolve().parent.parent


def _env(name: str, default: str, read: Callable[[str], T], allowed: str) -> T:
    """Read PRESSRUN_<name>, or the file that PRESSRUN_<name>_FILE names (for secrets)."""
    variable = f"PRESSRUN_{name}"
    text = os.environ.get(variable, "")
    file = os.environ.get(f"{variable}_FILE", "")
    if not text and file:
        variable += "_FILE"
        try:
            text = Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{variable}: {file} cannot be read ({error.strerror}).") from error
    try:
        return read(text or default)
    except ValueError as error:
        raise ImproperlyConfigured(f"{variable}: {error}. Allowed: {allowed}.") from error


def _duration(text: str) -> timedelta:
    value = parse_duration(text)
    if value <= timedelta(0):
        raise ValueError("it must be longer than nothing")
    return value


def _time_scale(text: str) -> float:
    share = float(text)
    if not 0.001 <= share <= 1:
        raise ValueError(f"{text!r} is not between 0.001 and 1")
    if share < 1 and not DEBUG:
        raise ValueError("it makes every wait shorter than mail needs and is for tests, beside PRESSRUN_DEBUG=1 only")
    return share


def _scaled(wait: timedelta) -> timedelta:
    return max(wait * TIME_SCALE, min(wait, timedelta(seconds=1)))


def _flag(text: str) -> bool:
    if text.lower() not in {"", "0", "1", "true", "false", "yes", "no"}:
        raise ValueError(f"{text!r} is neither yes nor no")
    return text.lower() in {"1", "true", "yes"}


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is not an http(s) address")
    return text.rstrip("/")


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise ValueError(f"there is no folder {text}")
    return Path(text).absolute()


def _domain(text: str) -> str:
    if text and not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", text.lower()):
        raise ValueError(f"{text!r} is not a domain")
    return text.lower()


def _postgresql(text: str) -> dict[str, Any]:
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("it must begin with postgresql://")
    try:
        parts = conninfo_to_dict(text)
    except Exception as error:
        raise ValueError(str(error).strip()) from error
    known = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    database: dict[str, Any] = {django: str(parts.pop(libpq, "")) for libpq, django in known.items()}
    return database | {"OPTIONS": parts}


def _redis(text: str) -> str:
    if not re.match(r"(rediss?|redis\+socket|amqps?|sqs|sentinel)://", text):
        raise ValueError("it must begin with redis://, rediss://, redis+socket://, amqp://, sentinel:// or sqs://")
    return text


def _addresses(text: str) -> tuple[str, ...]:
    found = tuple(each.strip() for each in text.split(",") if each.strip())
    if wrong := [each for each in found if not re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", each)]:
        raise ValueError(f"{wrong[0]!r} is not an address")
    return found


def _mailbox(text: str) -> tuple[str, str]:
    """Name, which may be empty, and address."""
    name, address = parseaddr(text)
    if not is_address(address):
        raise ValueError(f"{text!r} is not an address, alone or as Name <address>")
    try:
        return HeaderText(name).text, address
    except ContentError as error:
        raise ValueError(str(error)) from error


def _relay(text: str) -> str:
    """Looked at here, used by whoever sends; its own error says all, and never shows the password."""
    try:
        if text:
            parse_relay(text)
    except RelayUrlError as error:
        raise ImproperlyConfigured(str(error)) from error
    return text


def _plain_file_secret(text: str) -> str:
    if text and len(text) < 32:
        raise ValueError("it is shorter than 32 characters")
    return text


def _webhook_secret(text: str) -> bytes:
    """As Standard Webhooks writes it: base64 of 24 to 64 bytes, which may have `whsec_` before it."""
    try:
        secret = b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise ValueError("it is not base64") from None
    if text and not 24 <= len(secret) <= 64:
        raise ValueError(f"it holds {len(secret)} bytes")
    return secret


def _token(text: str) -> str:
    if text and (len(text) < 16 or not text.isprintable() or not text.isascii()):
        raise ValueError("it is shorter than 16 characters, or not plain")
    return text


# Where things live
HOME: Final = _env("HOME", "./var", lambda text: Path(text).absolute(), "a directory")
LAYOUTS: Final = _env("LAYOUTS", "", lambda text: _folder(text) if text else None, "a folder of own layouts")
_UNSET = "postgresql:///pressrun-is-not-configured"
_DATABASE_PASSWORD = _env("DATABASE_PASSWORD", "", str, "a password, or a file through …_FILE")
DATABASES: Final = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        **_env("DATABASE_URL", _UNSET, _postgresql, "postgresql://user:password@host:port/name"),
    }
}
if _DATABASE_PASSWORD:
    DATABASES["default"]["PASSWORD"] = _DATABASE_PASSWORD
BROKER_URL: Final = _env("BROKER_URL", "redis://127.0.0.1:1/0", _redis, "redis://host:port/0")
SECRET_KEY: Final = _env("SECRET_KEY", "", _plain_file_secret, "a random text of 32 characters or more")
DEBUG: Final = _env("DEBUG", "0", _flag, "0 or 1")
STORAGES, MEDIA_ROOT = _env("STORAGE", str(HOME / "media"), storages, STORAGE_EXAMPLES)

# The mail side
SMTP_URL: Final = _env("SMTP_URL", "", _relay, "smtp://user:password@host:port?starttls=required")
BASE_URL: Final = _env("BASE_URL", "http://127.0.0.1:8000", _base_url, "https://news.example.org")
# Where mail fetches its pictures: this site, or whatever stands before the storage.
PICTURES_URL: Final = _env("MEDIA_URL", f"{BASE_URL}/media", _base_url, "https://cdn.example.org")
BOUNCE_DOMAIN: Final = _env("BOUNCE_DOMAIN", "", _domain, "bounces.example.org") or "bounces.localhost"
MAIL_FROM: Final = _env("MAIL_FROM", f"Pressrun <pressrun@{BOUNCE_DOMAIN}>", _mailbox, "City Hall <ops@example.org>")
ALERT_URL: Final = _env("ALERT_URL", "", lambda text: text and _base_url(text), "an http(s) address")
ALERT_SECRET: Final = _env("ALERT_SECRET", "", _webhook_secret, "24 to 64 bytes, by openssl rand -base64 32")
ALERT_MAIL: Final = _env("ALERT_MAIL", "", _addresses, "addresses such as ops@example.org,desk@example.org")
ALERT_SMTP_URL: Final = _env("ALERT_SMTP_URL", "", _relay, "as PRESSRUN_SMTP_URL")
# Where somebody has signed up to be told of complaints. What comes from there counts by itself.
COMPLAINT_LOOPS: Final = _env("COMPLAINT_LOOPS", "", signed_up, "names of pipeline/limits/loops.tsv: yahoo,microsoft")
METRICS_TOKEN: Final = _env("METRICS_TOKEN", "", _token, "a random text of 16 characters or more")
LINK_CHECK: Final = _env("LINK_CHECK", "1", _flag, "0 or 1")

# Times, for tests and for slow worlds
# A test of hours in seconds: all of these, and the waits of SMTP, times this; nothing gets shorter than a second by it.
TIME_SCALE: Final = _env("TIME_SCALE", "1", _time_scale, "1, or less in a test")
RETRY: Final = tuple(map(_scaled, _env("RETRY", "1m,5m,15m,1h,4h", parse_schedule, "durations such as 1m,5m,1h")))
VALID_FOR: Final = _scaled(_env("VALID_FOR", "72h", _duration, "a duration such as 72h"))
UNCERTAIN_WAIT: Final = _scaled(_env("UNCERTAIN_WAIT", "10m", _duration, "a duration such as 10m"))
LEASE: Final = _scaled(_env("LEASE", "45s", _duration, "a duration such as 45s"))
SWEEP: Final = _scaled(_env("SWEEP", "5s", _duration, "a duration such as 5s"))

# Django
INSTALLED_APPS: Final = [
    "pipeline.apps.PipelineConfig",
    "subscribers.apps.SubscribersConfig",
    "wagtail.users",
    "pipeline.apps.SnippetsConfig",
    "wagtail.documents",  # Wagtail's own templates ask for its addresses
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "django_filters",
    "django_htmx",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
MIDDLEWARE: Final = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF: Final = "pipeline.urls"
WSGI_APPLICATION: Final = "pipeline.wsgi.application"
TEMPLATES: Final = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD: Final = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS: Final = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LANGUAGE_CODE: Final = "en"
LANGUAGES: Final = [("en", "English"), ("ko", "한국어")]
LOCALE_PATHS: Final = [BASE_DIR / "pipeline" / "locale"]
TIME_ZONE: Final = "UTC"
USE_TZ: Final = True

STATIC_URL: Final = "/static/"
MEDIA_URL: Final = "/media/"
WHITENOISE_USE_FINDERS: Final = True  # no collectstatic step between an install and its first page
WHITENOISE_AUTOREFRESH: Final = False

_SITE = urlsplit(BASE_URL)
_HTTPS: Final = _SITE.scheme == "https"
ALLOWED_HOSTS: Final = [_SITE.hostname or "", "127.0.0.1", "localhost", "[::1]"]
CSRF_TRUSTED_ORIGINS: Final = [f"{_SITE.scheme}://{_SITE.netloc}"]
SECURE_PROXY_SSL_HEADER: Final = ("HTTP_X_FORWARDED_PROTO", "https") if _HTTPS else None
SESSION_COOKIE_SECURE: Final = _HTTPS
CSRF_COOKIE_SECURE: Final = _HTTPS
SESSION_COOKIE_NAME: Final = "__Host-session" if _HTTPS else "session"
SECURE_HSTS_SECONDS: Final = 31_536_000 if _HTTPS else 0
SECURE_REFERRER_POLICY: Final = "same-origin"
X_FRAME_OPTIONS: Final = "SAMEORIGIN"  # Wagtail's preview panel is a frame of the same origin
DATA_UPLOAD_MAX_NUMBER_FIELDS: Final = 10_000  # an issue's form has many blocks

WAGTAIL_SITE_NAME: Final = "Pressrun"
WAGTAILADMIN_BASE_URL: Final = BASE_URL
WAGTAIL_ENABLE_UPDATE_CHECK: Final = False  # nothing is fetched from outside without being asked to
WAGTAIL_ENABLE_WHATS_NEW_BANNER: Final = False
WAGTAIL_GRAVATAR_PROVIDER_URL: Final = None
WAGTAILADMIN_PERMITTED_LANGUAGES: Final = LANGUAGES
WAGTAIL_I18N_ENABLED: Final = True  # an issue's form leads to its other editions
WAGTAIL_CONTENT_LANGUAGES: Final = LANGUAGES  # whose names Wagtail knows; an issue may be in any other as well
# An SVG or a page could run scripts; what mail cannot show is refused where it comes in (`content.pictures`).
WAGTAILIMAGES_EXTENSIONS: Final = ["gif", "jpg", "jpeg", "png", "webp"]
WAGTAILIMAGES_MAX_UPLOAD_SIZE: Final = 10_000_000
WAGTAILIMAGES_MAX_IMAGE_PIXELS: Final = 60_000_000  # of all frames together
WAGTAILIMAGES_IMAGE_FORM_BASE: Final = "pipeline.staff.images.PictureForm"
WAGTAILSEARCH_BACKENDS: Final = {"default": {"BACKEND": "wagtail.search.backends.database"}}
WAGTAILADMIN_COMMENTS_ENABLED: Final = False

LOGGING: Final = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    # A token in an address acts for its reader, so no log keeps one.
    "filters": {"tokens": {"()": "pipeline.public.logs.WithoutTokens"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["tokens"]}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # Wagtail's audit lines are in the database, and its background tasks speak of themselves at every save. IMAPClient
    # would write whole conversations.
    "loggers": {name: {"level": "WARNING"} for name in ("wagtail", "django_tasks", "imapclient")},
}
