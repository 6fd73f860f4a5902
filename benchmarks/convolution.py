"""What does each form of `ops/convolution.py` save, one convolution at a time?

A map of PSPNet's head, one of its last stage and two of DeepLab v2's classifiers: our form, ours
without slices or without channels filled up where it has them, and Keras' way by
`tf.nn.convolution`. Inference is the convolution alone, the gradients are those of map and kernel.
"""

from benchmarks import rivals, table
from lfp_tf.errors import WorkFailed
from lfp_tf.ops.convolution import BLOCK, WIDE

# Name: (pixels a side, channels in, channels out, dilation)
MAPS = {
    "PSPNet's head": (60, 4096, 512, 1),
    "PSPNet's stage 4": (60, 512, 512, 4),
    "DeepLab v2's classifier of 12": (65, 2048, 21, 12),
    "DeepLab v2's classifier of 24": (65, 2048, 21, 24),
}
QUICK = {"tiny": (9, 2048, 129, 2)}
# Form: what of `ops.convolution` it has otherwise.
FORMS = {"ours": "", "not in slices": "WIDE", "not filled up": "BLOCK", "Keras' way": "kernels"}
# Largest difference of outputs, in their standard deviation.
ALLOWED = {"float32": 1e-4, "bfloat16": 3e-2}


def run(options):
    """Measures and reports; `options` are those of `python -m benchmarks`."""
    comparisons = []
    for name, shape in (QUICK if options.quick else MAPS).items():
        for dtype in ("float32", "bfloat16"):
            forms = [_rival(form, shape, dtype, options) for form in _forms(*shape)]
            with rivals.running(*forms) as found:
                _check(found, dtype)
                for part in ("inference", "gradients"):
                    seconds = rivals.interleave(
                        found, rounds=options.rounds, calls=options.calls, part=part
                    )
                    title = f"{name}, {part}, {dtype}, {shape}"
                    comparisons.append(table.compare(title, seconds))
    table.report("convolution", comparisons, out=options.out, threads=len(options.cores))


def _forms(_, channels, outputs, dilation):
    """The forms that differ for such a map."""
    is_wide = channels >= WIDE[0] and outputs >= WIDE[1]
    found = {"ours": True, "not in slices": is_wide}
    found |= {"not filled up": dilation > 1 and outputs % BLOCK > 0, "Keras' way": dilation > 1}
    return [form for form, differs in found.items() if differs]


def _rival(form, shape, dtype, options):
    spec = {"shape": shape, "dtype": dtype, "otherwise": FORMS[form]}
    return rivals.Rival(
        form,
        "benchmarks.convolution_rival",
        spec,
        cores=options.cores,
        environment={"TF_ENABLE_ONEDNN_OPTS": "1"},
    )


def _check(found, dtype):
    first, *others = (rival.facts["samples"] for rival in found)
    deviation = (sum(value**2 for value in first) / len(first)) ** 0.5
    for rival, samples in zip(found[1:], others, strict=True):
        gap = max(abs(a - b) for a, b in zip(first, samples, strict=True)) / deviation
        if gap > ALLOWED[dtype]:
            raise WorkFailed(
                f'"{rival.name}" differs from ours by {gap:.2g} of the standard deviation; the '
                "comparison would be of two functions."
            )
