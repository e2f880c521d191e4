"""CSV files as spreadsheets, other newsletters' exports and attackers write them."""

import csv
import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.csvfile import CsvFileError, Person, RowError, encoding, guard, people, read_people, records, unguard

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "csv"


def read(content, **options):
    stream = io.BytesIO(content.encode() if isinstance(content, str) else content)
    return list(read_people(stream, **options))


def people_in(content, **options):
    found = read(content, **options)
    assert not [row for row in found if isinstance(row, RowError)]
    return found


def only_error(content):
    (error,) = (row for row in read(content) if isinstance(row, RowError))
    return error


def refusal(content):
    with pytest.raises(CsvFileError) as caught:
        read(content)
    return str(caught.value)


# -- encodings, delimiters, line ends


@pytest.mark.parametrize("name", ["korean-excel-cp949.csv", "korean-utf8-bom.csv"])
def test_korean_excel_in_either_encoding(name):
    minjun, seoyeon = people_in((CORPUS / name).read_bytes())
    assert (minjun.address.email, minjun.first_name, minjun.language) == ("minjun@sample.test", "김민준", "ko")
    assert seoyeon.fields == {"회사": "대전, 유성구"}


def test_unicode_text_from_excel():
    (minjun,) = people_in((CORPUS / "korean-utf16-tabs.csv").read_bytes())
    assert (minjun.first_name, minjun.language, minjun.fields) == ("김민준", "ko", {})


def test_semicolons_with_commas_in_cells():
    (ada,) = people_in((CORPUS / "semicolons.csv").read_bytes())
    assert (ada.address.email, ada.address.key) == ("Ada@sample.test", "ada@sample.test")
    assert (ada.first_name, ada.last_name, ada.fields) == ("Ada", "Byron", {"company": "Analytical, Ltd"})


def test_lines_that_end_in_a_bare_carriage_return():
    assert [p.row for p in people_in((CORPUS / "old-mac.csv").read_bytes())] == [2, 3]


def test_excels_own_delimiter_hint():
    assert [p.first_name for p in people_in("sep=;\nemail;name\na@x.test;Ada\n")] == ["Ada"]


def test_korean_that_begins_after_a_megabyte():
    plain = b"".join(b"person%07d@sample.test,\n" % i for i in range(50_000))
    last = [*read(b"email,name\n" + plain + "last@sample.test,각\n".encode("cp949"))][-1]
    assert last.first_name == "각"


def test_other_encodings_are_refused_with_the_row():
    text = "email,name\na@x.test,Ada\nb@x.test,Zoë Nuñez\n"
    assert "row 3" in refusal(text.encode("latin-1"))


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20), min_size=1),
    st.sampled_from(",;\t"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_csv_writes_comes_back(notes, delimiter, codec, line_end):
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet, delimiter=delimiter, lineterminator=line_end)
    writer.writerow(["email", "note"])
    writer.writerows([f"p{i}@x.test", guard(note)] for i, note in enumerate(notes))
    found = people_in(sheet.getvalue().encode(codec))
    assert [p.fields.get("note", "") for p in found] == [note.strip() for note in notes]


# -- columns


@pytest.mark.parametrize("name", ["email", "E-Mail", " Email Address ", "e_mail", "EMAIL", "이메일", "이메일 주소"])
def test_names_for_the_address(name):
    assert [p.address.email for p in people_in(f"x,{name}\n1,a@x.test\n")] == ["a@x.test"]


def test_a_whole_name_is_kept_whole():
    assert people_in("email,name\na@x.test,Ada Byron King\n")[0].first_name == "Ada Byron King"


def test_a_whole_name_beside_a_first_name_is_a_field():
    (ada,) = people_in("email,name,first_name\na@x.test,Ada Byron,Ada\n")
    assert (ada.first_name, ada.fields) == ("Ada", {"name": "Ada Byron"})


def test_korean_family_and_given_name():
    (kim,) = people_in("이메일,성,이름\na@x.test,김,민준\n")
    assert (kim.last_name, kim.first_name) == ("김", "민준")


def test_other_columns_become_fields_and_blank_ones_do_not():
    (ada,) = people_in("email,Company Name,,City\na@x.test, Engines , 7 ,\n")
    assert ada.fields == {"company_name": "Engines", "column_3": "7"}


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("email,e-mail", "“e-mail”"),
        ("email,first name,Given Name", "“Given Name”"),
        ("email,Job Title,job_title", "“job_title”"),
    ],
)
def test_two_columns_that_mean_the_same(header, named):
    assert named in refusal(f"{header}\n")


def test_a_header_without_addresses_shows_what_it_has():
    message = refusal("name,phone\nAda,1\n")
    assert "“name”, “phone”" in message
    assert "“email”" in message


def test_a_file_without_a_header_is_told_apart():
    assert "names the columns" in refusal("ada@x.test\nbo@x.test\n")


def test_language_tags():
    found = people_in("email,language\na@x.test,KO\nb@x.test,pt_BR\nc@x.test,\n")
    assert [p.language for p in found] == ["KO", "pt-BR", ""]


@pytest.mark.parametrize("status", ["unsubscribed", "Bounced", "구독취소", "unconfirmed"])
def test_whoever_is_not_subscribed_stays_out(status):
    error = only_error(f"email,status\na@x.test,{status}\nb@x.test,subscribed\nc@x.test,\n")
    assert (error.row, error.column) == (2, "status")
    assert len(people_in(f"email,status\na@x.test,{status}\n", whatever_status=True)) == 1


def test_whoever_is_marked_suppressed_stays_out():
    assert only_error("email,suppressed\na@x.test,complaint\nb@x.test,\n").column == "suppressed"


# -- rows


def test_broken_rows_are_named_and_the_rest_is_read():
    found = read((CORPUS / "broken-rows.csv").read_bytes())
    errors = {e.row: e for e in found if isinstance(e, RowError)}
    assert [p.address.local for p in found if isinstance(p, Person)] == ["ada", "eve", "kim"]
    assert {row: e.column for row, e in errors.items()} == {
        3: "email",
        4: "email",
        5: "",
        7: "language",
        8: "",
        10: "language",
        11: "first_name",
        12: "",
        15: "",
    }
    for row, words in {3: "@-sign", 4: "no address", 5: "not closed", 7: "2 cells", 8: "5 cells"}.items():
        assert words in errors[row].message
    for row, words in {10: "Klingon!", 11: "U+0000", 12: "after a closing", 15: "not closed"}.items():
        assert words in errors[row].message


def test_a_broken_quote_costs_one_row():
    found = read('email,name\na@x.test,"Ada\nb@x.test,Bo\nc@x.test,"Cleo"\nd@x.test,Dora\n')
    assert [(type(r), r.row) for r in found] == [(RowError, 2), (Person, 3), (Person, 4), (Person, 5)]


def test_hostile_cells_are_only_text():
    ada, bo, cleo = people_in((CORPUS / "hostile-cells.csv").read_bytes())
    assert ada.first_name.startswith("=HYPERLINK")
    assert bo.first_name == "Bo Bcc: eve@sample.test"
    assert bo.fields["note"] == "{{ settings.SECRET_KEY }}"
    assert cleo.fields["note"] == "\\N"


def test_blank_lines_and_cells_after_the_last_column_do_no_harm():
    assert [p.row for p in people_in("\n\nemail,name\n\na@x.test,Ada,,,\n,,,\n\nb@x.test,Bo\n")] == [5, 8]


def test_a_header_alone_has_nobody():
    assert read("email,name\n") == []


# -- limits, and files that are something else


@pytest.mark.parametrize(
    ("content", "looks"),
    [
        (b"", "empty"),
        (b"PK\x03\x04" + bytes(60), "Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old kind"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b'{"email": "a@x.test"}', "JSON"),
        (b'\xef\xbb\xbf [{"email": 1}]', "JSON"),
        (b"<!doctype html><table>", "HTML"),
        (bytes(range(32)) * 10, "binary"),
    ],
)
def test_a_csv_that_is_not_one(content, looks):
    assert looks in refusal(content)


def test_a_file_beyond_the_size_is_not_even_read():
    class Sparse(io.BytesIO):
        def seek(self, offset, whence=0):
            return 10_000_000_000 if whence == io.SEEK_END else super().seek(offset, whence)

        def read(self, *_):
            raise AssertionError("read")

    with pytest.raises(CsvFileError, match="10,000,000,000"):
        next(read_people(Sparse()))


def test_too_many_rows(monkeypatch):
    monkeypatch.setattr(people, "MAX_ROWS", 3)
    assert len(read("email\n" + "a@x.test\n" * 3)) == 3
    assert "more than 3 rows" in refusal("email\n" + "a@x.test\n" * 4)


def test_too_many_columns():
    assert "201 columns" in refusal(",".join(["email", *map(str, range(200))]))


def test_too_long_a_cell_is_named():
    error = only_error(f"email,name,note\na@x.test,Ada,{'x' * 10_001}\nb@x.test,Bo,{'x' * 10_000}\n")
    assert (error.row, error.column) == (2, "note")


def test_a_name_longer_than_the_table_holds():
    assert only_error(f"email,name\na@x.test,{'x' * 201}\n").column == "name"


def test_a_line_without_end_costs_one_row():
    found = read(f"email,note\na@x.test,{'x' * 3_000_000}\nb@x.test,\n")
    assert [(type(r), r.row) for r in found] == [(RowError, 2), (Person, 3)]
    assert "100,000 characters" in found[0].message


def test_a_quote_that_swallows_the_file_costs_one_row():
    rest = "".join(f"person{i}@x.test,\n" for i in range(20_000))
    found = read(f'email,note\na@x.test,"\n{rest}')
    assert isinstance(found[0], RowError)
    assert len(found) == 20_001


def test_a_billion_quotes_end_soon():
    assert "quotation marks" in refusal("email,b\n" + 'a",b,"\n' * 100_000)
    assert len(read("email\n" + '"' * 50_001)) == 1


def test_memory_does_not_grow_with_the_file():
    content = io.BytesIO(b"email,note\n" + b"".join(b"person%07d@x.test,note\n" % i for i in range(100_000)))
    tracemalloc.start()
    count = sum(1 for _ in read_people(content))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 100_000
    assert peak < 8 * encoding._CHUNK


@given(
    st.binary(max_size=300) | st.text(max_size=300).map(lambda text: ("email,name\n" + text).encode("utf-8", "replace"))
)
def test_nothing_crashes_it(content):
    try:
        found = read(content)
    except CsvFileError:
        return
    rows = [row.row for row in found]
    assert rows == sorted(set(rows))
    for row in found:
        if isinstance(row, Person):
            assert not set("\0\r\n") & set(row.first_name + row.address.email)


# -- formulas


@pytest.mark.parametrize("cell", ["=1+1", "+82 10", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_formulas_become_text_and_come_back(cell):
    assert guard(cell) == f"'{cell}"
    assert unguard(guard(cell)) == cell


@given(st.text())
def test_guarding_is_lossless_and_leaves_no_formula(cell):
    assert not guard(cell).startswith(tuple("=+-@\t\r"))
    if not cell.startswith("'"):
        assert unguard(guard(cell)) == cell


def test_a_real_apostrophe_stays():
    assert [unguard(cell) for cell in ("'s-Gravenhage", "'", "''=")] == ["'s-Gravenhage", "'", "''="]


def test_the_row_limit_stays_below_the_csv_modules_own():
    assert csv.field_size_limit() > records.MAX_ROW
