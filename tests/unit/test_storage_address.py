"""Where pictures are kept, as PRESSRUN_STORAGE says it."""

from pathlib import Path

import pytest

from pipeline.storage import storages


def options(address):
    return storages(address)[0]["default"].get("OPTIONS")


def test_a_folder():
    found, folder = storages("/srv/pictures")
    assert folder == Path("/srv/pictures")
    assert found["default"] == {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    assert found["staticfiles"]["BACKEND"].endswith("StaticFilesStorage")


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("s3://news", {"bucket_name": "news", "location": ""}),
        (
            "s3://news/a/b/?region=eu-central-1",
            {"bucket_name": "news", "location": "a/b", "region_name": "eu-central-1"},
        ),
        (
            "s3://KEY:se%2Fcret@news?endpoint=http://127.0.0.1:9000&region=x",
            {
                "bucket_name": "news", "location": "", "endpoint_url": "http://127.0.0.1:9000", "region_name": "x",
                "access_key": "KEY", "secret_key": "se/cret",
            },
        ),
    ],
)  # fmt: skip
def test_a_bucket(address, wanted):
    found, folder = storages(address)
    assert folder is None
    assert found["default"] == {"BACKEND": "pipeline.bucket.Bucket", "OPTIONS": wanted}


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("pictures", "neither a folder"),
        ("gs://bucket", "neither a folder"),
        ("s3://", "no bucket"),
        ("s3:///prefix", "no bucket"),
        ("s3://KEY:HUSH@", "no bucket"),
        ("s3://b?regoin=x", "no setting regoin"),
        ("s3://b?endpoint=HUSH.example", "not an http"),
        ("s3://KEY@b", "a key without a secret"),
        ("s3://:HUSH@b", "a secret without a key"),
    ],
)
def test_a_bad_address_is_refused_without_its_secret(address, said):
    with pytest.raises(ValueError, match=said) as refused:
        storages(address)
    assert "HUSH@" not in str(refused.value)
    assert "KEY" not in str(refused.value)
