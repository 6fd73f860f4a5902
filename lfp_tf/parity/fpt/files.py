"""Cases of files that an FPT detector starts from: Detectron's, Caffe-style and training files."""

import pathlib
import types
from collections.abc import Iterable
from typing import Any

from lfp_tf.checkpoints.load import TRANSLATIONS, Report, translate
from lfp_tf.checkpoints.read import identify, read_checkpoint
from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.errors import LfpError
from lfp_tf.parity.fpt.layers import block_model
from lfp_tf.parity.fpt.words import check_all, preset_options
from lfp_tf.parity.golden import Case

# {the case's word: (what the reader calls the format, whose names the file has)}.
_FORMATS = {
    "detectron_pkl": ("detectron", "detectron"),
    "caffe_pth": ("torch", "imagenet_torch"),
    "training_pth": ("torch", "detectron_torch"),
}
# Words that a format has besides.
_WORDS = {
    "detectron_pkl": {},
    "caffe_pth": {"fold_eps": (1e-05,), "channel_order": ("BGR",)},
    "training_pth": {"preset": ("released_code",)},
}
# As many blocks as the deepest ResNet's longest stage has.
_MOST_BLOCKS = 36
_NORMS = {"affine": ("scale", "offset"), "group": ("gamma", "beta")}


def checkpoint(case: Case) -> dict[str, Any]:
    """`checkpoint`: what a network takes of a file, under Detectron.pytorch's names, and the rest.

    Whatever variable of ours the file has an array for is taken, as the file is of no whole
    network.
    """
    config = case.config
    known = {"format": tuple(_FORMATS)} | _WORDS.get(config.get("format", ""), {})
    is_detectrons = config.get("format") == "detectron_pkl"
    check_all(config, known, {"norm": ("group_norm",)} if is_detectrons else {})
    path = pathlib.Path(case.folder) / case.inputs()["file"]
    file_format, names = _FORMATS[config["format"]]
    if identify(path) != file_format:
        raise LfpError(f"{path.name} was taken for {identify(path)}, not {file_format}.")
    arrays = read_checkpoint(path)
    norm = "group" if "norm" in config else "affine"
    if config["format"] == "training_pth":
        ours, decoder = _block_names(config["preset"]), "bfp"
    else:
        ours, decoder = _detector_names(_NORMS[norm]), "fpn"
    options = {"depth": 50, "decoder": decoder, "norm": norm}
    values, ignored = _taken(arrays, ours, TRANSLATIONS[names], options)
    theirs = TRANSLATIONS["detectron_torch"]
    results = {
        theirs.their_name(name, options) or name: theirs.to_theirs(array, name)
        for name, array in values.items()
    }
    step = {} if arrays.step is None else {"step": arrays.step}
    found = {f"var/{name}": array for name, array in results.items()}
    return {"names": sorted(results), "ignored": ignored} | step | found


def _taken(arrays, ours, translation, options):
    """({our name: array}, sorted names of the file that nobody took)."""
    report = Report(translation.name)
    # No variable has the shape -1, so each one found is told with the file's own shape.
    probes = {name: types.SimpleNamespace(shape=(-1,)) for name in ours}
    translate(arrays, probes, translation=translation, options=options, report=report)
    variables = {
        name: types.SimpleNamespace(shape=shape) for name, (_, shape) in report.mismatched.items()
    }
    values = translate(arrays, variables, translation=translation, options=options)
    taken = set(translation.plain(arrays, [])) - set(report.unused) - set(report.skipped)
    return values, sorted(set(arrays) - taken)


def _block_names(preset: str) -> Iterable[str]:
    model = block_model(preset_options(preset, "none"), 8, [8, 8, 8, 8], "C", False)
    return variables_by_name(model)


def _detector_names(norm: tuple[str, str]) -> list[str]:
    """Our names of a body of any depth, of a pyramid, and of an RPN."""
    blocks = [f"stage{s}_block{n}" for s in (1, 2, 3, 4) for n in range(1, _MOST_BLOCKS + 1)]
    parts = {"conv1": "bn1", "conv2": "bn2", "conv3": "bn3", "projection": "projection_bn"}
    pairs = [("stem_conv1", "stem_bn1")]
    pairs += [(f"{block}_{c}", f"{block}_{n}") for block in blocks for c, n in parts.items()]
    plain = [f"fpn_{part}{level}" for part in ("lateral", "output") for level in (2, 3, 4, 5)]
    plain += ["rpn_conv", "rpn_logits", "rpn_deltas"]
    names = [name for c, n in pairs for name in (f"{c}/kernel", *(f"{n}/{leaf}" for leaf in norm))]
    return names + [f"{layer}/{leaf}" for layer in plain for leaf in ("kernel", "bias")]
