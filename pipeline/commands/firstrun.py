"""What the very first start does: someone must be able to sign in."""

from typing import Final

ADMIN: Final = "admin"


def ensure_superuser() -> None:
    """Where there is no user yet, make `admin` with a password that is printed once and must be changed at sign-in.

    Django must be set up. Two first starts at once make one user.
    """
    from django.contrib.auth import get_user_model

    from pipeline.commands.user import UserError, add_user, one_time_password
    from pipeline.staff.roles import ensure_roles

    ensure_roles()
    users = get_user_model().objects
    if users.exists():
        return
    password = one_time_password()
    try:
        add_user(ADMIN, password, email="", superuser=True, editor=False, once=True)
    except UserError:
        if users.filter(username=ADMIN).exists():  # someone was first
            return
        raise
    print(f"First sign-in at /admin/ as {ADMIN} with the password {password} (shown only now; choose your own then)")
