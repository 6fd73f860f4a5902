"""What do FPT's attention and its layers cost, in memory and in time?

Attention of P2 and P3 of an 800x1344 image in blocks, as whole matrices (the naive form, where it
fits) and in PyTorch: plainly and by its fused kernel. Memory is the peak of a process less that of
one of the same framework that holds inputs and results alone. Then the paper's layers beside the
same in PyTorch, and the whole detector beside its twin without the block.
"""

import pathlib
import tempfile

from benchmarks import rivals, table
from benchmarks.agreement import difference, first_outputs
from benchmarks.pipeline import draw
from lfp_tf.errors import LfpError

# {level: (height, width)} of an image of 800x1344, and of `--quick`.
MAPS = {2: (200, 336), 3: (100, 168), 4: (50, 84)}
QUICK_MAPS = {2: (16, 20), 3: (8, 10), 4: (4, 5)}
CHANNELS, QUICK_CHANNELS = 256, 32
SELF = {"parts": 2, "similarity": "dot", "temperature": 16.0}
GROUNDING = {"parts": 4, "similarity": "euclidean", "temperature": 1.0}
# (title, levels of queries and keys, what the channels are divided by, form)
CASES = (
    ("ST of P3", (3, 4), 1, SELF),
    ("GT of P3 over P4", (3, 4), 2, GROUNDING),
    ("ST of P2", (2, 3), 1, SELF),
)
MODES = ("forward", "gradients")
# Whole matrices of more entries are not tried: there are several.
WHOLE = 2**29
# {kind: (its input maps, the first as large as the result; its forms in PyTorch)}
LAYERS = {
    "self": ({"x": 3}, {"PyTorch, whole": "plain", "PyTorch, fused": "sdpa"}),
    "grounding": ({"fine": 3, "coarse": 4}, {"PyTorch, whole": "plain", "PyTorch, fused": "sdpa"}),
    "rendering": ({"coarse": 4, "fine": 3}, {"PyTorch": "plain"}),
}
DETECTORS = {"without FPT": "bfp_maskrcnn_resnet50_coco", "with FPT": "fpt_maskrcnn_resnet50_coco"}
SIZE, QUICK_SIZE = (800, 1333), (96, 128)
QUICK_MODEL = {
    "width": 0.125, "depth": 18, "pyramid_dim": 32, "box_dim": 16, "box_conv_dim": 16,
    "mask_dim": 8, "mask_convolutions": 2, "norm_groups": 4,
}  # fmt: skip
# The deviation of class logits, as of `benchmarks.detect`; they are taken on a small image.
SPREAD = {"spread": 0.8, "spread_size": (128, 160)}
# The goals: time to that of whole matrices, bytes of attention on P2, bytes of one detection.
ALLOWED_TIME = 1.1
ALLOWED_BYTES = {"forward": 100e6, "gradients": 300e6}
ALLOWED_DETECTION = 8e9


def run(options):
    """Measures and reports; `options` are those of `python -m benchmarks`.

    Raises:
        LfpError: no table has all the words of `--only` in its title.
    """
    questions = {**_attentions(options), **_layers(options), **_detectors(options)}
    asked = {
        title: ask
        for title, ask in questions.items()
        if all(word.lower() in title.lower() for word in options.only)
    }
    if not asked:
        words = ", ".join(options.only)
        raise LfpError(f"No table of attention has the words {words} in its title.")
    comparisons, facts = [], {}
    for title, ask in asked.items():
        seconds, facts[title] = ask()
        comparisons.append(table.compare(title, seconds, unit="s"))
    table.report("attention", comparisons, out=options.out, threads=len(options.cores), facts=facts)
    for comparison in comparisons:
        _say(comparison, facts[comparison["title"]])


def _attentions(options):
    """{title: function that measures}, of attention alone."""
    maps, channels = _sizes(options)
    found = {}
    for name, levels, divisor, form in CASES:
        rows, keys = (maps[level][0] * maps[level][1] for level in levels)
        width = channels // divisor
        shape = {"rows": rows, "keys": keys, "channels": width, "values": width}
        for mode in MODES:
            spec = form | shape | {"what": "attention", "mode": mode}
            title = f"{name}, {mode}: {rows} x {keys}, {form['parts']} parts"
            found[title] = lambda spec=spec: _attention(spec, options)
    return found


def _attention(spec, options):
    """(seconds, facts) by rival: also the bytes beside inputs and results."""
    is_small = spec["rows"] * spec["keys"] * spec["parts"] <= WHOLE
    ours = {"blocks": "blocks"}
    theirs = {"PyTorch, fused": "sdpa"}
    if is_small:
        ours = {"whole": "naive"} | ours
        theirs = {"PyTorch, whole": "plain"} | theirs
    pair = _ours(spec, ours, options), _torch(spec, theirs, options)
    _agree(spec | {"rows": 40, "keys": 10}, ours, theirs, options)
    seconds, facts = _measured([*pair[0], *pair[1]], options.rounds if is_small else 0)
    for contestants, floors in zip(
        pair, (_ours(spec, _FLOOR, options), _torch(spec, _FLOOR, options)), strict=True
    ):
        for floor in floors:
            _, used = _measured([floor], 0)
            for rival in contestants:
                used_bytes = facts[rival.name]["peak_bytes"] - used[floor.name]["peak_bytes"]
                facts[rival.name]["bytes"] = used_bytes
    return seconds, facts


def _layers(options):
    """{title: function that measures}, of the paper's layers."""
    maps, channels = _sizes(options)
    found = {}
    for kind, (levels, forms) in LAYERS.items():
        for mode in MODES:
            spec = {"what": "layer", "layer": kind, "mode": mode, "channels": channels}
            spec |= {"maps": _maps(levels, maps)}
            sizes = " and ".join(f"P{level}" for level in levels.values())
            title = f"Layer, {kind} transformer of {sizes}, {mode}"
            found[title] = lambda spec=spec, forms=forms: _layer(spec, forms, options)
    return found


def _layer(spec, forms, options):
    levels, _ = LAYERS[spec["layer"]]
    small = {"maps": _maps(levels, QUICK_MAPS), "channels": QUICK_CHANNELS}
    _agree(spec | small, {"ours": "blocks"}, forms, options)
    contestants = _ours(spec, {"ours": "blocks"}, options), _torch(spec, forms, options)
    return _measured([*contestants[0], *contestants[1]], options.rounds)


def _maps(levels, maps):
    sizes = {part: maps[level] for part, level in levels.items()}
    return sizes | {"upstream": next(iter(sizes.values()))}


def _detectors(options):
    """{title: function that measures}, of the whole detector."""
    size = QUICK_SIZE if options.quick else SIZE
    return {
        f"Detector, {mode}, {size}": lambda mode=mode: _detector(mode, size, options)
        for mode in ("inference", "training")
    }


def _detector(mode, size, options):
    with tempfile.TemporaryDirectory() as folder:
        records = draw(pathlib.Path(folder), size, 2)["records"]
        sides = {"short_side": min(size), "max_size": max(size)}
        data = {"folder": records, "global_batch_size": 1, "flip": False}
        data |= {"short_sides": [min(size)], "max_size": max(size)}
        model = {"classes": 80} | (QUICK_MODEL if options.quick else {})
        changes = {
            "dataset": "scenes", "model": model, "train_data": data, "evaluation": sides,
        }  # fmt: skip
        spec = SPREAD | {"what": "detector", "mode": mode, "size": size}
        contestants = [
            _rival(name, spec | {"experiment": of, "changes": {"task": changes}}, options)
            for name, of in DETECTORS.items()
        ]
        # An answer takes minutes with FPT.
        return _measured(contestants, 1)


def _sizes(options):
    return (QUICK_MAPS, QUICK_CHANNELS) if options.quick else (MAPS, CHANNELS)


_FLOOR = {"inputs and results alone": "floor"}


def _ours(spec, kinds, options):
    return [_rival(name, spec | {"kind": kind}, options) for name, kind in kinds.items()]


def _torch(spec, kinds, options):
    if not options.torch_python:
        return []
    module, python = "benchmarks.torch_attention", options.torch_python
    return [
        rivals.Rival(name, module, spec | {"kind": kind}, python=python, cores=options.cores)
        for name, kind in kinds.items()
    ]


def _rival(name, spec, options):
    return rivals.Rival(name, "benchmarks.attention_rival", spec, cores=options.cores)


def _agree(spec, ours, theirs, options):
    """Refuses rivals that compute something else, at a small size."""
    contestants = [*_ours(spec, ours, options), *_torch(spec, theirs, options)]
    first, *others = first_outputs(*contestants)
    for contestant, output in zip(contestants[1:], others, strict=True):
        difference(first, output, f"result ({contestant.name}, {spec['mode']})")


def _measured(contestants, rounds):
    """(seconds, facts) by rival; 0 rounds ask each once, one process after the other."""
    if rounds:
        with rivals.running(*contestants) as found:
            seconds = rivals.interleave(found, rounds=rounds)
            return seconds, {rival.name: rival.ask(do="used") for rival in found}
    seconds, facts = {}, {}
    for rival in contestants:
        with rivals.running(rival):
            seconds[rival.name] = [rival.ask(do="measure")["seconds"]]
            facts[rival.name] = rival.ask(do="used")
    return seconds, facts


def _say(comparison, facts):
    """The memory, and whether the goals are reached."""
    title = comparison["title"]
    for name, used in facts.items():
        amount = used.get("bytes", used["peak_bytes"])
        kind = "beside inputs and results" if "bytes" in used else "peak of the process"
        print(f"{title}: {name}, {amount / 1e6:.0f} MB ({kind})")
    ratios = {row["name"]: row["ratio"][1] for row in comparison["rows"]}
    theirs = [ratio for name, ratio in ratios.items() if name.startswith("PyTorch")]
    own = next((ratios[name] for name in ("blocks", "ours") if name in ratios), None)
    if "whole" in ratios:
        _judge(title, "time to that of whole matrices", own, ALLOWED_TIME)
    if own and theirs:
        _judge(title, "time to that of PyTorch's best", own / min(theirs), 1.0)
    if title.startswith("ST of P2"):
        mode = next(mode for mode in MODES if mode in title)
        _judge(title, "MB", facts["blocks"]["bytes"] / 1e6, ALLOWED_BYTES[mode] / 1e6)
    if "with FPT" in ratios:
        print(f"{title}: FPT takes {1 - 1 / ratios['with FPT']:.0%} of the time")
        if "inference" in title:
            used = facts["with FPT"]["peak_bytes"]
            _judge(title, "MB", used / 1e6, ALLOWED_DETECTION / 1e6)


def _judge(title, what, value, allowed):
    verdict = "within" if value <= allowed else "NOT within"
    print(f"{title}: {what} {value:.3g}, {verdict} {allowed:.3g}")
