"""CSV files of people: from the bytes that a spreadsheet wrote to checked persons, one at a time. Pure.

`read_people` is the way in. `encoding` says what the bytes are, `records` cuts them into rows, `people` gives the
columns their meaning, `formulas` keeps a spreadsheet from running what a cell says. A file that cannot be used raises
`CsvFileError`; a row that cannot be used comes out as a `RowError` and the rest goes on.
"""

from subscribers.csvfile.encoding import CsvFileError
from subscribers.csvfile.formulas import FORMULA_STARTS, guard, unguard
from subscribers.csvfile.people import Person, read_people
from subscribers.csvfile.records import RowError

__all__ = ["FORMULA_STARTS", "CsvFileError", "Person", "RowError", "guard", "read_people", "unguard"]
