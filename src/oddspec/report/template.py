"""The templates of HTML pages: all text is escaped unless it says otherwise."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from oddspec.products.text import printable
from oddspec.report.facts import number, plain, size, words

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["template"]


@cache
def template(name: str) -> Template:
    """A template by its path in this package, such as ``report/page.html``."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("oddspec", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number, plain=plain, printable=printable, size=size, words=words
    )
    return environment.get_template(name)
