"""OpenDKIM of Debian as a verifier, with keys from a file in place of DNS."""

import re
import subprocess
from pathlib import Path

from postfix import require

from pipeline.delivery.dkim import Key


def opendkim_says(wire: bytes, *keys: Key, folder: Path) -> list[str]:
    """Its result for each signature from the top: pass, fail, permerror …"""
    program = require("opendkim", "opendkim")
    (folder / "keys").write_text("".join(f"{key.place} {key.record()}\n" for key in keys))
    (folder / "conf").write_text(f"Mode v\nTestPublicKeys {folder}/keys\n")
    (folder / "message").write_bytes(wire)
    command = [program, "-vv", "-x", str(folder / "conf"), "-t", str(folder / "message")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return re.findall(r"\sdkim=(\w+)", done.stdout)
