"""A picture of throughput and stall in the terminal, from a timeline in 10 ms steps."""
from __future__ import annotations

import csv
import dataclasses
import os
import pathlib
import sys
from typing import Callable, Sequence

STEP_MS = 10
BLOCKS = " ▁▂▃▄▅▆▇█"
ASCII = " .:-=+*#@"


@dataclasses.dataclass(frozen=True)
class Step:
    """10 ms of a load; `max_us` is the wait of the unluckiest that came in it."""
    t_ms: int
    started: int
    completed: int
    errors: int
    max_us: int


def read_timeline(path: pathlib.Path) -> list[Step]:
    with open(path, newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return [Step(*(int(row[f.name]) for f in dataclasses.fields(Step))) for row in rows]


def can_show_unicode() -> bool:
    named = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    stdout = (sys.stdout.encoding or "").lower().replace("-", "")
    return "utf-8" in named.lower().replace("utf8", "utf-8") and stdout == "utf8"


def columns(steps: Sequence[Step], begin_ms: int, width_ms: int, count: int,
            value: Callable[[Sequence[Step]], float]) -> list[float]:
    """One value for each of `count` columns of `width_ms`."""
    by_time = {step.t_ms: step for step in steps}
    result = []
    for i in range(count):
        first = begin_ms + i * width_ms
        inside = [by_time[t] for t in range(first, first + width_ms, STEP_MS) if t in by_time]
        result.append(value(inside))
    return result


def graph(values: Sequence[float], rows: int, unicode: bool) -> list[str]:
    """Lines from top to bottom; the highest value fills all rows."""
    blocks = BLOCKS if unicode else ASCII
    levels = len(blocks) - 1
    top = max([*values, 1e-9])
    lines = []
    for row in range(rows - 1, -1, -1):
        line = ""
        for value in values:
            filled = value / top * rows - row  # of this row, in rows
            level = min(levels, max(0, round(filled * levels)))
            if row == 0 and value > 0:
                level = max(level, 1)  # a little is not nothing
            line += blocks[level]
        lines.append(line)
    return lines


def axis(begin_ms: int, width_ms: int, count: int) -> str:
    """Offsets in seconds, one at every twelfth column."""
    line = ""
    for i in range(0, count, 12):
        line += f"|{(begin_ms + i * width_ms) / 1000:.2f}".ljust(12)
    return line[:count]


def markers(marks: Sequence[tuple[int, str]], begin_ms: int, width_ms: int, count: int) -> str:
    """A letter under the column in which something was done; later ones give way to the right."""
    line = [" "] * count
    for at_ms, letter in marks:
        i = (at_ms - begin_ms) // width_ms
        while 0 <= i < count and line[i] != " ":
            i += 1
        if 0 <= i < count:
            line[i] = letter
    return "".join(line)


def draw(steps: Sequence[Step], begin_ms: int, end_ms: int, marks: Sequence[tuple[int, str]],
         count: int = 72) -> str:
    """Throughput, longest wait, errors and marks between two moments."""
    unicode = can_show_unicode()
    begin_ms = max(0, begin_ms // STEP_MS * STEP_MS)
    width_ms = max(STEP_MS, -(-(end_ms - begin_ms) // count // STEP_MS) * STEP_MS)
    rate = columns(steps, begin_ms, width_ms, count,
                   lambda s: sum(x.completed for x in s) * 1000 / width_ms)
    wait = columns(steps, begin_ms, width_ms, count,
                   lambda s: max((x.max_us for x in s), default=0) / 1000)
    errors = columns(steps, begin_ms, width_ms, count, lambda s: sum(x.errors for x in s))
    bar = "│" if unicode else "|"
    out = [f"units of work completed, at most {max(rate):.0f} a second "
           f"(a column is {width_ms} ms)"]
    out += [f"  {bar}{line}" for line in graph(rate, 4, unicode)]
    out += [f"longest wait of those who came at that moment, at most {max(wait):.0f} ms"]
    out += [f"  {bar}{line}" for line in graph(wait, 4, unicode)]
    out += [f"errors  {sum(errors):.0f}"]
    out += [f"  {bar}" + "".join("x" if e else " " for e in errors)]
    out += [f"   {markers(marks, begin_ms, width_ms, count)}"]
    out += [f"   {axis(begin_ms, width_ms, count)}  s"]
    return "\n".join(out)
