"""`pressrun import` and `pressrun export` as a person runs them."""

import csv
import json

import pytest

from subscribers.models import List, Subscriber, Suppression

pytestmark = pytest.mark.django_db


@pytest.fixture
def write(tmp_path):
    def written(text):
        path = tmp_path / "people.csv"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return written


def test_as_processes_of_their_own(make_house):
    """Nothing is loaded too early, and nothing but the document is on stdout."""
    house = make_house()
    (house.folder / "people.csv").write_text("email,name\nada@x.test,Ada\n", encoding="utf-8")
    assert house.json("import", "people.csv", "--list", "news", "--create")["added"] == 1
    assert house.run("export", "--list", "news").stdout.splitlines()[1].startswith("ada@x.test,subscribed,Ada,")


def test_the_way_in_and_out_again(pressrun, write, tmp_path):
    path = write("email,name\nada@x.test,Ada\nADA@x.test,\nbo@x.test,=Bo\nnonsense,\n")
    out, err = pressrun("import", path, "--list", "news", "--create", "--errors", "left.csv")
    assert "2  added to the list news (made for it)" in out
    assert "row 5, email: 'nonsense'" in err
    with (tmp_path / "left.csv").open(encoding="utf-8", newline="") as left:
        assert [row[:2] for row in csv.reader(left)] == [["row", "column"], ["5", "email"], ["3", "email"]]
    exported, _ = pressrun("export", "--list", "news")
    assert [(row["email"], row["status"], row["first_name"]) for row in csv.DictReader(exported.splitlines())] == [
        ("ada@x.test", "subscribed", "Ada"),
        ("bo@x.test", "subscribed", "'=Bo"),
    ]


def test_who_did_it_is_on_record(pressrun, write):
    pressrun("import", write("email\nada@x.test\n"), "--list", "news", "--create", "--consent", "the fair")
    person = Subscriber.objects.get()
    assert person.subscriptions.get().changed_by.startswith("command line, ")
    assert (person.consents.get().text, person.consents.get().source) == ("the fair", "import of people.csv")


def test_one_json_document(pressrun, write):
    path = write("email\nada@x.test\nbad\n")
    told = json.loads(pressrun("import", path, "--list", "news", "--create", "--dry-run", "--json")[0])
    assert (told["rows"], told["added"], told["bad"], told["dry_run"]) == (2, 1, 1, True)
    assert told["errors"][0] | {"message": ""} == {"row": 3, "column": "email", "message": ""}
    assert not List.objects.exists()
    pressrun("import", path, "--list", "news", "--create")
    exported, _ = pressrun("export", "--list", "news", "--out", "out.csv", "--json")
    assert json.loads(exported) == {"list": "news", "rows": 1, "file": "out.csv"}


def test_suppressing_and_what_it_does_to_an_import(pressrun, write):
    assert (
        "1  suppressed everywhere (complaint)"
        in pressrun("import", write("email\nada@x.test\n"), "--suppress", "complaint")[0]
    )
    out, _ = pressrun("import", write("email\nada@x.test\nbo@x.test\n"), "--list", "news", "--create")
    assert "1  added, but suppressed" in out


def test_twenty_bad_rows_are_listed_and_all_bad_is_a_failure(pressrun, write):
    _, err = pressrun("import", write("email\n" + "bad\n" * 30), "--list", "news", "--create", status=1)
    assert err.count("row ") == 20
    assert "10 more" in err


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--list", "nowhere"], 1, "--create"),
        (["--list", "news", "--suppress", "manual"], 2, "not allowed with"),
        (["--suppress", "manual", "--consent", "x"], 2, "belong to --list"),
        (["--suppress", " "], 2, "needs a reason"),
        ([], 2, "required"),
        (["--list", "news", "--create", "--errors", "nowhere/left.csv"], 1, "nowhere/left.csv cannot be written"),
    ],
)
def test_wrong_orders_change_nothing(pressrun, write, words, status, says):
    assert says in pressrun("import", write("email\nada@x.test\n"), *words, status=status)[1]
    assert not any(model.objects.exists() for model in (List, Subscriber, Suppression))


@pytest.mark.parametrize(
    ("content", "says"),
    [("PK\x03\x04", "Excel workbook"), ("name\nAda\n", "“email”"), ("email,e-mail\n", "mean the same")],
)
def test_a_file_that_cannot_be_used_is_named(pressrun, write, content, says):
    path = write(content)
    _, err = pressrun("import", path, "--list", "news", "--create", status=1)
    assert path in err
    assert says in err
    assert "Nothing was imported" in err
    assert not List.objects.exists()


def test_a_file_that_is_not_there(pressrun):
    _, err = pressrun("import", "gone.csv", "--list", "news", "--create", status=1)
    assert "gone.csv cannot be read (No such file or directory)" in err


def test_exporting_what_is_not_there(pressrun):
    assert "no list 'nowhere'" in pressrun("export", "--list", "nowhere", status=1)[1]
    assert "--out" in pressrun("export", "--list", "nowhere", "--json", status=2)[1]
