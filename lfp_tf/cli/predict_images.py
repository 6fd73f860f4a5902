"""Images through the network of `lfp-tf predict`, and their results as files."""

from lfp_tf.errors import LfpError


def predict_images(items, results, arguments):
    """Writes the results of images and prints a line each.

    Args:
        items: list of `Item`.
        results: `tasks.results.Results`.
        arguments: parsed.

    Returns:
        Number of images that were refused; each was named on standard error.
    """
    from lfp_tf.images.decode import read_image
    from lfp_tf.progress import Progress

    by_source, num_refused = {item.source: item for item in items}, 0
    with Progress("predict", total=len(items), unit="images") as line:

        def refuse(item, error):
            nonlocal num_refused
            num_refused += 1
            text = str(error)
            line.note(text if str(item.source) in text else f"{item.source}: {text}")
            line.update(1, item.source.name)

        def images():
            for item in items:
                try:
                    image = read_image(str(item.source), max_pixels=arguments.max_pixels)
                except LfpError as error:
                    refuse(item, error)
                else:
                    yield item.source, image

        found = results.predictions(images(), count=len(items))
        for source, image, prediction, seconds in found:
            item = by_source[source]
            if isinstance(prediction, LfpError):
                refuse(item, prediction)
                continue
            paths = _write(item, image, prediction, results, seconds)
            print(results.line(source, paths, prediction))
            line.update(1, source.name)
    return num_refused


def _write(item, image, prediction, results, seconds):
    """Writes the files of an image; returns {ending: path}."""
    from lfp_tf.files import atomic_path, write_json
    from lfp_tf.images.decode import encode_png

    drawn = encode_png(results.explained(image, prediction))
    contents = results.files(prediction) | {".overlay.png": drawn}
    paths = {ending: item.path(ending) for ending in (*contents, ".json")}
    for ending, content in contents.items():
        with atomic_path(paths[ending]) as temporary:
            temporary.write_bytes(content)
    height, width = image.shape[:2]
    about = {"file": str(item.source), "height": height, "width": width}
    facts = results.facts | {"seconds": round(seconds, 4)}
    write_json(paths[".json"], about | facts | results.describe(prediction))
    return paths
