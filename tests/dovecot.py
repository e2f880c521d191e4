"""A real Dovecot in a folder of its own, as an unprivileged user: IMAP and POP3 on loopback, encrypted."""

import grp
import hmac
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from house import until
from imapclient import RECENT, IMAPClient
from postfix import require

PASSWORD = 'correct "horse" 말'
USERS = 200
CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap pop3
listen = 127.0.0.1
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop}
  }}
  inet_listener pop3s {{
    port = {pops}
  }}
}}
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = scheme=plain {folder}/users
  mechanisms = plain login
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
first_valid_uid = 1
first_valid_gid = 0
mail_location = maildir:{folder}/mail/%u
mail_fsync = never
{more}
"""

OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = sub
"""
_TOKEN_KEY = b"a key for tests, forty characters long.."


class Dovecot:
    """For `with`. `certificate` and `key` are files; `more` are lines of configuration."""

    def __init__(self, certificate: Path, key: Path, *, more: str = "") -> None:
        self.certificate = certificate
        self._program = require("dovecot", "dovecot-imapd and dovecot-pop3d")
        self.folder = Path(tempfile.mkdtemp(prefix="pressrun-dovecot-"))
        self.ports = {name: _free_port() for name in ("imap", "imaps", "pop", "pops")}
        is_root = os.geteuid() == 0  # whose mail Dovecot never reads
        who = pwd.getpwnam("dovecot") if is_root else pwd.getpwuid(os.geteuid())
        self._as: dict[str, Any] = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []} if is_root else {}
        files = {"certificate": self.folder / "certificate.pem", "key": self.folder / "key.pem"}
        shutil.copy(certificate, files["certificate"])
        shutil.copy(key, files["key"])
        users = (f"user{number}:{{PLAIN}}{PASSWORD}\n" for number in range(USERS))
        (self.folder / "users").write_text("".join(users), encoding="utf-8")
        self._numbers = iter(range(USERS))
        (self.folder / "oauth2.conf").write_text(OAUTH2.format(folder=self.folder))
        key_file = self.folder / "keys" / "default" / "HS256" / "default"
        key_file.parent.mkdir(parents=True)
        key_file.write_bytes(b64encode(_TOKEN_KEY))
        owner = {"uid": who.pw_uid, "gid": who.pw_gid, "user": who.pw_name, "group": grp.getgrgid(who.pw_gid).gr_name}
        (self.folder / "dovecot.conf").write_text(
            CONFIG.format(**self.ports, **files, **owner, folder=self.folder, more=more)
        )
        for path in (self.folder, *self.folder.rglob("*")) if is_root else ():
            os.chown(path, who.pw_uid, who.pw_gid)

    def __enter__(self) -> Self:
        with (self.folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [self._program, "-F", "-c", str(self.folder / "dovecot.conf")], stdout=output, stderr=output, **self._as
            )
        until(self._answers, seconds=30, what=f"Dovecot in {self.folder}")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)
        shutil.rmtree(self.folder)

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.folder / "output").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.ports["imaps"]), 1).close()
        except OSError:
            return False
        return True

    def account(self) -> "Account":
        """A user nobody has used yet, with an empty mailbox."""
        return Account(self, f"user{next(self._numbers)}")

    def log(self) -> str:
        return (self.folder / "log").read_text()


class Account:
    """What a person sees of their mailbox, with their mail program."""

    def __init__(self, server: Dovecot, user: str) -> None:
        self.server, self.user = server, user

    @contextmanager
    def client(self, folder: str = "INBOX") -> Iterator[IMAPClient]:
        with IMAPClient("127.0.0.1", self.server.ports["imap"], ssl=False, timeout=20) as client:
            client.plain_login(self.user, PASSWORD)
            if not client.folder_exists(folder):
                client.create_folder(folder)
            client.select_folder(folder)
            yield client

    def token(self, *, seconds: int = 600) -> str:
        """An access token, as the server's operator gives it out (RFC 7519); with a negative number it is over."""
        now = int(time.time())
        parts = {"alg": "HS256", "typ": "JWT"}, {"sub": self.user, "iat": now - 1000, "exp": now + seconds}
        signed = b".".join(_base64url(json.dumps(part).encode()) for part in parts)
        return (signed + b"." + _base64url(hmac.digest(_TOKEN_KEY, signed, "sha256"))).decode()

    def put(self, *messages: bytes, folder: str = "INBOX") -> None:
        """Messages arrive."""
        with self.client(folder) as client:
            for message in messages:
                client.append(folder, message)

    def flags(self, folder: str = "INBOX") -> list[list[str]]:
        """Those of each message, in order."""
        with self.client(folder) as client:
            found = client.get_flags(client.search())
        return [sorted(flag.decode() for flag in flags if flag != RECENT) for flags in found.values()]


def _base64url(octets: bytes) -> bytes:
    return urlsafe_b64encode(octets).rstrip(b"=")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
