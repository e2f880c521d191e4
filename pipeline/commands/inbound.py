"""Take in bounces and mail to unsubscribe, over SMTP and LMTP."""

import argparse
import asyncio
import signal
from functools import partial


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8025, help="for SMTP (default 8025; 0 takes a free one)")
    parser.add_argument("--lmtp-port", type=int, help="for LMTP as well, from a mail server on this machine")


def run(args: argparse.Namespace) -> int:
    from pipeline.commands import environment

    environment.prepare()
    environment.keep_services()
    from django.db import connections

    from pipeline.feedback.inbound import Endpoint, until_told

    connections.close_all()  # this thread only listens; the others open their own
    endpoints = [Endpoint(args.host, args.port)]
    if args.lmtp_port is not None:
        endpoints.append(Endpoint(args.host, args.lmtp_port, lmtp=True))
    signals = (signal.SIGTERM, signal.SIGINT)
    asyncio.run(until_told(endpoints, signals=signals, ready=partial(print, flush=True)))
    return 0
