"""Pictures through the network of `lfp-tf predict`, and their results as files."""

import time

from lfp_tf.cli.crf_arguments import crf_processes, final_crf_options
from lfp_tf.cli.predict_network import at_network_size, segmenter
from lfp_tf.errors import LfpError


def predict_pictures(items, network, arguments):
    """Segments pictures and writes their results; prints the label PNGs.

    With `--crf`, worker processes refine pictures while the network looks at the next ones.

    Args:
        items: list of `Item`.
        network: `Network`.

    Returns:
        Number of pictures that were refused; each was named on standard error.
    """
    from lfp_tf.progress import Progress

    with Progress("predict", total=len(items), unit="pictures") as line:
        run = _Run(network, arguments, line)
        # A single picture would wait longer for a process than for itself.
        through = run.in_pool if final_crf_options(arguments) and len(items) > 1 else run.in_process
        for item, picture, labels, seconds in through(items):
            facts = network.facts | {"seconds": round(seconds, 4)}
            _write(item, picture, labels, network.table, facts)
            print(item.outputs()[0])
            line.update(1, item.source.name)
        return run.num_refused


class _Run:
    """Pictures on their way: (item, picture, labels, seconds) of those that are not refused."""

    def __init__(self, network, arguments, line):
        self._network, self._arguments, self._line = network, arguments, line
        self.num_refused = 0

    def in_process(self, items):
        segment = segmenter(self._network, self._arguments)
        for item, picture in self._read(items):
            begin = time.monotonic()
            try:
                labels = segment(picture)
            except LfpError as error:
                self._refuse(item, error)
            else:
                yield item, picture, labels, time.monotonic() - begin

    def in_pool(self, items):
        from lfp_tf.images.geometry import resize_labels
        from lfp_tf.tasks.segmentation.crf.pool import CrfPool

        waiting = {}

        def seen():
            for item, picture in self._read(items):
                begin = time.monotonic()
                small = at_network_size(picture, self._arguments)
                try:
                    probabilities = self._network.probabilities(small)
                except LfpError as error:
                    self._refuse(item, error)
                else:
                    waiting[str(item.source)] = item, picture, begin
                    yield str(item.source), probabilities, small

        processes = min(crf_processes(self._arguments), len(items))
        with CrfPool(final_crf_options(self._arguments), processes=processes) as pool:
            for key, labels in pool.map(seen()):
                item, picture, begin = waiting.pop(key)
                labels = resize_labels(labels, picture.shape[:2])
                yield item, picture, labels, time.monotonic() - begin

    def _read(self, items):
        from lfp_tf.images.decode import read_picture

        for item in items:
            try:
                yield item, read_picture(str(item.source), max_pixels=self._arguments.max_pixels)
            except LfpError as error:
                self._refuse(item, error)

    def _refuse(self, item, error):
        self.num_refused += 1
        text = str(error)
        self._line.note(text if str(item.source) in text else f"{item.source}: {text}")
        self._line.update(1, item.source.name)


def _write(item, picture, labels, table, facts):
    from lfp_tf.files import atomic_path, write_json
    from lfp_tf.images.decode import encode_png
    from lfp_tf.images.overlay import overlay, with_legend
    from lfp_tf.images.shares import class_shares, count_labels

    labels_path, overlay_path, json_path = item.outputs()
    drawn = with_legend(overlay(picture, labels, table), labels, table)
    for path, array in ((labels_path, labels), (overlay_path, drawn)):
        with atomic_path(path) as temporary:
            temporary.write_bytes(encode_png(array))
    height, width = labels.shape
    about = {"file": str(item.source), "height": height, "width": width}
    classes = class_shares(count_labels(labels, table), table)
    write_json(json_path, about | facts | {"classes": classes})
