"""The page of a report, which opens from disk with nothing beside it, and `metrics.json`.

What the reports of all tasks share; the template of a task, `tasks/TASK/report.html`, extends
`templates/report.html`.
"""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import markupsafe
import yaml

from lfp_tf.evaluation.charts import lines
from lfp_tf.files import write_json, write_text
from lfp_tf.templates import render

MAX_POINTS = 500


def write_page(
    folder: str | os.PathLike, facts: dict[str, Any], template: str, **values: Any
) -> pathlib.Path:
    """Writes `metrics.json` and `report.html` into a folder, which is made if it is not there.

    Args:
        folder: where to.
        facts: plain values, what `metrics.json` says.
        template: path of the task's template inside the package.
        values: what the template asks for besides `facts`.

    Returns:
        The path of `report.html`.
    """
    folder = pathlib.Path(folder)
    config = facts.get("config")
    text = render(
        template,
        facts=facts,
        configuration=config and yaml.safe_dump(config, sort_keys=False, default_flow_style=None),
        **values,
    )
    write_json(folder / "metrics.json", facts)
    write_text(folder / "report.html", text)
    return folder / "report.html"


def thinned(history: Sequence[dict]) -> list[dict]:
    """Keeps about `MAX_POINTS` losses of a run's history, and all its evaluations."""
    losses = [entry for entry in history if "loss" in entry]
    step = -(-len(losses) // MAX_POINTS) or 1
    kept = {id(entry) for entry in losses[::step] + losses[-1:]}
    return [entry for entry in history if "loss" not in entry or id(entry) in kept]


def training_charts(
    history: Sequence[dict], losses: Mapping[str, str], scores: Mapping[str, str], *, title: str
) -> list[markupsafe.Markup]:
    """Draws the course of a training: losses on a logarithmic axis, and scores in per cent.

    Args:
        history: entries of `history.jsonl`: dictionaries with "step".
        losses: {what the chart calls it: key of the entries}.
        scores: likewise, of shares 0..1.
        title: of the scores' chart.

    Returns:
        Up to two charts; one of which nothing is known is left out.
    """
    falling = {
        name: [(e["step"], e[key]) for e in history if e.get(key, 0) > 0]
        for name, key in losses.items()
    }
    rising = {
        name: [(e["step"], 100 * e[key]) for e in history if key in e]
        for name, key in scores.items()
    }
    falling, rising = ({n: c for n, c in s.items() if c} for s in (falling, rising))
    charts = []
    if falling:
        charts.append(lines(falling, title="training loss (logarithmic)", log=True))
    if rising:
        charts.append(lines(rising, title=title))
    return charts
