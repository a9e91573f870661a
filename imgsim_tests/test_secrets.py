import pickle

import pytest

from imgsim_assets.errors import UserError, said_by
from imgsim_assets.secrets import masked, masked_as_in
from imgsim_assets.world import world_fault

SECRET = "s3cretpw"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://ann:s3cretpw@127.0.0.1:9/", "http://***@127.0.0.1:9/"),
        ("at https://s3cretpw@host/a?b=1 now", "at https://***@host/a?b=1 now"),
        ("postgresql+psycopg2://ann:a/s3cretpw@db:5432/x", "postgresql+psycopg2://***@db:5432/x"),
        ("http://ann:p@s3cretpw@host/", "http://***@host/"),
        ("'http://:s3cretpw@host'", "'http://***@host'"),
        ("http://host/x?token=s3cretpw&run=1", "http://host/x?token=***&run=1"),
        ("url: /x?a=1&X-Amz-Signature=s3cretpw", "url: /x?a=1&X-Amz-Signature=***"),
        ("host=db password=s3cretpw user=ann", "host=db password=*** user=ann"),
        ("AWS_SECRET_ACCESS_KEY=s3cretpw", "AWS_SECRET_ACCESS_KEY=***"),
        ("{'Authorization': 'Basic s3cretpw'}", "{'Authorization': 'Basic ***'}"),
        ("at http://host/x?key=s3cretpw&run=1", "at http://host/x?key=***&run=1"),
        ("url: /x?run=1&auth=s3cretpw", "url: /x?run=1&auth=***"),
        ('{"run": 1, "access_token": "s3cretpw"}', '{"run": 1, "access_token": "***"}'),
        ("{'X-Api-Key': 's3cretpw', 'Accept': '*/*'}", "{'X-Api-Key': '***', 'Accept': '*/*'}"),
        ("with hf_s3cretpwAB as token", "with hf_*** as token"),
    ],
)
def test_secrets_are_masked_and_the_rest_stays(text: str, shown: str):
    assert masked(text) == shown
    assert masked(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:9/api/2.0/mlflow/runs?max=1",
        "http://127.0.0.1:5000/models/a@champion",
        "models:/imgsim@champion",
        "hf:facebook/dinov2-small@main",
        "sqlite:////tmp/a b/mlflow.db",
        "file:///home/ann/photos",
        "mail ann@example.org: expected token = 3; to mend: run it",
        "a monkey=3, keyword=4",
        "sort by key=name; {'token_count': 3, 'key': 'name'}",
    ],
)
def test_what_is_no_secret_is_shown(text: str):
    assert masked(text) == text


def test_secrets_of_the_environment_are_masked_wherever_they_stand(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", SECRET)
    monkeypatch.setenv("HF_TOKEN", "another-one")
    monkeypatch.setenv("SOME_TOKEN", "abc")  # too short: it would mask half of every sentence
    assert masked(f"refused {SECRET}, then another-one: abc") == "refused ***, then ***: abc"


@pytest.mark.parametrize(
    "address", ["odd://ann:s3cretpw@host", "odd://s3cretpw@host/a", "http://ann:s3%63retpw@host/?a=b@c"]
)
def test_the_password_of_an_address_is_masked_wherever_it_is_said_again(address: str):
    assert masked_as_in("put-secret ann s3cretpw@host-token", address) == "put-secret ann ***@host-token"
    assert masked_as_in("said by ann", "odd://ann:secret@host") == "said by ann"
    assert masked_as_in("a plain host", "http://plain/x@host") == "a plain host"


@pytest.mark.parametrize("length", range(255, 285, 3))
def test_what_is_cut_is_masked_before(length: int):
    words = f"[Errno 5] {'x' * length} http://ann:{SECRET}@host/"
    for said in (said_by(ValueError(words)), str(world_fault(words))):
        assert "x" * 200 in said
        assert SECRET[:3] not in said


def test_no_error_of_ours_holds_a_secret():
    error = UserError("the store at http://ann:s3cretpw@host/", "no answer of http://ann:s3cretpw@host/x", "start it")
    for one in (error, pickle.loads(pickle.dumps(error))):
        assert SECRET not in f"{one!r} {one} {one.args} {vars(one)}"
        assert "http://***@host/x" in str(one)
