"""Which DKIM keys there are for a domain."""

from pipeline.models import DkimKey, SenderDomain


def dkim_domain(host: str) -> SenderDomain | None:
    """The nearest domain, `host` itself or one above it, that has an active key: d= aligns with every From below it."""
    labels = host.lower().rstrip(".").split(".")
    names = [".".join(labels[at:]) for at in range(len(labels))]
    active = SenderDomain.objects.filter(
        from_domain__in=names, dkim_keys__activated_at__isnull=False, dkim_keys__retired_at__isnull=True
    )
    return max(active.distinct(), key=lambda found: len(found.from_domain), default=None)


def dkim_keys(domain: SenderDomain, *, state: str = "") -> list[DkimKey]:
    """A domain's keys, RSA before Ed25519, the newest first; only those waiting, active or retired if asked for."""
    found = domain.dkim_keys.select_related("sender_domain").order_by("-algorithm", "-pk")
    return [key for key in found if state in {"", key.state}]
