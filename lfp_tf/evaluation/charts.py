"""Charts of a report as SVG text: bars, a heat map, lines. No scripts, nothing from elsewhere."""

import html
import math

_ROW, _NAME, _BAR = 18, 150, 420
_CELLS_WITH_NUMBERS = 20
_SMALLEST_SHARE = 0.0005
_LINE_COLORS = ("#1f6fb2", "#c2571a", "#3c8a3f", "#8053a8")


def bars(names, values, colors, *, notes=None):
    """A bar a row.

    Args:
        names: list of texts.
        values: list of numbers 0..1, None where there is none.
        colors: list of [r, g, b].
        notes: list of texts behind the values, or None.

    Returns:
        SVG text.
    """
    rows = []
    for number, (name, value, color) in enumerate(zip(names, values, colors, strict=True)):
        y = number * _ROW
        text = "not there" if value is None else f"{100 * value:.2f}"
        note = f" {notes[number]}" if notes else ""
        fill = "#{:02x}{:02x}{:02x}".format(*(int(part) for part in color))
        rows.append(
            f'<text x="{_NAME - 6}" y="{y + 13}" text-anchor="end">{html.escape(name)}</text>'
            f'<rect x="{_NAME}" y="{y + 2}" width="{_BAR * (value or 0):.1f}" height="{_ROW - 5}" '
            f'fill="{fill}" stroke="#555" stroke-width="0.5"/>'
            f'<text x="{_NAME + _BAR * (value or 0) + 6:.1f}" y="{y + 13}">{text}'
            f'<tspan class="pale">{html.escape(note)}</tspan></text>'
        )
    return _svg(_NAME + _BAR + 190, len(names) * _ROW + 4, rows)


def heat_map(confusion, names, *, unit="pixels"):
    """Shares of each truth's counts by prediction; rows are truth, columns predictions.

    Args:
        confusion: list of C lists of C counts.
        names: list of C texts.
        unit: what is counted.

    Returns:
        SVG text. Cells below 0.05 % are left white.
    """
    count = len(names)
    cell = max(5, min(34, 620 // max(count, 1)))
    left, top = 130, 110
    parts, shows = [], count <= _CELLS_WITH_NUMBERS
    for row, counts in enumerate(confusion):
        total = sum(counts)
        for column, number in enumerate(counts):
            share = number / total if total else 0.0
            if share >= _SMALLEST_SHARE:
                about = f"{100 * share:.2f} % ({number} {unit})"
                tip = f"{names[row]} seen as {names[column]}: {about}"
                parts.append(_cell(left, top, cell, row, column, share, tip, shows=shows))
    size = max(5, min(11, cell - 1))
    for number, name in enumerate(names):
        middle = number * cell + cell / 2
        text = html.escape(name)
        parts.append(
            f'<text x="{left - 5}" y="{top + middle + size / 3:.1f}" text-anchor="end" '
            f'font-size="{size}">{text}</text>'
            f'<text transform="translate({left + middle + size / 3:.1f} {top - 5}) rotate(-60)" '
            f'font-size="{size}">{text}</text>'
        )
    side = cell * count
    parts.append(
        f'<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="none" stroke="#777"/>'
    )
    return _svg(left + side + 90, top + side + 6, parts)


def lines(series, *, title, log=False, axis="step"):
    """Curves over steps, or over another axis of numbers that rise by 1 or more.

    Args:
        series: {name: list of (step, value)}, at least one point.
        title: above the chart.
        log: whether the values' axis is logarithmic (values above 0).
        axis: what stands before the first and the last step.

    Returns:
        SVG text.
    """
    width, height, left, top = 560, 220, 60, 26
    value_of = math.log10 if log else float
    points = [point for values in series.values() for point in values]
    steps = [step for step, _ in points]
    values = [value_of(value) for _, value in points]
    low, high = min(values), max(values)
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    first, last = min(steps), max(max(steps), min(steps) + 1)

    def place(step, value):
        x = left + (step - first) / (last - first) * width
        y = top + (high - value_of(value)) / (high - low) * height
        return f"{x:.1f},{y:.1f}"

    parts = [f'<text x="{left}" y="14" font-weight="bold">{html.escape(title)}</text>']
    for number in range(5):
        level = low + (high - low) * number / 4
        y = top + height - height * number / 4
        shown = 10**level if log else level
        parts.append(
            f'<line x1="{left}" x2="{left + width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
            f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{shown:.3g}</text>'
        )
    for number, (name, curve) in enumerate(series.items()):
        color = _LINE_COLORS[number % len(_LINE_COLORS)]
        path = " ".join(place(step, value) for step, value in curve)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.4"/>')
        if len(curve) < 40:
            parts += [_dot(place(step, value), color) for step, value in curve]
        parts.append(
            f'<text x="{left + 10 + 150 * number}" y="{top + height + 32}" fill="{color}">'
            f"{html.escape(name)}</text>"
        )
    label = html.escape(axis)
    for step, anchor, x in ((first, "start", left), (last, "end", left + width)):
        y = top + height + 16
        parts.append(f'<text x="{x}" y="{y}" text-anchor="{anchor}">{label} {step}</text>')
    return _svg(left + width + 20, top + height + 40, parts)


def _cell(left, top, cell, row, column, share, tip, *, shows):
    right = row == column
    strength = share**0.5  # Small shares are to be seen.
    ends = (31, 111, 60) if right else (178, 50, 24)
    fill = "#{:02x}{:02x}{:02x}".format(*(round(255 + (e - 255) * strength) for e in ends))
    x, y = left + column * cell, top + row * cell
    text = (
        f'<rect x="{x}" y="{y}" width="{cell}" height="{cell}" fill="{fill}">'
        f"<title>{html.escape(tip)}</title></rect>"
    )
    if shows and share >= 0.005:
        ink = "#fff" if strength > 0.6 else "#222"
        text += (
            f'<text x="{x + cell / 2}" y="{y + cell / 2 + 4}" text-anchor="middle" font-size="10" '
            f'fill="{ink}" pointer-events="none">{100 * share:.0f}</text>'
        )
    return text


def _dot(place, color):
    x, y = place.split(",")
    return f'<circle cx="{x}" cy="{y}" r="2.2" fill="{color}"/>'


def _svg(width, height, parts):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">{"".join(parts)}</svg>'
    )
