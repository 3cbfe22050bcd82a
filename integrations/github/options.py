"""What the configuration says of a workflow: where its repository is, and what to give it."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated
from urllib.parse import SplitResult

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bot.domain.errors import ConfigError
from bot.ports import DeployerOptions, Order
from integrations.deploying import read_url

EXAMPLE = "https://github.com/acme/models"
FIELDS = ("order", "kind", "model", "version", "previous_version", "stage", "decided_by", "reason")
INPUTS = {"model": "{model}", "version": "{version}", "stage": "{stage}", "order": "{order}"}
PLACE = re.compile(r"\{(\w*)\}")
FILE = re.compile(r"[\w.-]+\.ya?ml")
REPOSITORY = re.compile(r"/([\w.-]+/[\w.-]+?)(?:\.git)?/?")


def _fillable(inputs: dict[str, str]) -> dict[str, str]:
    named = [name for text in inputs.values() for name in PLACE.findall(text)]
    unknown = sorted(set(named) - set(FIELDS))
    if unknown:
        raise ValueError(f"there is no {{{unknown[0]}}}; there is {', '.join(f'{{{name}}}' for name in FIELDS)}")
    if "order" not in named:
        raise ValueError("one input must be {order}, by which a run is found again")
    return inputs


def _file(name: str) -> str:
    if not FILE.fullmatch(name):
        raise ValueError(f"{name!r} is not a file of .github/workflows such as deploy.yml")
    return name


class Options(BaseModel):
    """What stands under `options:`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    workflow: Annotated[str, AfterValidator(_file)]
    """Its file in `.github/workflows`."""
    ref: Annotated[str, Field(min_length=1)] = "main"
    """The branch or tag whose version of the file runs."""
    inputs: Annotated[dict[str, str], AfterValidator(_fillable)] = INPUTS
    """The workflow's inputs -> what they are given, with FIELDS in braces."""

    def filled(self, order: Order) -> Mapping[str, str]:
        """Return the inputs for ORDER."""
        values = asdict(order) | {"order": order.key}
        return {name: PLACE.sub(lambda found: str(values[found[1]] or ""), text) for name, text in self.inputs.items()}


def read_repository(options: DeployerOptions) -> tuple[str, str]:
    """Return the repository `owner/name` that `url:` is the page of, and the address of its API.

    github.com and ghe.com have a host of their own for the API, an Enterprise Server has a path.
    https://docs.github.com/en/enterprise-server@3.19/rest/quickstart
    """
    parts = read_url(options, EXAMPLE)
    found = REPOSITORY.fullmatch(parts.path)
    if found is None:
        raise ConfigError(f"deployers.{options.name}.url: {options.url!r} is not a repository such as {EXAMPLE}")
    return found[1], f"{_api(parts)}/repos/{found[1]}"


def _api(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if host in ("github.com", "www.github.com"):
        return "https://api.github.com"
    if host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"{parts.scheme}://{parts.netloc}/api/v3"
