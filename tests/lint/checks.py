"""The checks of `make lint`: functions from a source tree to problems (which fail) and notes.

Each takes the root of a tree, so that tests/lint/selftest can show it a bad one.
"""
import fnmatch
import math
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

LAYERS = Path(__file__).resolve().parent / "layers.txt"
GENERATED = "tests/lint/generated.txt"
CODE_FOLDERS = ("proxy", "admin", "bench")
BANNED = ("strcpy", "strcat", "sprintf", "strncpy", "strtok", "atoi")
MEDIAN, P95, LONGEST = 20, 60, 100
FILE_WARN, FILE_MOST = 500, 800
COLUMNS = 100


@dataclass
class Found:
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def files(root: Path, folders: Iterable[str], suffixes: tuple[str, ...] = ("",)) -> list[Path]:
    """Files below the folders, relative to root, without what is built or only cached."""
    found: list[Path] = []
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.name.endswith(suffixes) and "__pycache__" not in path.parts:
                found.append(path.relative_to(root))
    return found


def c_files(root: Path, tests: bool = False,
            suffixes: tuple[str, ...] = (".c", ".h")) -> list[Path]:
    return files(root, CODE_FOLDERS + (("tests",) if tests else ()), suffixes)


def read(root: Path, path: Path) -> str:
    return (root / path).read_text(encoding="utf-8", errors="replace")


# --- layers ---------------------------------------------------------------------------------------

@dataclass
class Third:
    header: str
    allowed: list[str] = field(default_factory=list)
    only_one: list[str] = field(default_factory=list)


@dataclass
class Layers:
    layer: dict[str, list[str]] = field(default_factory=dict)
    third: list[Third] = field(default_factory=list)
    free: list[str] = field(default_factory=list)


def parse_layers(text: str) -> Layers:
    table = Layers()
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        kind, rest = line.split(None, 1)
        if kind == "free":
            table.free += rest.split()
            continue
        name, _, right = rest.partition(":")
        if kind == "layer":
            table.layer[name] = right.split()
        elif kind == "third":
            rule = Third(name)
            for word in right.split():
                one = re.fullmatch(r"one\((.*)\)", word)
                (rule.only_one if one else rule.allowed).append(one[1] if one else word)
            table.third.append(rule)
        else:
            raise ValueError(f"layers.txt: {line}")
    return table


def fits(name: str, patterns: Iterable[str]) -> bool:
    """Shell patterns in which * does not cross folders, except for one that ends in /*."""
    for pattern in patterns:
        if pattern.endswith("/*") and name.startswith(pattern[:-1]):
            return True
        if fnmatch.fnmatchcase(name, pattern) and name.count("/") == pattern.count("/"):
            return True
    return False


INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def layer_of(path: Path) -> str:
    return path.parts[1] if path.parts[0] == "proxy" and len(path.parts) > 2 else path.parts[0]


def own_include(table: Layers, path: Path, header: str) -> str | None:
    """Why this file of ours may not include that header of ours."""
    if "/" not in header:
        return "write the folder too"
    layer, target = layer_of(path), header.split("/")[0]
    allowed = table.layer.get(layer)
    if allowed is None:
        return f"folder {layer} is not in layers.txt"
    if target == layer or target in allowed or header in allowed:
        return None
    return f"{layer} may include: {' '.join(allowed) or 'nothing of ours'}"


def layers(root: Path) -> Found:
    """The include table of tests/lint/layers.txt."""
    table, found = parse_layers(LAYERS.read_text(encoding="utf-8")), Found()
    users: dict[str, set[str]] = {}
    for path in c_files(root):
        name = str(path)
        if fits(name, table.free):
            continue
        text = read(root, path)
        for match in INCLUDE.finditer(text):
            where = f"{name}:{text.count(chr(10), 0, match.start(2)) + 1}"
            quote, header = match.groups()
            rule = next((t for t in table.third if fits(header, [t.header])), None)
            if rule:
                if fits(name, rule.only_one):
                    what = f"<{Path(header).name}> in {' '.join(rule.only_one)}"
                    users.setdefault(what, set()).add(name)
                elif not fits(name, rule.allowed):
                    found.problems.append(f"{where}: <{header}> may not be included here")
            elif quote == '"':
                why = own_include(table, path, header)
                if why:
                    found.problems.append(f'{where}: "{header}": {why}')
    for what, names in users.items():
        if len(names) > 1:
            found.problems.append(f"{what}: only one file may, not {', '.join(sorted(names))}")
    return found


# --- sizes ----------------------------------------------------------------------------------------

def function_lengths(text: str) -> list[tuple[int, int]]:
    """(line, length) of every function; the format puts its braces alone into the first column."""
    lengths, start = [], 0
    for number, line in enumerate(text.splitlines(), 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            lengths.append((start, number - start + 1))
            start = 0
    return lengths


def percentile(values: list[int], share: float) -> int:
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def comment_share(root: Path, paths: list[Path]) -> float:
    comments = total = 0
    for path in paths:
        for line in read(root, path).splitlines():
            total += bool(line.strip())
            comments += bool(re.match(r"\s*(//|/\*|\*[ /])", line)) or "//" in line
    return 100 * comments / max(1, total)


def lengths(root: Path) -> Found:
    """Functions and files stay short: median, 95th percentile, longest."""
    found, every = Found(), []
    sources = c_files(root, suffixes=(".c",))
    for path in sources:
        text = read(root, path)
        lines = text.count("\n")
        if lines >= FILE_MOST:
            found.problems.append(f"{path}: {lines} lines, the most is {FILE_MOST - 1}")
        elif lines >= FILE_WARN:
            found.notes.append(f"{path}: {lines} lines, should be below {FILE_WARN}")
        for start, length in function_lengths(text):
            every.append(length)
            if length > LONGEST:
                found.problems.append(f"{path}:{start}: a function of {length} lines, "
                                      f"the most is {LONGEST}")
    if every:
        median, p95 = percentile(every, 0.5), percentile(every, 0.95)
        found.notes.append(f"{len(every)} functions in {len(sources)} files: median {median}, "
                           f"95th percentile {p95}, longest {max(every)} lines; "
                           f"comments {comment_share(root, c_files(root)):.0f} %")
        if median > MEDIAN:
            found.problems.append(f"the median function has {median} lines, wanted {MEDIAN}")
        if p95 > P95:
            found.problems.append(f"the 95th percentile is {p95} lines, wanted {P95}")
    return found


# --- compilers and formatter ----------------------------------------------------------------------

Work = tuple[str, Path]


def parallel(function: Callable[[Work], str | None], work: list[Work]) -> list[str]:
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        return [text for text in pool.map(function, work) if text]


def package_flags() -> list[str]:
    asked = subprocess.run(["pkg-config", "--cflags", "libmongoc-1.0", "libmariadb", "libedit"],
                           check=False, capture_output=True, text=True)
    return [f.replace("-I", "-isystem", 1) for f in asked.stdout.split()]


def headers(root: Path) -> Found:
    """Every header compiles alone, with gcc and with clang."""
    flags = ["-std=c17", "-Iproxy", "-I.", "-D_GNU_SOURCE=", "-Wall", "-Wextra", "-Wshadow",
             "-Wconversion", "-Werror", "-fsyntax-only", "-x", "c", *package_flags()]

    def alone(work: Work) -> str | None:
        compiler, path = work
        include = str(path).removeprefix("proxy/")
        done = subprocess.run([compiler, *flags, "-"], input=f'#include "{include}"\n', cwd=root,
                              check=False, capture_output=True, text=True)
        if done.returncode == 0:
            return None
        errors = [line for line in done.stderr.splitlines() if "error" in line]
        return f"{path} ({compiler}): {errors[0] if errors else done.stderr[:200]}"

    paths = c_files(root, suffixes=(".h",))
    return Found(parallel(alone, [(c, p) for c in ("gcc", "clang") for p in paths]),
                 [f"{len(paths)} headers"])


def layout(root: Path) -> Found:
    """clang-format has nothing to change."""
    def changed(work: Work) -> str | None:
        done = subprocess.run(["clang-format", "--dry-run", "-Werror", str(work[1])], cwd=root,
                              check=False, capture_output=True, text=True)
        first = done.stderr.splitlines()[0] if done.stderr else "differs"
        return f"{first} (make format)" if done.returncode else None

    return Found(parallel(changed, [("", p) for p in c_files(root, tests=True)]))


# --- text -----------------------------------------------------------------------------------------

COMMENT_OR_STRING = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)


def only_code(text: str) -> str:
    """The text with comments and literals blanked, lines kept."""
    return COMMENT_OR_STRING.sub(lambda m: "\n" * m[0].count("\n") or " ", text)


def banned(root: Path) -> Found:
    """Functions that write past buffers or hide errors are not called (also base/banned.h)."""
    found, call = Found(), re.compile(rf"\b({'|'.join(BANNED)})\s*\(")
    for path in c_files(root, tests=True):
        if path.name == "banned.h":
            continue
        for number, line in enumerate(only_code(read(root, path)).splitlines(), 1):
            for match in call.finditer(line):
                found.problems.append(f"{path}:{number}: {match[1]} is banned")
    return found


def opening(root: Path) -> Found:
    """Every .c file says in its first line what it is for."""
    return Found([f"{path}:1: open with a comment that says what this file is for"
                  for path in c_files(root, suffixes=(".c",))
                  if not read(root, path).startswith(("//", "/*"))])


def text_files(root: Path) -> list[Path]:
    top = [p.relative_to(root) for p in sorted(root.iterdir()) if p.is_file()]
    inside = files(root, (*CODE_FOLDERS, "tests", "docs", "conf"))
    return [p for p in top + inside if "corpus" not in p.parts and p.parts[:2] != ("tests", "lint")
            and b"\0" not in (root / p).read_bytes()[:4096]]


def markers(root: Path) -> Found:
    """No work is left under other names than NEEDSWORK, and those are listed."""
    found, forbidden = Found(), re.compile(r"\b(TODO|FIXME|XXX)\b")
    for path in text_files(root):
        for number, line in enumerate(read(root, path).splitlines(), 1):
            if forbidden.search(line) and "No TODO" not in line:
                found.problems.append(f"{path}:{number}: {line.strip()}")
            elif "NEEDSWORK:" in line:
                found.notes.append(f"{path}:{number}: {line.strip()}")
    return found


def script_kind(root: Path, path: Path) -> str:
    first = read(root, path)[:80].split("\n", 1)[0]
    if path.suffix == ".py" or (first.startswith("#!") and "python" in first):
        return "python"
    return "shell" if path.suffix == ".sh" or re.match(r"#!.*\b(ba|da)?sh\b", first) else ""


def scripts(root: Path) -> Found:
    """Python files compile, have no long lines, and shell files parse."""
    found = Found()
    for path in [*text_files(root), *files(root, ("tests/lint", ".ci"))]:
        kind, text = script_kind(root, path), read(root, path)
        if kind == "python":
            try:
                compile(text, str(path), "exec")
            except SyntaxError as error:
                found.problems.append(f"{path}:{error.lineno}: {error.msg}")
            found.problems += [f"{path}:{n}: {len(line)} columns" for n, line
                               in enumerate(text.splitlines(), 1) if len(line) > COLUMNS]
        elif kind == "shell":
            done = subprocess.run(["bash", "-n", str(path)], cwd=root, check=False,
                                  capture_output=True, text=True)
            if done.returncode:
                found.problems.append(f"{path}: {done.stderr.strip()}")
    return found


def generated_rows(root: Path) -> list[tuple[str, str]]:
    table = root / GENERATED
    lines = table.read_text(encoding="utf-8").splitlines() if table.exists() else []
    rows = [line.split("\t") for line in lines if line.strip() and not line.startswith("#")]
    return [(row[0], row[-1]) for row in rows]


def generate(root: Path, command: str) -> tuple[bool, str]:
    """Runs a generator; says whether it worked, and its output or its error."""
    try:
        done = subprocess.run(shlex.split(command), cwd=root, check=False, capture_output=True,
                              text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, str(error)
    return done.returncode == 0, done.stdout if done.returncode == 0 else done.stderr[:200]


def generated(root: Path) -> Found:
    """Documents written by a program are what it would write now."""
    found = Found()
    for name, command in generated_rows(root):
        worked, text = generate(root, command)
        path = root / name
        if not worked:
            found.problems.append(f"{name}: `{command}` failed: {text}")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            found.problems.append(f"{name}: out of date (make generate)")
    return found


CHECKS: list[Callable[[Path], Found]] = [
    layers, lengths, headers, layout, banned, opening, generated, markers, scripts]
