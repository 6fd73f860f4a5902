"""Charts of a report as SVG: bars, a heat map, lines. No scripts, nothing from elsewhere."""

import math
from collections.abc import Mapping, Sequence

import markupsafe

from lfp_tf.templates import render

_CLASSES_WITH_NUMBERS = 20
_SMALLEST_SHARE = 0.0005
_RIGHT, _WRONG = (31, 111, 60), (178, 50, 24)
_LINE_COLORS = ("#1f6fb2", "#c2571a", "#3c8a3f", "#8053a8")
# The box of `lines` in pixels, as templates/lines.svg has it.
_LEFT, _TOP, _WIDTH, _HEIGHT = 60, 26, 560, 220
_NUM_LEVELS = 5


def bars(
    names: Sequence[str],
    values: Sequence[float | None],
    colors: Sequence[Sequence[int]],
    *,
    notes: Sequence[str] | None = None,
) -> markupsafe.Markup:
    """Draws one bar per name.

    Args:
        names: N texts.
        values: N numbers 0..1, None where there is none.
        colors: N colours [r, g, b], 0..255.
        notes: N texts behind the values, or None.
    """
    rows = zip(names, values, colors, notes or [""] * len(names), strict=True)
    return render(
        "evaluation/templates/bars.svg",
        rows=[
            {"name": name, "value": value, "color": _hexadecimal(color), "note": note}
            for name, value, color, note in rows
        ],
    )


def heat_map(
    confusion: Sequence[Sequence[int]], names: Sequence[str], *, unit: str = "pixels"
) -> markupsafe.Markup:
    """Draws the shares of each class's counts by prediction; shares below 0.05 % stay white.

    Args:
        confusion: C lists of C counts, (truth, prediction).
        names: C texts.
        unit: what is counted.
    """
    cells = [
        {"row": row, "column": column, "count": count, "share": count / sum(counts)}
        for row, counts in enumerate(confusion)
        for column, count in enumerate(counts)
        if count and count / sum(counts) >= _SMALLEST_SHARE
    ]
    for cell in cells:
        strength = cell["share"] ** 0.5  # The square root makes small shares visible.
        full = _RIGHT if cell["row"] == cell["column"] else _WRONG
        cell["color"] = _hexadecimal([round(255 + (end - 255) * strength) for end in full])
        cell["ink"] = "#fff" if strength > 0.6 else "#222"
    return render(
        "evaluation/templates/heat_map.svg",
        names=names,
        cells=cells,
        cell=_cell(len(names)),
        has_numbers=len(names) <= _CLASSES_WITH_NUMBERS,
        unit=unit,
    )


def _cell(num_classes):
    """The side of a cell in pixels: many classes fit the page, few have room for their names."""
    count = max(num_classes, 1)
    return max(5, min(34, 620 // count), min(72, 240 // count))


def lines(
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    title: str,
    log: bool = False,
    axis: str = "step",
) -> markupsafe.Markup:
    """Draws curves over steps, or over another axis of numbers that rise by 1 or more.

    Args:
        series: {name: list of (step, value)}, at least one point.
        title: above the chart.
        log: whether the values' axis is logarithmic (values above 0).
        axis: what stands before the first and the last step.
    """
    height_of = math.log10 if log else float
    steps = [step for curve in series.values() for step, _ in curve]
    values = [height_of(value) for curve in series.values() for _, value in curve]
    low, high = min(values), max(values)
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    first, last = min(steps), max(max(steps), min(steps) + 1)

    def point(step, value):
        return (
            _LEFT + (step - first) / (last - first) * _WIDTH,
            _TOP + (high - height_of(value)) / (high - low) * _HEIGHT,
        )

    levels = [low + (high - low) * number / (_NUM_LEVELS - 1) for number in range(_NUM_LEVELS)]
    return render(
        "evaluation/templates/lines.svg",
        title=title,
        levels=[
            {
                "y": _TOP + (high - level) / (high - low) * _HEIGHT,
                "text": f"{10**level if log else level:.3g}",
            }
            for level in levels
        ],
        curves=[
            {
                "name": name,
                "color": _LINE_COLORS[number % len(_LINE_COLORS)],
                "points": [point(*pair) for pair in curve],
            }
            for number, (name, curve) in enumerate(series.items())
        ],
        ends=[f"{axis} {first}", f"{axis} {last}"],
    )


def _hexadecimal(color):
    return "#{:02x}{:02x}{:02x}".format(*(int(part) for part in color))
