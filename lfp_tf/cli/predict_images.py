"""Images through the network of `lfp-tf predict`, and their results as files."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lfp_tf.cli.items import Item
from lfp_tf.cli.output import show
from lfp_tf.errors import LfpError
from lfp_tf.files import atomic_path, write_json
from lfp_tf.images.decode import encode_png, read_image
from lfp_tf.progress import Progress

if TYPE_CHECKING:
    from lfp_tf.tasks.results import Results


def predict_images(items: Sequence[Item], results: "Results", *, max_pixels: int) -> int:
    """Writes the results of images and prints a line per image.

    Args:
        items: the images.
        results: of the network.
        max_pixels: larger images are refused.

    Returns:
        Number of images that were refused; each was named on standard error.
    """
    by_source, num_refused = {item.source: item for item in items}, 0
    with Progress("predict", total=len(items), unit="images") as progress:

        def refuse(item, error):
            nonlocal num_refused
            num_refused += 1
            progress.note(item.refusal(error))
            progress.update(1, item.source.name)

        def images():
            for item in items:
                try:
                    image = read_image(str(item.source), max_pixels=max_pixels)
                except LfpError as error:
                    refuse(item, error)
                else:
                    yield item.source, image

        for source, image, prediction, seconds in results.predictions(images(), count=len(items)):
            item = by_source[source]
            if isinstance(prediction, LfpError):
                refuse(item, prediction)
                continue
            paths = _write(item, image, prediction, results, seconds)
            results.keep(source, prediction)
            show(results.line(source, paths, prediction))
            progress.update(1, source.name)
    return num_refused


def _write(item, image, prediction, results, seconds):
    """Writes the files of an image; returns {ending: path}."""
    overlay = encode_png(results.explained(image, prediction))
    contents = results.files(prediction) | {".overlay.png": overlay}
    paths = {ending: item.path(ending) for ending in (*contents, ".json")}
    for ending, content in contents.items():
        with atomic_path(paths[ending]) as temporary:
            temporary.write_bytes(content)
    height, width = image.shape[:2]
    facts = {"file": str(item.source), "height": height, "width": width}
    facts |= results.facts | {"seconds": round(seconds, 4)}
    write_json(paths[".json"], facts | results.describe(prediction))
    return paths
