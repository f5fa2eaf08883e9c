from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.flows.product import Product, StaffClient

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "a-long-enough-password"


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """One running product for all flow tests that do not break it."""
    running = Product()
    try:
        running.start("--seed", "none")
        yield running
    finally:
        running.remove()


@pytest.fixture(scope="session")
def supervisor(product: Product) -> StaffClient:
    email = "flow-supervisor@anbu.example"
    product.manage(
        "create_staff", email, "--full-name", "박지현", "--role", "supervisor", "--password-stdin", stdin=PASSWORD
    )
    client = StaffClient(product)
    client.login(email, PASSWORD)
    return client
