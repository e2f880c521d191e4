"""A whole installation with its pictures in a bucket, as PRESSRUN_STORAGE names it."""

import re
import urllib.error
import urllib.request

import pytest
from bucketserver import BucketServer, bucket_server
from drawings import decoded, drawing, encoded
from house import ISSUE, House, until


@pytest.fixture
def bucket():
    with bucket_server() as server:
        yield server


def storage(bucket: BucketServer) -> str:
    return f"s3://KEY:s3cret@news/city?region=x&endpoint={bucket.address}"


def pictures_check(house: House, *, status: int | None) -> dict[str, str]:
    done = house.run("doctor", "--json", status=status)
    assert "s3cret" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    [found] = [check for check in house.json("doctor", status=None)["checks"] if check["name"] == "pictures"]
    return found


def test_doctor_tries_the_bucket_and_names_what_is_wrong(make_house, bucket):
    house = make_house(STORAGE=storage(bucket), MEDIA_URL="https://cdn.example.org")
    assert pictures_check(house, status=None) == {
        "name": "pictures",
        "verdict": "ok",
        "detail": "kept in the bucket news, fetched from https://cdn.example.org",
    }
    assert bucket.objects == {}
    bucket.trouble = 403
    found = pictures_check(house, status=1)
    assert found["verdict"] == "bad"
    assert "the bucket news does not answer as it should" in found["detail"]


def test_the_pages_hand_out_what_lies_in_a_private_bucket(make_house, bucket):
    house = make_house(STORAGE=storage(bucket), SMTP_URL="smtp://127.0.0.1:1")
    (house.folder / "tower.png").write_bytes(encoded(drawing((1600, 800))))
    house.write_issue(ISSUE + '\n![A tower](tower.png){video="https://example.org/v"}\n')
    house.import_people(["kim@example.com"])
    house.run("send", "issue.md", "--list", "all", "--at", "2036-11-22T09:00+09:00")
    assert sorted(key.split("/")[2] for key in bucket.objects) == ["originals", "pictures"]
    [original, picture] = sorted(key.removeprefix("news/city/") for key in bucket.objects)
    house.start("web", "--port", "0")
    base = until(lambda: re.search(r"Pages on (http://\S+)/ ", house.log("web")), what="the pages")[1]
    assert decoded(fetched(f"{base}/media/{picture}")).size == (1300, 650)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetched(f"{base}/media/{original}")


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read()
