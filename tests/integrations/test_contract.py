"""What every source promises, whatever it reads: found by scanning `integrations/`, so a new folder is tested at once.

A source that lives elsewhere is held to the same by BELLWETHER_CONTRACT, a list of packages with commas:
`BELLWETHER_CONTRACT=acme.beacon pytest tests/integrations/test_contract.py`.
"""

import copy
import json
import os
import random
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import combinations
from pathlib import Path
from pkgutil import iter_modules
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import pytest

import integrations
from bot.domain.errors import MalformedPayload, UnsupportedEvent
from bot.domain.facts import Fact, Unmapped
from bot.ports import Delivery, Source

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MAX_TRIES = 250
"""Of each kind with one example; fewer with a large one, so that the whole file stays within seconds."""
MAX_BYTES = 2_000_000
MAX_CUTS = 40
ODD_VALUES: tuple[Any, ...] = (
    None,
    "",
    "x",
    "\x00",
    0,
    -1,
    1e308,
    10**30,
    True,
    [],
    {},
    [[]],
    {"a": None},
    float("nan"),
)

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Example:
    """One recorded or written payload of a source."""

    package: str
    file: Path
    body: Any
    raw: bytes
    headers: Mapping[str, str]
    query: Mapping[str, str]

    def delivery(self, body: Any = ...) -> Delivery:
        """Return it as it would arrive, or with another body."""
        raw = self.raw if body is ... else body if isinstance(body, bytes) else json.dumps(body).encode()
        return Delivery(source=self.package, body=raw, received_at=NOW, headers=self.headers, query=self.query)


def packages() -> list[str]:
    """Return every integration: ours, and those that the environment adds."""
    ours = [f"integrations.{module.name}" for module in iter_modules(integrations.__path__) if module.ispkg]
    return [*ours, *(name for name in os.environ.get("BELLWETHER_CONTRACT", "").split(",") if name)]


def source_of(package: str) -> Source:
    """Return the SOURCE of PACKAGE."""
    source = import_module(package).SOURCE
    assert isinstance(source, Source)
    return source


def folder_of(package: str) -> Path:
    """Return where PACKAGE lies."""
    return Path(str(import_module(package).__file__)).parent


def examples_of(package: str) -> list[Example]:
    """Return the deliveries among a package's examples: a capture (`_capture`, `request`, `body`) or a plain body."""
    found = []
    for file in sorted((folder_of(package) / "examples").glob("*.json")):
        document = json.loads(file.read_text())
        captured = isinstance(document, dict) and "_capture" in document
        if captured and "body" not in document:
            continue  # an answer of an API, not a delivery
        request = document.get("request", {}) if captured else {}
        body = document["body"] if captured else document
        raw = document.get("raw") if captured else None
        found.append(
            Example(
                package=package,
                file=file,
                body=body,
                raw=raw.encode() if isinstance(raw, str) else json.dumps(body).encode(),
                headers={name.lower(): value for name, value in request.get("headers", {}).items()},
                query=dict(parse_qsl(urlsplit(request.get("path", "")).query)),
            )
        )
    return found


PACKAGES = packages()
SOURCES = [package for package in PACKAGES if hasattr(import_module(package), "SOURCE")]
EXAMPLES = [example for package in SOURCES for example in examples_of(package)]
each_source = pytest.mark.parametrize("package", SOURCES)
each_example = pytest.mark.parametrize(
    "example", EXAMPLES, ids=[f"{e.package.rpartition('.')[2]}/{e.file.stem}" for e in EXAMPLES]
)


@pytest.mark.parametrize("package", PACKAGES)
def test_package_names_what_it_is_and_brings_a_readme(package: str) -> None:
    assert any(hasattr(import_module(package), name) for name in ("SOURCE", "TICKETS", "DEPLOYER"))
    assert (folder_of(package) / "README.md").is_file()


@each_source
def test_source_brings_examples(package: str) -> None:
    assert examples_of(package), f"{package} has no delivery in examples/: record one first"


@each_example
def test_example_becomes_facts(example: Example) -> None:
    try:
        result = source_of(example.package).normalize(example.delivery())
    except UnsupportedEvent:
        return  # a genuine event that it has no use for

    assert result
    assert all(isinstance(fact, Fact | Unmapped) for fact in result)


@each_example
def test_times_are_aware_utc(example: Example) -> None:
    times = [time for fact in attempt(example, example.delivery()) for time in times_in(fact)]

    assert all(time.utcoffset() == timedelta(0) for time in times), times


@each_example
def test_normalizing_twice_is_equal(example: Example) -> None:
    assert attempt(example, example.delivery()) == attempt(example, example.delivery())


@each_example
def test_missing_parts_are_malformed_at_worst(example: Example) -> None:
    dice = random.Random(example.file.name)
    nodes = sorted_sample(list(nodes_in(example.body)), tries(example), dice)
    pairs = sorted_sample(list(combinations(nodes, 2)), tries(example), dice)

    for removed in [*((node,) for node in nodes), *pairs]:
        attempt(example, example.delivery(without(example.body, removed)))


@each_example
def test_odd_values_are_malformed_at_worst(example: Example) -> None:
    dice = random.Random(example.file.name)
    nodes = sorted_sample(list(nodes_in(example.body)), tries(example), dice)

    for node in nodes:
        attempt(example, example.delivery(changed(example.body, node, dice.choice(ODD_VALUES))))
    for value in ODD_VALUES:
        attempt(example, example.delivery(value))


@each_example
def test_body_cut_off_anywhere_is_malformed_at_worst(example: Example) -> None:
    dice = random.Random(example.file.name)
    cuts = {0, 1, len(example.raw) - 1, *(dice.randrange(len(example.raw)) for _ in range(MAX_CUTS))}

    for cut in sorted(cuts):
        attempt(example, example.delivery(example.raw[:cut]))


@each_example
def test_bytes_that_are_no_text_are_malformed_at_worst(example: Example) -> None:
    for noise in (b"", b"\xff\xfe", b"\x00", b"null", b"[" * 5000, b'{"a":' * 5000, b'"\\ud800"', b"1e999"):
        attempt(example, example.delivery(noise))


@each_source
def test_schema_accepts_every_example_that_is_read_whole(package: str) -> None:
    source = source_of(package)
    if source.schema is None:
        pytest.skip("no schema")
    schema = source.schema()

    jsonschema.Draft202012Validator.check_schema(schema)

    validator = jsonschema.Draft202012Validator(schema)
    for example in examples_of(package):
        whole = not any(isinstance(fact, Unmapped) for fact in source.normalize(example.delivery()))
        assert validator.is_valid(example.body) or not whole, example.file.name


def attempt(example: Example, delivery: Delivery) -> list[Fact | Unmapped]:
    """Return what becomes of DELIVERY; only the two errors that a source may raise are caught."""
    with suppress(MalformedPayload, UnsupportedEvent):
        return list(source_of(example.package).normalize(delivery))
    return []


def tries(example: Example) -> int:
    """Return how often an example is damaged in one way."""
    return max(40, min(MAX_TRIES, MAX_BYTES // len(example.raw)))


def nodes_in(document: Any, path: Place = ()) -> Iterator[Place]:
    """Yield the path of every node below DOCUMENT."""
    children = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in children:
        yield (*path, key)
        yield from nodes_in(value, (*path, key))


def without(document: Any, paths: tuple[Place, ...]) -> Any:
    """Return DOCUMENT without the nodes at PATHS, later ones first, so that no index moves under the others."""
    copied = copy.deepcopy(document)
    for path in reversed(paths):
        with suppress(KeyError, IndexError, TypeError):
            del parent_of(copied, path)[path[-1]]
    return copied


def changed(document: Any, path: Place, value: Any) -> Any:
    """Return DOCUMENT with VALUE at PATH."""
    copied = copy.deepcopy(document)
    parent_of(copied, path)[path[-1]] = value
    return copied


def parent_of(document: Any, path: Place) -> Any:
    for key in path[:-1]:
        document = document[key]
    return document


def sorted_sample(population: list[Any], size: int, dice: random.Random) -> list[Any]:
    """Return at most SIZE of POPULATION, in its order."""
    if len(population) <= size:
        return population
    return [population[index] for index in sorted(dice.sample(range(len(population)), size))]


def times_in(fact: Fact | Unmapped) -> list[datetime]:
    """Return every time that FACT carries."""
    return [value for field in fields(fact) if isinstance(value := getattr(fact, field.name), datetime)]
