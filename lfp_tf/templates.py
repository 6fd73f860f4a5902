"""Fills the package's templates of HTML, SVG, CSS and JavaScript with values."""

import functools
from typing import Any

import jinja2
import markupsafe


def render(name: str, **values: Any) -> markupsafe.Markup:
    """Fills a template; text is escaped, markup that came from another template is not.

    Args:
        name: path of the template inside the package, as `evaluation/templates/bars.svg`.
        values: what the template asks for, of any type; a missing one is an error.

    >>> "&lt;b&gt;" in render("evaluation/templates/lines.svg", title="<b>", levels=[], curves=[],
    ...                       ends=[])
    True
    """
    return markupsafe.Markup(_environment().get_template(name).render(values))


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("lfp_tf", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
