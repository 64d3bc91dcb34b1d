"""The API held to its own description: whatever that allows or forbids is answered as it says."""

from __future__ import annotations

import asyncio
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.api.conftest import Program, program
from tests.integration.console.conftest import Console

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
EXAMPLES = {GenerationMode.POSITIVE: 4, GenerationMode.NEGATIVE: 4}


async def test_every_endpoint_answers_as_it_is_described(console: Console) -> None:
    """A client that is generated from the description meets no surprise, and neither do we."""
    asking = program(console)
    described = (await asking.get("/openapi.json")).fields
    assert await asyncio.to_thread(ask_all, described, asking) == len(list(operations(described)))


def operations(described: dict[str, Any]) -> list[str]:
    return [method for path in described["paths"].values() for method in path]


def ask_all(described: dict[str, Any], asking: Program) -> int:
    """Ask every endpoint what its description allows, and what it forbids; count endpoints."""
    schema = schemathesis.openapi.from_dict(described)
    asked = 0
    with requests.Session() as session:
        for result in schema.get_all_operations():
            assert isinstance(result, Ok), result
            operation = result.ok()
            for mode, examples in EXAMPLES.items():

                @settings(
                    max_examples=examples,
                    derandomize=True,
                    database=None,
                    deadline=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
                @given(case=operation.as_strategy(generation_mode=mode))
                def ask(case: Case[Any]) -> None:
                    case.call_and_validate(
                        base_url=f"http://127.0.0.1:{asking.port}",
                        session=session,
                        headers={"Authorization": f"Bearer {asking.token}"},
                        checks=CHECKS,
                    )

                ask()
            asked += 1
    return asked
