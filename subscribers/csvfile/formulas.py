"""Formula injection: a cell that a spreadsheet would run, made text by an apostrophe, and back."""

from typing import Final

FORMULA_STARTS: Final = "=+-@\t\r"
"""What makes a cell a formula in Excel, LibreOffice or Google Sheets when a CSV is opened (OWASP)."""


def guard(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would run."""
    return f"'{cell}" if cell.startswith(tuple(FORMULA_STARTS)) else cell


def unguard(cell: str) -> str:
    """Take the apostrophe of `guard` off again, so that an export can come back."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] and cell[1] in FORMULA_STARTS else cell
