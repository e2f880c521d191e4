"""Starting a keeper: detached from whoever starts it, and never as root."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

from pipeline.embedded.home import EmbeddedError, Home, mark, open_log
from pipeline.embedded.process import last_words
from pipeline.embedded.servers import find_binaries

OVERFLOW_ID = 65534  # in a user namespace every foreign file seems to have this owner (user_namespaces(7))
ACCOUNTS = ("postgres", "daemon", "bin")  # whom the servers run as when root starts them: the first that exists
PASSED_ON = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")


def launch(home: Home, lock: int) -> None:
    """Start a keeper and hand it `lock`, a descriptor that holds `keeper.lock`.

    Returns when the keeper is on its own, before the services answer. Raises EmbeddedError.
    """
    find_binaries()  # what is missing is said here, at once
    mark(home.unready)
    home.failure.unlink(missing_ok=True)
    arguments = ["-P", "-m", "pipeline.embedded", str(home.root), "--lock", str(lock)]
    command = [*_as_owner(home), sys.executable, *arguments]
    with open_log(home.keeper_log) as output:
        done = subprocess.Popen(  # noqa: S603  # our own command line
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_environment(),
            pass_fds=(lock,),
            start_new_session=True,
        ).wait()
    if done:
        raise EmbeddedError(
            f"The keeper of the embedded services could not be started ({' '.join(command)}). Run Pressrun as "
            "an ordinary user, or set PRESSRUN_DATABASE_URL and PRESSRUN_BROKER_URL. "
            f"The last words, from {home.keeper_log}:\n{last_words(home.keeper_log)}"
        )


def _environment() -> dict[str, str]:
    """No secrets: the keeper outlives the command that starts it."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    ours = str(Path(__file__).parents[2])
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, (ours, kept.get("PYTHONPATH"))))}


def _as_owner(home: Home) -> list[str]:
    """The command prefix by which root runs the keeper as the owner of its files; PostgreSQL refuses root.

    Files of root: in a user namespace where root has another number and no power. Where that is forbidden
    (containers), the files are given to an account without power.
    """
    if os.geteuid():
        return []
    owner = home.services.stat()
    if owner.st_uid:
        return _setpriv(owner.st_uid, owner.st_gid)
    account = _account()
    unshare = ["unshare", "--user", f"--map-user={account.pw_uid}", f"--map-group={account.pw_gid}", "--"]
    if _works(unshare):
        return unshare
    for folder in (home.services, home.log):
        for path in (folder, *folder.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    return _setpriv(account.pw_uid, account.pw_gid)


def _setpriv(uid: int, gid: int) -> list[str]:
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--"]


def _works(prefix: list[str]) -> bool:
    try:
        return subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode == 0  # noqa: S603
    except FileNotFoundError:
        return False


def _account() -> pwd.struct_passwd:
    for name in ACCOUNTS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid not in (0, OVERFLOW_ID):
            return found
    raise EmbeddedError(
        "PostgreSQL does not run as root, and there is no account to run it as. Run Pressrun as an ordinary "
        f"user, add an account named {ACCOUNTS[0]}, or set PRESSRUN_DATABASE_URL and PRESSRUN_BROKER_URL."
    )
