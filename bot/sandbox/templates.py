"""The page's templates: Jinja2 for what surrounds the messages."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parent.parent / "templates" / "sandbox"


@cache
def environment() -> Environment:
    """Return the templates; escaping is on, a misspelt name is an error."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def template(name: str, **values: object) -> Markup:
    """Fill one template; its result is safe because escaping is on."""
    return Markup(environment().get_template(name).render(values))  # noqa: S704 - autoescaped
