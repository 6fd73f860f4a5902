"""The frame of a report: one page that opens from disk, and `metrics.json` beside it.

What the reports of all tasks share; `report.py` and its siblings say what stands in between.
"""

import html
import pathlib

import yaml

from lfp_tf.evaluation.charts import lines
from lfp_tf.evaluation.image_panels import data_uri
from lfp_tf.files import write_json, write_text

MAX_POINTS = 500
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1080px; margin: 2em auto; padding: 0 1em;
 color: #222; background: #fff } h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em }
table { border-collapse: collapse } td, th { padding: .2em .8em .2em 0; text-align: left;
 border-bottom: 1px solid #ddd } .big { font-size: 2em; font-weight: 600 } .pale { fill: #777;
 color: #777 } svg { font: 12px system-ui, sans-serif; max-width: 100%; height: auto }
figure { display: inline-block; margin: 0 1em 1em 0 } figure img { margin-right: 4px;
 max-width: 32%; image-rendering: pixelated } figcaption { font-size: .85em } pre { background:
 #f5f5f5; padding: 1em; overflow: auto; font-size: .8em; max-height: 30em }
"""


def page(title, sections):
    """The HTML text of a whole page.

    Args:
        title: plain text.
        sections: HTML texts in order; empty ones are left out.
    """
    title = html.escape(title)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>\n"
        + "\n".join(section for section in sections if section)
        + "\n</body></html>\n"
    )


def write_page(folder, facts, text):
    """Writes `metrics.json` and `report.html` into a folder, which is made if it is not there.

    Args:
        folder: where to.
        facts: plain values.
        text: what `page` gave.

    Returns:
        The path of `report.html`.
    """
    folder = pathlib.Path(folder)
    write_json(folder / "metrics.json", facts)
    write_text(folder / "report.html", text)
    return folder / "report.html"


def page_title(facts):
    """`EXPERIMENT on DATASET SPLIT`."""
    return f"{facts['experiment']} on {facts['dataset']} {facts['split']}"


def table(head, rows):
    """A table as HTML; cells are plain text or numbers."""

    def line(cells, tag):
        return "<tr>" + "".join(f"<{tag}>{html.escape(str(c))}</{tag}>" for c in cells) + "</tr>"

    return f"<table>{line(head, 'th')}{''.join(line(row, 'td') for row in rows)}</table>"


def big(number, text):
    """A paragraph that opens with one large number; both are plain text."""
    return f'<p><span class="big">{html.escape(number)}</span> {html.escape(text)}</p>'


def origin(facts, count, unit="images"):
    """A paragraph of protocol, checkpoint, time and speed over `count` of a `unit`."""
    return (
        f"<p>Protocol: {html.escape(words(facts['protocol']))}. Checkpoint: "
        f"{html.escape(str(facts.get('checkpoint')))}. {facts['seconds']:.0f} s, "
        f"{count / max(facts['seconds'], 1e-9):.2f} {unit}/s.</p>"
    )


def words(values):
    """`name value, other (inner value)` of nested plain values."""
    return ", ".join(
        f"{name} ({words(value)})" if isinstance(value, dict) else f"{name} {value}"
        for name, value in values.items()
    )


def percent(share):
    """A share as text, in per cent; empty where there is none."""
    return "" if share is None else f"{100 * share:.2f}"


def figures(title, examples):
    """Rows of images: each as seen, its truth, ours.

    Args:
        title: above them, plain text.
        examples: list of `image_panels.Example`.
    """
    if not examples:
        return ""
    shown = [
        "<figure>"
        + "".join(
            f'<img src="{data_uri(image)}" alt="{what}">'
            for what, image in (
                ("image", example.image),
                ("truth", example.truth),
                ("ours", example.prediction),
            )
        )
        + f"<figcaption>{html.escape(example.source)}: {100 * example.score:.1f} "
        "(image, truth, ours)</figcaption></figure>"
        for example in examples
    ]
    return f"<h2>{title}</h2>" + "".join(shown)


def thinned(history):
    """A run's history with no more than about `MAX_POINTS` losses; evaluations are all kept."""
    losses = [entry for entry in history if "loss" in entry]
    step = -(-len(losses) // MAX_POINTS) or 1
    kept = {id(entry) for entry in losses[::step] + losses[-1:]}
    return [entry for entry in history if "loss" not in entry or id(entry) in kept]


def curves(history, losses, scores, *, title):
    """The section of a training's course, empty where nothing is known.

    Args:
        history: entries of `history.jsonl`: dictionaries with "step".
        losses: {what the chart calls it: key of the entries}, drawn on a logarithmic axis.
        scores: likewise of shares 0..1, drawn in per cent.
        title: of the scores' chart.
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
    return "<h2>Training</h2>" + "".join(charts) if charts else ""


def configuration(facts):
    """The sections of "config" and "versions", where facts have them."""
    text = ""
    if facts.get("config"):
        shown = yaml.safe_dump(facts["config"], sort_keys=False, default_flow_style=None)
        text += f"<h2>Configuration</h2><pre>{html.escape(shown)}</pre>"
    if facts.get("versions"):
        text += "<h2>Versions</h2>" + table(["", ""], [list(i) for i in facts["versions"].items()])
    return text
