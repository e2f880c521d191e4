"""Keeps tokens out of the logs: who reads a log may not leave for somebody else."""

import logging
import re
from typing import Final

_TOKEN: Final = re.compile(r"(/(?:u|v|hooks/feedback/[^\s/?#'\"]+|c/[^\s/?#'\"]+)/)[^\s/?#'\"]+")


class WithoutTokens(logging.Filter):
    """Writes `/u/…`, `/c/KEY/…`, `/hooks/feedback/NAME/…` for the path of a page behind a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _TOKEN.sub(r"\1…", record.getMessage()), None
        return True
