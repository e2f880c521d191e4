"""The Celery app: a doorbell, never the truth. No tasks here.

Every message carries ids only and may be lost, doubled or late without harm: what there is to do stands in
PostgreSQL, and the sweep finds it. So results are off, messages expire, and a lost worker's message comes back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from celery import Celery
from django.conf import settings
from kombu.transport import redis


class _QoS(redis.QoS):
    """Frees a message's place also where Redis is away when it is acknowledged.

    kombu 5.7 keeps the place taken then, and reads its connection no more once all places are: a worker all of whose
    processes had work when Redis went would never learn that it did, and stay deaf to the one that comes back.
    """

    def ack(self, delivery_tag: str) -> None:
        with self._freeing(delivery_tag):
            super().ack(delivery_tag)  # type: ignore[no-untyped-call] # kombu's

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 (kombu's)
        with self._freeing(delivery_tag):
            super().reject(delivery_tag, requeue)  # type: ignore[no-untyped-call] # kombu's

    @contextmanager
    def _freeing(self, delivery_tag: str) -> Iterator[None]:
        try:
            yield
        except Exception:
            self._quick_ack(delivery_tag)
            raise


redis.Channel.QoS = _QoS
app = Celery("pressrun")
app.conf.update(
    broker_url=settings.BROKER_URL,
    result_backend=None,
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    # A killed child's message is delivered again; without the second setting it would be acknowledged and lost.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # Longer than any task, restored soon after (kombu 5.7 options; the defaults look every 100 s).
    broker_transport_options={
        "visibility_timeout": 900,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
        # A ring that cannot be heard now is made up for by the next sweep; a page must not wait six seconds for it.
        "max_retries": 1,
        "interval_start": 0,
    },
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # A Redis whose disk or memory is full answers with an error; without this the worker would end itself for it.
    broker_channel_error_retry=True,
    # True would kill running batches when Redis goes away: they need it for nothing.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    # What uses pub/sub can leave a worker deaf after a half-open connection (celery#10502).
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    task_serializer="json",
    accept_content=["json"],
    task_default_queue="deliver",
    task_create_missing_queues=True,
    task_routes={"pipeline.sweep": {"queue": "sweep"}},
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    timezone="UTC",
    beat_schedule={
        "sweep": {
            "task": "pipeline.sweep",
            "schedule": settings.SWEEP,
            "options": {"queue": "sweep", "expires": max(timedelta(seconds=10), 2 * settings.SWEEP).total_seconds()},
        }
    },
    # Beat keeps no file: its one entry is an interval, and two of it do no harm.
    beat_scheduler="celery.beat:Scheduler",
)
app.autodiscover_tasks(["pipeline"])
