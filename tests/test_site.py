"""The site of `make docs`: no page is left out, links lead on, docstrings become Markdown."""

import importlib.util
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]

SOURCE = '''
"""What is here.

| a | b |
| --- | --- |
| 1 | 2 |
"""
from elsewhere import other

SIZE = 3  # pixels

class Layer(other.Layer):
    """Does something.

    Args:
        rates: of all,
            in order.
    """

    def __init__(self, *, rates=(6, 12)):
        self.rates = rates

    def call(self, x: other.Tensor):
        """The result.

        >>> Layer().call(1)
        1

        Returns:
            {name: [B, H, W, C]}.
        """

    def _hidden(self):
        """Nobody's."""
'''
PAGE = """# small

```{py:module} small
```

What is here.

| a | b |
| --- | --- |
| 1 | 2 |

````{py:data} SIZE
:value: 3

pixels
````

`````{py:class} Layer(*, rates=(6, 12))

Bases: `other.Layer`

Does something.

:Arguments:
    - `rates`: of all,
        in order.

````{py:method} call(x: elsewhere.other.Tensor)

The result.

```pycon
>>> Layer().call(1)
1
```

:Returns:
    {name: [B, H, W, C]}.
````
`````
"""


def module(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "site" / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_side_bar_lists_every_page_once():
    pages = [page for group in module("pages").NAVIGATION.values() for page in group]
    assert len(set(pages)) == len(pages)
    assert {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} <= set(pages)
    assert all((ROOT / page).is_file() for page in pages if not page.startswith("api/"))


def test_links_lead_to_pages_of_the_site_or_to_files_of_the_repository():
    pages = ("README.md", "docs/data.md", "docs/serving.md")
    links = "[a](data.md#folders) ![b](images/scenes.png) [c](../README.md) [d](https://x.org/y)"
    result = module("pages").with_links(f"{links} [e](../export/request.py)", "docs/data.md", pages)
    assert result == links.replace("README", "index") + (
        " [e](https://github.com/lfp-tf/lfp-tf/blob/main/export/request.py)"
    )


def test_the_page_of_a_module(tmp_path):
    griffe = pytest.importorskip("griffe")
    (tmp_path / "small.py").write_text(SOURCE)
    small = griffe.load("small", search_paths=[tmp_path])
    assert module("reference").page(small) == PAGE


def test_the_reference_has_what_users_import_and_nothing_else(tmp_path):
    pytest.importorskip("griffe")
    module("reference").write(tmp_path / "api", ROOT)
    names = {path.stem for path in (tmp_path / "api").iterdir()}
    assert {"lfp_tf", "lfp_tf.errors", "lfp_tf.layers.aspp", "lfp_tf.recipes.networks"} <= names
    assert not [name for name in names if name.startswith(("lfp_tf.cli", "lfp_tf.parity"))]
    assert "{py:function} segment(" in (tmp_path / "api" / "lfp_tf.md").read_text()
