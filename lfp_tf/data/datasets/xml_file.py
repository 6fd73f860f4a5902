"""XML that annotation tools write: plain elements; files that define entities are refused."""

import os
import pathlib
from xml.etree import ElementTree

from lfp_tf.errors import LfpError, printable


def read_xml(path: str | os.PathLike, root_name: str) -> ElementTree.Element:
    """The root element of a file.

    Args:
        path: of the file.
        root_name: what its root must be called.

    Raises:
        LfpError: it cannot be read, is no XML, has another root, or defines entities, which may
            unpack to any size.
    """
    try:
        content = pathlib.Path(path).read_bytes()
        if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
            raise LfpError(f"{path} defines a document type, as no annotation tool does.")
        root = ElementTree.fromstring(content)
    except (OSError, ElementTree.ParseError, ValueError, LookupError) as error:
        raise LfpError(f"{path} cannot be read as XML ({printable(error)}).") from None
    if root.tag != root_name:
        raise LfpError(f"{path} holds <{printable(root.tag)}>, not <{root_name}>.")
    return root


def whole_size(height: str | None, width: str | None) -> tuple[int, int] | None:
    """(height, width) of two texts; None where they are not both whole numbers above 0."""
    texts = (height or "").strip(), (width or "").strip()
    if not all(text.isascii() and text.isdecimal() and len(text) < 8 for text in texts):
        return None
    sides = int(texts[0]), int(texts[1])
    return sides if min(sides) > 0 else None
