"""Tables of ratios, and the JSON beside them with the machine's facts."""

import datetime
import importlib.metadata
import os
import platform
import statistics
import sys

from lfp_tf.files import write_json

PACKAGES = ("tensorflow", "tf_keras", "tf-models-official", "numpy", "opencv-python-headless")
# Above this load a core other processes take part in what is measured.
BUSY_LOAD_A_CORE = 0.3


def machine():
    """What a reader needs to judge the numbers: processor, cores, memory, load, versions."""
    model, memory = platform.processor(), None
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            lines = stream.read().splitlines()
        model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), model)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": memory and round(memory, 1),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "date": datetime.date.today().isoformat(),
    }


def compare(title, seconds, *, work=None, unit="ms", amounts=None):
    """Rows of a comparison; the first rival is what the others are measured against.

    Args:
        title: what was measured.
        seconds: {rival: list of seconds, one a round}.
        work: {rival: multiply-adds of one call}, for speeds and the ratio a multiply-add.
        unit: `ms` or `s`.
        amounts: {rival: things of one call}; the table shows things a second then.

    Returns:
        {"title", "unit", "rows": [{"name", "seconds", "ratio": [least, median, greatest of the
        rounds' ratios to the first rival's time], perhaps "gmac", "gflops", "ratio_a_mac",
        "a_second"}]}.
    """
    first = next(iter(seconds))
    rows = []
    for name, values in seconds.items():
        ratios = [one / other for one, other in zip(values, seconds[first], strict=True)]
        row = {"name": name, "seconds": values, "ratio": _spread(ratios)}
        median = statistics.median(values)
        if work:
            row["gmac"] = work[name] / 1e9
            row["gflops"] = 2 * work[name] / median / 1e9
            row["ratio_a_mac"] = row["ratio"][1] * work[first] / work[name]
        if amounts:
            row["a_second"] = amounts[name] / median
        rows.append(row)
    return {"title": title, "unit": unit, "rows": rows}


def text(comparison):
    """The comparison as a Markdown table."""
    unit = comparison["unit"]
    factor = {"ms": 1e3, "s": 1.0}[unit]
    extra = [key for key in ("gmac", "gflops", "ratio_a_mac", "a_second") if _has(comparison, key)]
    heads = {
        "gmac": "GMAC",
        "gflops": "GFLOP/s",
        "ratio_a_mac": "time a multiply-add",
        "a_second": "a second",
    }
    columns = ["", f"least {unit}", "median", "greatest", "time to the first's (spread)"]
    columns += [heads[key] for key in extra]
    lines = [comparison["title"], "", _line(columns), _line(["---"] * len(columns))]
    for row in comparison["rows"]:
        cells = [row["name"], *(_number(factor * value) for value in _spread(row["seconds"]))]
        least, median, greatest = row["ratio"]
        cells.append(f"{median:.2f} ({least:.2f}-{greatest:.2f})")
        lines.append(_line(cells + [_number(row[key]) for key in extra]))
    return "\n".join(lines) + "\n"


def report(name, comparisons, *, out, threads, facts=None):
    """Prints the tables and writes `out`/NAME.json.

    Args:
        name: of the benchmark.
        comparisons: what `compare` gave.
        out: folder.
        threads: cores that each rival had.
        facts: further numbers for the JSON.
    """
    about = machine() | {"threads": threads}
    print(f"# {name}: {about['processor']}, {threads} of {about['cores']} cores\n")
    for comparison in comparisons:
        print(text(comparison))
    # Our own work raises the load by the threads we use.
    if about["load"] > threads + BUSY_LOAD_A_CORE * about["cores"]:
        print(
            f"The machine's load is {about['load']} while this uses {threads} cores: others were "
            "at work, and these numbers do not count.",
            file=sys.stderr,
        )
    path = out / f"{name}.json"
    write_json(path, {"machine": about, "comparisons": comparisons, "facts": facts or {}})
    print(f"{path}\n")


def judge(comparisons, allowed, words):
    """Prints of each comparison whether its second row takes at most `allowed` times the first.

    Args:
        comparisons: what `compare` gave.
        allowed: the largest ratio.
        words: how the line calls what is allowed on top, as "a tenth".
    """
    for comparison in comparisons:
        ratio = comparison["rows"][1]["ratio"][1]
        verdict = "within" if ratio <= allowed else "NOT within"
        print(f"{comparison['title']}: {verdict} {words} ({ratio:.3f})")


def _spread(values):
    return [min(values), statistics.median(values), max(values)]


def _has(comparison, key):
    return all(key in row for row in comparison["rows"])


def _number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _line(cells):
    return f"| {' | '.join(cells)} |"


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
