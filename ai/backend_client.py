"""The worker's side of the backend's HTTP interface. Standard library alone; every call has a time-out."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 5.0
RISKS_A_CALL = 1000


class BackendError(Exception):
    """`again` says whether the same call may succeed later."""

    def __init__(self, detail: str, *, again: bool, status: int | None = None, code: str = "") -> None:
        super().__init__(detail)
        self.again = again
        self.status = status
        self.code = code


class BackendClient:
    def __init__(self, base_url: str, key: str, timeout: float = TIMEOUT_SECONDS) -> None:
        self._url = urlsplit(base_url)
        self._key = key
        self._timeout = timeout

    def report_risks(self, risks: list[dict[str, Any]]) -> None:
        """Reports in calls of a thousand. Raises BackendError; what was reported before it stands."""
        for start in range(0, len(risks), RISKS_A_CALL):
            self._call("POST", "/api/v1/ai/risk", {"risks": risks[start : start + RISKS_A_CALL]})

    def register_weights(self, application: dict[str, Any]) -> dict[str, Any]:
        """Applies for registration; the answer has `weight_id`, `version`, `status`, `reason`. Raises BackendError."""
        return self._call("POST", "/api/v1/ai/weights", application)

    def report_training(self, run_id: int, results: list[dict[str, Any]]) -> None:
        """Says how far seniors of a training run are. Raises BackendError."""
        self._call("POST", f"/api/v1/ai/training/{run_id}", {"results": results})

    def report_problem(self, weight_id: int, detail: str) -> None:
        """Says that registered weights are not to be used, and why. Raises BackendError."""
        self._call("POST", f"/api/v1/ai/weights/{weight_id}/problems", {"detail": detail[:300]})

    def _call(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        connect = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        connection = connect(self._url.hostname or "localhost", self._url.port, timeout=self._timeout)
        headers = {"Authorization": f"Api-Key {self._key}", "Content-Type": "application/json"}
        try:
            connection.request(method, self._url.path.rstrip("/") + path, json.dumps(body), headers)
            response = connection.getresponse()
            status, text = response.status, response.read()
        except (OSError, HTTPException) as error:
            raise BackendError(f"{path}: {error!r}", again=True) from error
        finally:
            connection.close()
        return read_answer(path, status, text)


def read_answer(path: str, status: int, text: bytes) -> dict[str, Any]:
    """The answer's object. Server errors, throttling and nonsense are worth another try, refusals are not."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if status < 300 and isinstance(answer, dict):
        return answer
    code = str(answer.get("code", "")) if isinstance(answer, dict) else ""
    again = status >= 500 or status == 429 or status < 300
    raise BackendError(f"{path}: {status} {code}".rstrip(), again=again, status=status, code=code)
