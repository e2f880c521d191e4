"""The root of the errors that are for people.

Every exception class of `pipeline` and `subscribers` carries a text that says what happened, what is safe and what
to do next; the command line and the pages show it as it is. An exception from elsewhere is a defect and keeps its
traceback.
"""


class PressrunError(Exception):
    """Something that a person can mend. `str()` is the whole message."""
