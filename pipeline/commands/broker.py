"""A start-up check of the broker: one that may throw queues away is refused."""

import redis
from django.conf import settings

from pipeline.errors import PressrunError


class UnsafeBrokerError(PressrunError):
    """The broker could lose what is in it without a word."""


def require_safe_broker() -> None:
    """Refuse a Redis with an evicting policy. Other brokers, and a Redis that is away for now, pass.

    Celery waits for a broker that is away; a policy that cannot be read (a managed Redis without CONFIG) is let by.
    """
    url = settings.BROKER_URL
    if not url.startswith(("redis", "rediss")):
        return
    client = redis.Redis.from_url(_for_redis(url), socket_connect_timeout=5, socket_timeout=5)
    try:
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
    except redis.RedisError:
        return
    finally:
        client.close()
    if policy != "noeviction":
        raise UnsafeBrokerError(
            f"PRESSRUN_BROKER_URL: this Redis evicts keys when memory is short (maxmemory-policy {policy}), and the "
            "queues are keys. Nothing was sent. Set maxmemory-policy to noeviction, or use another Redis."
        )


def _for_redis(url: str) -> str:
    """Kombu writes a socket's address as redis+socket://, redis-py as unix://."""
    return url.replace("redis+socket://", "unix://", 1).replace("virtual_host=", "db=")
