"""The real Valkey and the real bucket, empty before each test that asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from django.conf import settings
from django.core.files.storage import storages
from redis import Redis

from .backend_double import BackendDouble, serve_backend

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def redis() -> Iterator[Redis]:
    client = Redis.from_url(settings.REDIS_URL)
    client.flushdb()
    yield client
    client.close()


@pytest.fixture
def bucket() -> Any:
    """boto3's bucket of the weights."""
    storage: Any = storages["weights"]
    try:
        storage.connection.meta.client.head_bucket(Bucket=storage.bucket_name)
    except ClientError:
        storage.bucket.create()
    return storage.bucket


@pytest.fixture
def backend() -> Iterator[BackendDouble]:
    with serve_backend() as double:
        yield double
