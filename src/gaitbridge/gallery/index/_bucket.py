"""Objects of an S3 bucket under one name: written on conditions, read, removed with every version of them.

Credentials, region and endpoint are those that every program of AWS takes: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN or AWS_PROFILE
and its files or a machine's role; AWS_REGION or AWS_DEFAULT_REGION; AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL for a store that is not Amazon's. None of
their values is ever part of a message.

A gallery's writers are told apart by conditional writes alone ("only if there is none", "only if it is still that one"). A store that takes such a
write and ignores its condition would lose what it acknowledged, and say nothing: `Bucket.probe` tries it and refuses.
"""

import os
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from gaitbridge.errors import Busy, StoreError, UserError

PLACE = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*)")
NO_SUCH = ("NoSuchKey", "404", "NotFound")
LOST = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")
DENIED = ("AccessDenied", "403", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken")
UNKNOWN = ("NotImplemented", "501", "MethodNotAllowed", "405", "ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration")
AT_ONCE = 16  # requests
ATTEMPTS = 5  # of a request that got no answer
NEVER = '"00000000000000000000000000000000"'  # the ETag of no object
_sound: set[tuple[str, str]] = set()  # endpoints and buckets that this process has probed


class Lost(Exception):
    """The condition of a write did not hold: somebody else was first."""


class Bucket:
    """The objects whose names begin with a gallery's. Names here are without that beginning."""

    def __init__(self, place: str) -> None:
        found = PLACE.fullmatch(place.rstrip("/"))
        if not found:
            raise UserError(f"{place!r} names no gallery: write it as s3://BUCKET/NAME, the name of letters, digits, _, -, . and /")
        try:
            from botocore.config import Config
        except ImportError as error:
            raise UserError("a gallery on S3 needs its client: pip install 'gaitbridge[s3]'") from error
        self.place, self.bucket, self.prefix = place.rstrip("/"), found[1], f"{found[2]}/"
        with self.clear("reach"):
            self._session = _session()
            self.region = os.environ.get("AWS_REGION") or self._session.region_name or "us-east-1"
            own = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
            config = Config(retries={"mode": "standard", "max_attempts": ATTEMPTS}, connect_timeout=10, max_pool_connections=2 * AT_ONCE,
                            s3={"addressing_style": "path" if own else "auto"}, request_checksum_calculation="when_required",
                            response_checksum_validation="when_required")
            self._client = self._session.client("s3", region_name=self.region, config=config)
            self.endpoint = str(self._client.meta.endpoint_url) if own else ""
            self.versioned = self._versioned()

    def options(self) -> dict[str, str]:
        """What LanceDB is told to reach the same store by the same credentials, as they are now: those of a role end after some hours."""
        with self.clear("reach"):
            found = self._session.get_credentials()
            if found is None:
                raise UserError(f"no credentials for {self.place}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
            frozen = found.get_frozen_credentials()
        said = {"aws_access_key_id": frozen.access_key, "aws_secret_access_key": frozen.secret_key, "aws_session_token": frozen.token or "",
                "aws_region": self.region, "aws_endpoint": self.endpoint, "allow_http": "true" if self.endpoint.startswith("http:") else ""}
        return {name: value for name, value in said.items() if value}

    def address(self, name: str) -> str:
        """Where an object or folder lies, for LanceDB."""
        return f"s3://{self.bucket}/{self.prefix}{name}"

    def get(self, name: str) -> tuple[bytes, str] | None:
        """An object's bytes and ETag, or None."""
        with self.clear("read"):
            try:
                answer = self._client.get_object(Bucket=self.bucket, Key=self.prefix + name)
                return answer["Body"].read(), answer["ETag"]
            except self._client.exceptions.ClientError as error:
                if _code(error) in NO_SUCH:
                    return None
                raise

    def many(self, names: list[str]) -> list[bytes | None]:
        """The bytes of many objects."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return [found and found[0] for found in pool.map(self.get, names)]

    def put(self, name: str, data: bytes) -> None:
        """Write an object, whatever was there; in a bucket that keeps versions the one before goes."""
        with self.clear("write"):
            self._client.put_object(Bucket=self.bucket, Key=self.prefix + name, Body=data)
        self.erase(name, old=True)

    def put_if(self, name: str, data: bytes, etag: str | None = None) -> str:
        """Write an object only if there is none of the name, or only if it is still that of an ETag; its ETag. Lost where the condition did not hold.

        data must be like no other's: an answer that got lost on its way, so that the client asked twice, is told from another writer by it.
        """
        with self.clear("write"):
            try:
                return self._put_if(name, data, etag)
            except self._client.exceptions.ClientError as error:
                if _code(error) not in (*LOST, *NO_SUCH):
                    raise
        found = self.get(name)
        if found is not None and found[0] == data:
            return found[1]
        raise Lost(name)

    def _put_if(self, name: str, data: bytes, etag: str | None) -> str:
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        return str(self._client.put_object(Bucket=self.bucket, Key=self.prefix + name, Body=data, **condition)["ETag"])

    def names(self, within: str = "") -> list[str]:
        """The names of objects, sorted; within: only those that begin so."""
        with self.clear("read"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix + within)
            return sorted(one["Key"].removeprefix(self.prefix) for page in pages for one in page.get("Contents", ()))

    def top(self) -> list[str]:
        """The names at the top, folders with a / behind; of those that were removed, too, while the bucket keeps versions of them."""
        with self.clear("read"):
            kind = "list_object_versions" if self.versioned else "list_objects_v2"
            found: set[str] = set()
            for page in self._client.get_paginator(kind).paginate(Bucket=self.bucket, Prefix=self.prefix, Delimiter="/"):
                found |= {one["Prefix"] for one in page.get("CommonPrefixes", ())}
                found |= {one["Key"] for part in ("Contents", "Versions", "DeleteMarkers") for one in page.get(part, ())}
            return sorted(name.removeprefix(self.prefix) for name in found)

    def copy(self, name: str, to: str) -> None:
        """Give an object a second name."""
        with self.clear("write"):
            self._client.copy_object(Bucket=self.bucket, Key=self.prefix + to, CopySource={"Bucket": self.bucket, "Key": self.prefix + name})

    def erase(self, within: str, old: bool = False) -> None:
        """Remove every object whose name begins so, every version of it, and what was being uploaded for it.

        old: only versions that are not the newest. StoreError where something stays: an object lock, or no right to remove versions.
        """
        with self.clear("remove from"):
            for batch in self._versions(within, old):
                answer = self._client.delete_objects(Bucket=self.bucket, Delete={"Objects": batch, "Quiet": True})
                if failed := answer.get("Errors"):
                    raise self._stays(len(failed), str(failed[0].get("Code", "")))
            if not old:
                self._abort(within)
                if left := sum(map(len, self._versions(within, old))):
                    raise self._stays(left, "they are listed still")

    def _stays(self, count: int, why: str) -> StoreError:
        return StoreError(f"{self.place}: {count} objects cannot be removed ({why}): what was forgotten is in them still; give the right to delete "
                          "objects and their versions (s3:DeleteObject, s3:DeleteObjectVersion), end any lock on them, run `gallery check --purge`")

    def _versions(self, within: str, old: bool) -> Iterator[list[dict[str, str]]]:
        """What is to be removed, up to a thousand at a time."""
        if not self.versioned:
            if not old:
                pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix + within)
                yield from ([{"Key": one["Key"]} for one in page["Contents"]] for page in pages if page.get("Contents"))
            return
        for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=self.prefix + within):
            found = [*(one for one in page.get("Versions", ()) if not (old and one.get("IsLatest"))), *page.get("DeleteMarkers", ())]
            batch = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
            if batch:
                yield batch

    def _abort(self, within: str) -> None:
        """End uploads in parts that nobody finished: their bytes are in no list of objects."""
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=self.prefix + within)
        for one in [one for page in pages for one in page.get("Uploads", ())]:
            with suppress(self._client.exceptions.NoSuchUpload):
                self._client.abort_multipart_upload(Bucket=self.bucket, Key=one["Key"], UploadId=one["UploadId"])

    def _versioned(self) -> bool:
        """Whether the bucket keeps versions; UserError where it keeps them from being removed."""
        try:
            status = self._client.get_bucket_versioning(Bucket=self.bucket).get("Status", "")
        except self._client.exceptions.ClientError as error:
            if _code(error) not in UNKNOWN:
                raise
            return False
        if status not in ("Enabled", "Suspended"):
            return False
        try:
            lock = self._client.get_object_lock_configuration(Bucket=self.bucket).get("ObjectLockConfiguration", {})
        except self._client.exceptions.ClientError as error:
            if _code(error) not in UNKNOWN:
                raise
            lock = {}
        if lock.get("Rule"):
            raise UserError(f"{self.place}: the bucket keeps every version for a time (object lock), so nobody could be forgotten: choose another")
        return True

    def probe(self) -> None:
        """UserError where the store ignores the conditions of writes, or keeps what is removed; what it writes is gone afterwards."""
        if (known := (self.endpoint, self.bucket)) in _sound:
            return
        name = f"probe-{secrets.token_hex(8)}"
        try:
            with ThreadPoolExecutor(4) as pool:
                first = sum(pool.map(self._wins, [name] * 4, range(4)))
            if first == 0:
                raise UserError(f"{self.place}: the store refuses a conditional write (If-None-Match) though nothing is there: choose another")
            if first > 1 or self._wins(name, 4) or self._wins(name, 5, NEVER):
                raise UserError(f"{self.place}: the store ignores the conditions of writes (If-None-Match, If-Match), so of two writers one would be "
                                "lost and nobody told: use one that keeps to them, such as Amazon S3, or a folder")
        finally:
            self.erase(name)
        _sound.add(known)

    def _wins(self, name: str, number: int, etag: str | None = None) -> bool:
        """Whether a conditional write goes through."""
        with self.clear("write"):
            try:
                self._put_if(name, f"{number}".encode(), etag)
            except self._client.exceptions.ClientError as error:
                if _code(error) not in (*LOST, *NO_SUCH):
                    raise
                return False
        return True

    @contextmanager
    def clear(self, doing: str) -> Iterator[None]:
        """Errors of the client and the store as one line, without anything that is secret."""
        from botocore import exceptions

        try:
            yield
        except exceptions.ClientError as error:
            code = _code(error)
            if code in DENIED:
                raise UserError(f"cannot {doing} {self.place}: {code} ({error.operation_name}); are these the right credentials, and may they "
                                "do it?") from error
            if code == "NoSuchBucket":
                raise UserError(f"cannot {doing} {self.place}: there is no such bucket; make it first") from error
            raise Busy(f"cannot {doing} {self.place}: {code} ({error.operation_name}); try again") from error
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.ProfileNotFound) as error:
            raise UserError(f"no credentials for {self.place}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE") from error
        except (exceptions.BotoCoreError, OSError, ValueError) as error:  # ValueError: of an endpoint that is no address
            raise Busy(f"cannot {doing} {self.place}: {type(error).__name__}; is the store up, and its address (AWS_ENDPOINT_URL) right?") from error


@cache
def _loader() -> Any:
    """What reads the client's descriptions of services: some hundred ms, once a process."""
    from botocore.loaders import create_loader

    return create_loader()


def _session() -> Any:
    import boto3
    from botocore.session import Session

    inner = Session()
    inner.register_component("data_loader", _loader())
    return boto3.session.Session(botocore_session=inner)


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
