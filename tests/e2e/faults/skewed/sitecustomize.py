"""Python runs this first where it finds it: the clock on this machine's wall is wrong, and may step (F-26).

By how many seconds stands in the file that CLOCK_WRONG_BY names.
"""

import datetime as dt
import os
import time

_right, _datetime = time.time, dt.datetime
_file = os.open(os.environ["CLOCK_WRONG_BY"], os.O_RDONLY)


def _wrong() -> float:
    return _right() + float(os.pread(_file, 20, 0))


class _Kind(type):
    """Whatever is a datetime stays one."""

    def __instancecheck__(cls, instance):
        return isinstance(instance, _datetime)

    def __subclasscheck__(cls, other):
        return issubclass(other, _datetime)


class Wrong(_datetime, metaclass=_Kind):
    """What the wrong clock shows."""

    @classmethod
    def now(cls, tz=None):
        return _datetime.fromtimestamp(_wrong(), tz)

    @classmethod
    def utcnow(cls):
        return cls.now(dt.UTC).replace(tzinfo=None)


time.time = _wrong
dt.datetime = Wrong
