"""A gallery in a bucket: of several writers nothing is lost, nobody's bytes stay in any object or version, unsafe stores are refused."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import numpy as np
import pytest
from gallery_people import embeddings, make, walks

import gaitbridge.gallery.index.s3 as in_bucket
from gaitbridge.errors import Busy, StoreError, UserError
from gaitbridge.gallery import audit
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.gallery.index import _head
from gaitbridge.gallery.index.s3 import S3Index
from gaitbridge.gallery.templates import Where, vectors_of

NAME = "Zoë Ångström-Łukasz"


def everything(place: str) -> Iterator[tuple[str, bytes]]:
    """The name and bytes of every object and version of a bucket, and the parts of uploads that were not finished."""
    client, bucket = boto3.client("s3"), place.removeprefix("s3://").partition("/")[0]
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for one in page.get("Versions", ()):
            yield one["Key"], client.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
        yield from ((one["Key"], b"") for one in page.get("DeleteMarkers", ()))
    for one in client.list_multipart_uploads(Bucket=bucket).get("Uploads", ()):
        yield f"{one['Key']} unfinished", b"\n".join(part["ETag"].encode() for part in client.list_parts(
            Bucket=bucket, Key=one["Key"], UploadId=one["UploadId"]).get("Parts", ()))


def traces(place: str, vectors: np.ndarray, name: str = NAME) -> list[str]:
    """Objects that hold a name, or a quarter of any of the vectors."""
    pieces = [piece.astype("<f4").tobytes() for vector in vectors for piece in np.split(vector, 4)]
    needles = [name.encode(), json.dumps(name)[1:-1].encode(), *pieces]
    return [key for key, data in everything(place) if any(needle in data or needle in key.encode() for needle in needles)]


@pytest.mark.parametrize("versions", ["none", "Suspended"])
def test_forgotten_means_gone_from_every_object_and_version(s3: str, versions: str) -> None:
    client, bucket = boto3.client("s3"), s3.removeprefix("s3://")
    if versions != "none":  # it is suspended later: what was kept until then stays
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    place, others = f"{s3}/known", [f"p{number}" for number in range(20)]
    gallery = make(place)
    gallery.enrol(embeddings([*others, NAME, NAME]), walks([*others, NAME, NAME]))
    gallery.enrol(embeddings([NAME], seed=3), walks([NAME], tag="later"))
    gallery.drop(gallery.person(NAME)[0].id, NAME)  # its vector is kept, so that this can be undone
    gallery.rename_person("p3", "p3x")
    gallery.undo(gallery.changes("p3x")[0].id)
    if versions != "none":
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
        gallery = Gallery(place)
    upload = client.create_multipart_upload(Bucket=bucket, Key=f"known/{index_of(gallery).generation}/templates.lance/data/left.lance")
    client.upload_part(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"], PartNumber=1, Body=NAME.encode())
    vectors = np.concatenate([vectors_of(embeddings([*others, NAME, NAME]))[-2:], vectors_of(embeddings([NAME], seed=3))])
    assert len(traces(place, vectors)) >= 2  # the test can fail: table and undo have them
    gallery.forget(NAME)
    assert traces(place, vectors) == []
    assert [name for name, _ in everything(place) if "unfinished" in name] == []
    assert len({name.split("/")[1] for name, _ in everything(place) if "/g-" in name}) == 1  # of one generation alone
    assert set(Gallery(place).people()) == set(others)
    assert audit.read(gallery.index)[0][-1]["command"] == "forget"


def index_of(gallery: Gallery) -> S3Index:
    assert isinstance(gallery.index, S3Index)
    return gallery.index


def test_of_several_writers_nothing_is_lost(s3: str) -> None:
    """Three that enrol, two of them the same people, while one forgets and another asks: each an opened gallery of its own, as in processes."""
    place, rounds = f"{s3}/known", 3
    make(place).enrol(embeddings(["first"]), walks(["first"]))
    seen: list[int] = []

    def enrol(number: int) -> int:
        own, added = Gallery(place), 0
        for turn in range(rounds):
            person = f"p{turn}" if number < 2 else f"w{number}-{turn}"
            added += sum(own.enrol(embeddings([person] * 2), walks([person] * 2)).added.values())
        return added

    def forget(_: int) -> int:
        own = Gallery(place)
        for turn in range(2):
            own.enrol(embeddings([f"guest {turn}"]), walks([f"guest {turn}"]))
            own.forget(f"guest {turn}")
            seen.append(own.index.count(Where()))
        return 0

    def ask(_: int) -> int:
        own = Gallery(place)
        for _turn in range(6):
            assert own.search(embeddings(["first"], seed=1))[0][0].person == "first"
        return 0

    with ThreadPoolExecutor(5) as pool:
        jobs = [pool.submit(enrol, number) for number in range(3)] + [pool.submit(forget, 0), pool.submit(ask, 0)]
        added = sum(job.result() for job in jobs)
    people = Gallery(place).people()
    assert set(people) == {"first"} | {f"p{turn}" for turn in range(rounds)} | {f"w2-{turn}" for turn in range(rounds)}
    assert added == 2 * rounds * 2  # the same people, asked for by two at one time, are added once
    assert all(len(rows) == 2 for name, rows in people.items() if name != "first")
    assert len({row.person_id for rows in people.values() for row in rows}) == len(people)
    assert seen
    lines, broken = audit.read(Gallery(place).index)
    assert (sum(line["command"] == "enrol" for line in lines), broken) == (1 + 2 * rounds + 2, 0)


@pytest.mark.parametrize("header", ["none", "match"])
def test_a_store_that_ignores_conditions_is_refused(s3: str, header: str) -> None:
    bucket = f"ignores-{header}-{time.time_ns()}"
    client = boto3.client("s3")
    client.create_bucket(Bucket=bucket)
    with pytest.raises(UserError, match=r"ignores the conditions of writes .* one would be lost and nobody told"):
        make(f"s3://{bucket}/known")
    assert list(everything(f"s3://{bucket}")) == []  # and nothing stays of the trial
    client.put_object(Bucket=bucket, Key="known/gallery.json", Body=client.get_object(
        Bucket=s3.removeprefix("s3://"), Key="known/gallery.json")["Body"].read() if make(f"{s3}/known") else b"")
    with pytest.raises(UserError, match="ignores the conditions"):  # one that was copied there
        Gallery(f"s3://{bucket}/known")


def test_a_bucket_that_keeps_what_is_removed_is_refused(s3: str) -> None:
    client, bucket = boto3.client("s3"), f"locked-{time.time_ns()}"
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    client.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={
        "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}})
    with pytest.raises(UserError, match=r"keeps every version for a time \(object lock\), so nobody could be forgotten"):
        make(f"s3://{bucket}/known")


def test_a_writer_taken_for_dead_changes_nothing(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It slept in the middle of its enrolment; another took over. When it wakes, it is told; what it wrote is in no answer and no object."""
    monkeypatch.setattr(_head, "BEAT_S", 1000.0)
    place = f"{s3}/known"
    slow, other = make(place), Gallery(place)
    slow.enrol(embeddings(["first"]), walks(["first"]))
    asleep, awake, table = threading.Event(), threading.Event(), in_bucket.as_table

    def sleeping(*given: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            asleep.set()
            awake.wait(60)
        return table(*given)

    monkeypatch.setattr(in_bucket, "as_table", sleeping)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(slow.enrol, embeddings([NAME]), walks([NAME]))
        assert asleep.wait(60)
        monkeypatch.setattr(_head, "DEAD_S", 0.5)
        assert other.enrol(embeddings(["second"]), walks(["second"])).added == {"second": 1}
        awake.set()
        with pytest.raises(Busy, match="took this one for dead, and took over"):
            job.result()
    assert set(Gallery(place).people()) == {"first", "second"}
    assert traces(place, vectors_of(embeddings([NAME]))) == []
    assert slow.enrol(embeddings(["third"]), walks(["third"])).added == {"third": 1}
    assert set(other.people()) == {"first", "second", "third"}


def test_of_a_killed_writer_nothing_stays(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It had the turn, and had written a file that no version of the table knows."""
    monkeypatch.setattr(_head, "BEAT_S", 0.2)
    place = f"{s3}/known"
    gallery = make(place)
    gallery.enrol(embeddings(["first"]), walks(["first"]))
    killed = index_of(Gallery(place))
    killed.head.take()
    assert not Gallery(place).index.interrupted()  # its beat is seen
    killed.bucket.put(f"{killed.generation}/templates.lance/data/left.lance", NAME.encode())
    killed.bucket.put("g-0123456789abcdef/left.lance", NAME.encode())
    killed.head._stop.set()
    assert gallery.check()["interrupted"]
    monkeypatch.setattr(_head, "DEAD_S", 0.5)
    gallery.enrol(embeddings(["second"]), walks(["second"]))
    assert traces(place, np.zeros((0, 4))) == []
    assert not gallery.check()["interrupted"]
    assert set(gallery.people()) == {"first", "second"}


def test_an_enrolment_that_failed_leaves_nothing(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table has them already; then the store does not answer for a moment: they are taken out again, for nobody would ask to forget them."""
    place = f"{s3}/known"
    gallery = make(place)
    gallery.enrol(embeddings(["first"]), walks(["first"]))
    head, check = index_of(gallery).head, index_of(gallery).head.check
    failing = iter([Busy("the network is gone")])

    def flaky() -> None:
        if error := next(failing, None):
            raise error
        check()

    monkeypatch.setattr(head, "check", flaky)
    with pytest.raises(Busy, match="the network is gone"):
        gallery.enrol(embeddings([NAME]), walks([NAME]))
    assert traces(place, vectors_of(embeddings([NAME]))) == []
    assert set(gallery.people()) == {"first"}


def test_a_reader_is_not_disturbed_by_forgetting(s3: str) -> None:
    place = f"{s3}/known"
    reader, other = make(place), Gallery(place)
    names = [f"p{number}" for number in range(12)]
    reader.enrol(embeddings(names), walks(names))
    for name in names[:3]:
        assert reader.search(embeddings(["p11"], seed=2))[0][0].person == "p11"
        assert next(iter(reader.index.blocks(Where())))
        other.forget(name)
        assert len(reader.index.rows(Where())) == reader.index.count(Where())  # of a table that is gone: the new one is asked
    assert set(reader.people()) == set(names[3:])


def test_many_lines_of_the_log_are_joined(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_bucket, "MOST_LINES", 5)
    gallery = make(f"{s3}/known")
    for number in range(8):
        gallery.index.log(f"line {number}")
    before = gallery.index.log_lines()
    gallery.index.tidy()
    assert gallery.index.log_lines() == before
    assert len(index_of(gallery).bucket.names("audit/")) == 1
    gallery.index.log("later")
    gallery.index.tidy()
    assert gallery.index.log_lines() == [*before, "later"]


def test_what_is_wrong_is_said_in_a_line_without_secrets(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("s3://x", "s3://Bucket/x", "s3://bucket/", "s3://bucket/a/../b"):
        with pytest.raises(UserError, match="names no gallery: write it as s3://BUCKET/NAME"):
            Gallery(place)
    with pytest.raises(StoreError, match="does not exist: make one with"):
        Gallery(f"{s3}/nothing")
    with pytest.raises(UserError, match="there is no such bucket"):
        make("s3://no-such-bucket-here/known")
    boto3.client("s3").put_object(Bucket=s3.removeprefix("s3://"), Key="films/one.mp4", Body=b"x")
    with pytest.raises(UserError, match=r"has other objects \(one.mp4\)"):
        make(f"{s3}/films")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://somebody:a-secret-of-the-tests@127.0.0.1:1")
    monkeypatch.setattr("gaitbridge.gallery.index._bucket.ATTEMPTS", 1)
    with pytest.raises(Busy, match="is the store up") as said:
        Gallery(f"{s3}/known")
    assert "secret" not in str(said.value)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(UserError, match="no credentials for"):
        Gallery(f"{s3}/known")
