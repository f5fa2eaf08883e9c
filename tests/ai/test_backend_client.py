from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ai.backend_client import BackendClient, BackendError

if TYPE_CHECKING:
    from .backend_double import BackendDouble


def test_the_key_goes_with_every_call(backend: BackendDouble) -> None:
    backend.client().report_risks([{"senior_id": 1}])
    assert backend.keys == {"Api-Key svc_key.secret"}


def test_thousands_of_risks_go_in_calls_of_a_thousand(backend: BackendDouble) -> None:
    backend.client().report_risks([{"senior_id": number} for number in range(2500)])
    assert [len(body["risks"]) for _, body in backend.calls] == [1000, 1000, 500]


def test_no_risks_make_no_call(backend: BackendDouble) -> None:
    backend.client().report_risks([])
    assert backend.calls == []


@pytest.mark.parametrize(
    ("status", "again"), [(400, False), (401, False), (403, False), (422, False), (429, True), (500, True), (503, True)]
)
def test_an_error_says_whether_to_try_again(backend: BackendDouble, status: int, again: bool) -> None:
    backend.answer = (status, b'{"code": "because"}')
    with pytest.raises(BackendError) as error:
        backend.client().register_weights({})
    assert (error.value.again, error.value.status, error.value.code) == (again, status, "because")


@pytest.mark.parametrize("text", [b"", b"<html>", b"[]"])
def test_nonsense_from_a_proxy_is_worth_another_try(backend: BackendDouble, text: bytes) -> None:
    backend.answer = (200, text)
    with pytest.raises(BackendError) as error:
        backend.client().register_weights({})
    assert error.value.again


def test_a_backend_that_is_away_is_worth_another_try() -> None:
    with pytest.raises(BackendError) as error:
        BackendClient("http://127.0.0.1:1", "key", timeout=1).report_risks([{}])
    assert error.value.again
