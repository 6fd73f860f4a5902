"""Collects the site's pages in a folder for Sphinx: `python docs/site/pages.py FOLDER`.

They are copied because Sphinx wants its front page and the reference beside them, and the
repository should hold neither twice.
"""

import configparser
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).parents[2]
FRONT = "README.md"
# Every page but the front page, by its heading in the side bar.
NAVIGATION = {
    "Use": (
        *("docs/install.md", "docs/data.md", "docs/training.md", "docs/checkpoints.md"),
        *("docs/keras.md", "docs/live.md", "docs/crf.md"),
        *("docs/serving.md", "docs/performance.md", "docs/faq.md"),
    ),
    "Networks": (
        *("docs/pspnet.md", "docs/deeplab.md", "docs/lfp.md"),
        *("docs/detection.md", "docs/fpt.md", "docs/maskx.md"),
    ),
    "Reference": ("api/lfp_tf.md", "docs/architecture.md"),
    "Project": ("CONTRIBUTING.md", "docs/testing.md", "SECURITY.md", "CHANGELOG.md"),
}
LINK = re.compile(r"\]\(([^)#\s]+)([^)]*)\)")


def collect(folder):
    """Writes pages and images; the reference is `reference.write`'s."""
    pages = [page for pages in NAVIGATION.values() for page in pages if not page.startswith("api/")]
    for page in (FRONT, *pages):
        text = with_links((ROOT / page).read_text(encoding="utf-8"), page, (FRONT, *pages))
        target = folder / ("index.md" if page == FRONT else page)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text + contents() if page == FRONT else text, encoding="utf-8")
    shutil.copytree(ROOT / "docs" / "images", folder / "docs" / "images")


def with_links(text, page, pages):
    """A page whose links to files that are no pages lead to the repository on the web."""

    def replaced(match):
        target = match[1]
        path = (ROOT / page).parent.joinpath(target).resolve()
        if re.match(r"\w+:", target) or path.parent == ROOT / "docs" / "images":
            return match[0]
        name = path.relative_to(ROOT).as_posix()
        if name == FRONT:
            return f"]({target.removesuffix(FRONT)}index.md{match[2]})"
        # What does not exist is left for Sphinx to complain of.
        is_elsewhere = path.exists() and name not in pages
        return f"]({repository()}/{name}{match[2]})" if is_elsewhere else match[0]

    return LINK.sub(replaced, text)


def repository():
    """Where the repository's files stand on the web."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    return f"{setup['metadata']['url']}/blob/main"


def contents():
    """The side bar, as MyST writes it."""
    return "".join(
        "\n".join(["", "```{toctree}", ":hidden:", f":caption: {caption}", *pages, "```", ""])
        for caption, pages in NAVIGATION.items()
    )


if __name__ == "__main__":
    import reference

    collect(pathlib.Path(sys.argv[1]))
    reference.write(pathlib.Path(sys.argv[1]) / "api", ROOT)
