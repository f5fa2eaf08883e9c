"""The object store that holds the originals of weights (S3), with its errors sorted by what to do about them."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.storage import storages


class ObjectMissing(LookupError):
    """There is no such object. Asking again will not help."""


class ObjectStoreAway(ConnectionError):
    """The store did not answer or answered by an error of its own. Ask again later."""


def read_object(path: str, most: int) -> bytes:
    """At most `most` + 1 bytes of the object, so that a longer one shows. Raises ObjectMissing and ObjectStoreAway.

    May be called by many threads at once.
    """
    client, bucket = _client()
    try:
        with client.get_object(Bucket=bucket, Key=path)["Body"] as body:
            data: bytes = body.read(most + 1)
            return data
    except ClientError as error:
        raise _sort_error(error, path) from error
    except BotoCoreError as error:
        raise ObjectStoreAway(str(error)) from error


def write_object(path: str, data: bytes) -> None:
    """Raises ObjectStoreAway."""
    client, bucket = _client()
    try:
        client.put_object(Bucket=bucket, Key=path, Body=data, ContentType="application/octet-stream")
    except (ClientError, BotoCoreError) as error:
        raise ObjectStoreAway(str(error)) from error


def _client() -> tuple[Any, str]:
    # S3Storage is untyped
    storage: Any = storages["weights"]
    return _client_of(storage), storage.bucket_name


@cache
def _client_of(storage: Any) -> Any:
    """boto3's client, which threads may share. The storage would make one for each thread."""
    return storage.connection.meta.client


def _sort_error(error: ClientError, path: str) -> Exception:
    if error.response.get("Error", {}).get("Code") in {"NoSuchKey", "404"}:
        return ObjectMissing(path)
    return ObjectStoreAway(str(error))
