"""Sessions that play rows of lib/states.py at random, mixed, while the servers change under them.

    Stage ── dice ──> Actor (a session and its twin) ── Play (a row) ── Play ...
                        └─ script: what it did, step by step; a failure's is replayed and shortened
"""
from __future__ import annotations

import dataclasses
import os
import random
import re
import time
from typing import Callable, Optional, Sequence

from lib.moving import KNOWN, RESULTS, Trio, brief, same, same_but_counts
from lib.states import USERS, Row, rows
from lib.talk import Action, Answer, Driver, RawSession, Session

SKIP = os.environ.get("MOVE_SKIP", "").split()
SESSIONS = 20
DRIVERS = ("raw-text", "raw-binary", "raw-track", "pymysql", "mysqldb")
SHRINK_SECONDS = float(os.environ.get("MOVE_SHRINK", "20"))
FAILURES_MAX = 12

# Rows whose statements change what is replicated, or whose answers depend on a server's statistics.
LEFT_OUT = re.compile(r"binlog|sql_log_bin|skip_replication|gtid|server_id|insert_id|max_join_size"
                      r"|big_selects|autocommit|completion_type|uv_huge|lc_messages|big_result"
                      r"|read_only|isolation|timeout|role_default|profiling|information_schema")
# A row that holds one of these is played to its end before a move: it is a unit of work.
UNIT = re.compile(r"LOCK TABLES|FLUSH TABLES|\bBEGIN\b|START TRANSACTION|\bXA |SET TRANSACTION|"
                  r"autocommit|HANDLER|'long'|'cursor'|'fetch'")
DIAGNOSTICS = re.compile(r"SHOW (COUNT|WARNINGS|ERRORS)|ROW_COUNT|FOUND_ROWS|GET DIAGNOSTICS|"
                         r"(warning|error)_count", re.I)


# Reasons that no row has by itself, and what must have been played for them. On MySQL a number has
# the character set that it would be converted to, and none can be made with one like ucs2; and a
# statement that reads user variables has the types that they had when it was prepared. On MariaDB a
# row that was inserted by one play may be what the next IS NULL of another finds. Under a character
# set that may hide quotes a CREATE TABLE is not known for sure, and MySQL counts it.
MIXED = {"cannot be written as an expression": re.compile(
    "character_set_connection = (ucs2|utf16|utf16le|utf32)|collation_connection = '?(ucs2|utf16|"
    "utf32)"),
    "sql_auto_is_null": re.compile("sql_auto_is_null"),
    "may have said SET TRANSACTION": re.compile(r"CALL |EXECUTE |\b[fp]\("),
    "may have left a temporary table": re.compile(
        "(SET CHARACTER SET|SET NAMES) (DEFAULT|gbk|sjis|big5|cp932|gb18030)"),
    "a user variable may have another type": re.compile(r"'prepare', '\w+', [^)]*@")}

# Errors that name a prepared statement by its number, which is the server's own after a move.
BY_NUMBER = (1243, 1421)


class Play:
    """A row in the course of being played by one session, in a database of its own."""

    def __init__(self, row: Row, number: int, todo: Sequence[Action] = ()):
        self.row, self.number = row, number
        self.database = f"r{number}"
        self.todo = list(todo)
        self.unit = bool(UNIT.search(repr(row.setup + row.probes)))
        self.created = False

    def next(self) -> Action:
        action = self.todo.pop(0)
        self.created = self.created or "CREATE TABLE" in str(action)
        return action

    def holds(self) -> bool:
        """The rest belongs to what was: no move between them, nor another play. A table is not the
        same on the replica: MariaDB's DOUBLE(23), made of a variable, is shorter there, and the
        default storage engine is the replica's own."""
        return bool(self.todo) and (self.unit or self.created)

    def own(self, action: Action) -> Action:
        """With this play's names of databases, locks and prepared statements."""
        if isinstance(action, str):
            return self.text(action)
        kind, *rest = action
        if kind in ("prepare", "execute", "close", "reset", "long", "cursor", "fetch"):
            rest[0] = f"{self.number}.{rest[0]}"
        return (kind, *(self.text(r) if isinstance(r, str) else r for r in rest))

    def text(self, text: str) -> str:
        for quote in "'\"":
            for word in ("lock ", "multi lock "):
                text = text.replace(quote + word, f"{quote}{word}{self.number} ")
        return text.replace(self.row.database, self.database)


USE: Action = ("init_db", "")


@dataclasses.dataclass
class Step:
    """One line of a script: an action of a play (USE: its database), or a move. A command that
    waits for a move is behind it in the script, `held`."""
    play: Optional[Play] = None
    action: Action = ""
    held: bool = False

    def owned(self) -> Action:
        assert self.play is not None
        return ("init_db", self.play.database) if self.action is USE else self.play.own(self.action)

    def shown(self) -> str:
        if self.play is None:
            return "-- move --"
        return brief(self.owned()) + ("   (held)" if self.held else "")


class Failure(Exception):
    """The session and its twin do not agree, or the session ended without an allowed reason."""


class Couple:
    """One session and its twin."""

    def __init__(self, stage: "Stage", driver: Driver):
        self.stage, self.driver = stage, driver
        database = stage.database()
        self.moved, self.twin = (
            driver.open(port, "app", USERS["app"], database)
            for port in (stage.trio.sluice.port, stage.trio.third.port))
        self.script: list[Step] = []
        self.played: list[Row] = []
        self.over = False           # it ended, as it may

    def do(self, step: Step) -> None:
        self.script.append(step)
        action = step.owned()
        self.compare(action, self.moved.do(action), self.twin.do(action))

    def begin(self, step: Step) -> None:
        """Leaves a command unanswered: it is held at the gate."""
        assert isinstance(self.moved, RawSession)
        step.held = True
        self.script.append(step)
        self.moved.begin(step.owned())

    def end(self) -> None:
        assert isinstance(self.moved, RawSession)
        action = self.script[-1].owned()
        self.compare(action, self.moved.end(), self.twin.do(action))

    def compare(self, action: Action, moved: Answer, twin: Answer) -> None:
        if moved.error and twin.error and moved.error[0] == twin.error[0] in BY_NUMBER:
            moved, twin = unnumbered(moved), unnumbered(twin)
        if same(moved, twin) or same_but_counts(action, moved, twin):
            return
        if moved.error and moved.error[0] == 1105 and DIAGNOSTICS.search(str(action)):
            self.stage.count("diagnostics after a move")
        elif moved.error and moved.error[0] == 1615 and action[0] == "execute":
            self.stage.count("told to prepare again")
            self.over = True        # from here on the two statements differ
        elif moved.lost and not twin.lost:
            self._refused(moved)
        else:
            raise Failure(f"{brief(action)}\n    moved {moved.shown()}\n    twin  {twin.shown()}")

    def _refused(self, answer: Answer) -> None:
        assert answer.error is not None
        reason = (f"{answer.error[1]} {self.stage.obstacles.get(self.moved.thread_id, '')}"
                  f" {self.stage.trio.last_words(self.moved.thread_id)}")
        allowed = {word for row in self.played for word in row.may}
        allowed |= {word for word, texts in MIXED.items() if texts.search(repr(self.played))}
        if not any(word.lower() in reason.lower() for word in allowed):
            raise Failure(f"ended: {reason}; it had played rows that allow {sorted(allowed)}")
        self.stage.count("ended: " + reason.split("[")[0][:90])
        self.over = True

    def close(self) -> None:
        self.moved.close()
        self.twin.close()


class Actor:
    """Plays rows on one couple of sessions after the other."""

    def __init__(self, stage: "Stage", number: int):
        self.stage, self.number = stage, number
        self.driver = stage.drivers[number % len(stage.drivers)]
        self.couple = Couple(stage, self.driver)
        self.plays: list[Play] = []
        self.current: Optional[Play] = None

    def next_step(self) -> Step:
        """The next statement of a row in play; begins rows and switches between them."""
        dice = self.stage.dice
        self.plays = [p for p in self.plays if p.todo]
        if len(self.plays) < dice.randint(1, 3):
            self.plays.append(self.stage.new_play(self.couple))
        play = dice.choice(self.plays)
        if self.current is not None and self.current.holds():
            play = self.current
        if play is not self.current:
            self.current = play
            return Step(play, USE)
        return Step(play, play.next())

    def in_unit(self) -> bool:
        return self.current is not None and self.current.holds()

    def step(self) -> None:
        self._safely(lambda: self.couple.do(self.next_step()))

    def begin(self) -> None:
        self.couple.begin(self.next_step())

    def end(self) -> None:
        self._safely(self.couple.end)

    def _safely(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Failure as failure:
            self.stage.failed(self, str(failure))
            self.couple.over = True
        if self.couple.over:
            self.couple.close()
            self.couple = Couple(self.stage, self.driver)
            self.plays, self.current = [], None

    def close(self) -> None:
        self.couple.close()


@dataclasses.dataclass
class Found:
    """A difference: where, what, and the script that led to it."""
    where: str
    text: str
    driver: Driver
    script: list[Step]

    def shown(self) -> str:
        lines = "\n    ".join(step.shown() for step in self.script)
        return f"{self.where}: {self.text}\n  {self.driver.name}, script:\n    {lines}"


class Stage:
    """All actors, the dice, and the moves."""

    def __init__(self, trio: Trio, seed: int):
        self.trio, self.seed = trio, seed
        self.dice = random.Random(seed)
        self.drivers = [Driver(name) for name in DRIVERS]
        self.pool = [r for r in rows(trio.family) if r.random and not LEFT_OUT.search(r.name)
                     and r.user == "app" and r.schema == "own" and not r.target_only
                     and not r.aborted and r.name not in KNOWN
                     and not any(w in r.name for w in SKIP)]
        self.numbers = 0
        self.moves = self.steps = 0
        self.counts: dict[str, int] = {}
        self.obstacles: dict[int, str] = {}
        self.found: list[Found] = []
        self.actors = [Actor(self, n) for n in range(SESSIONS)]

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def failed(self, actor: Actor, text: str) -> None:
        where = (f"MOVE_SEED={self.seed}, session {actor.number}, after {self.moves} moves and"
                 f" {self.steps} statements")
        self.found.append(Found(where, text, actor.driver, list(actor.couple.script)))

    def new_play(self, couple: Couple) -> Play:
        kinds = type(couple.moved).actions
        while True:
            row = self.dice.choice(self.pool)
            # Most sessions shall live long.
            if row.may and self.dice.random() > 0.05:
                continue
            if row.drivers and couple.driver.name not in row.drivers:
                continue
            if all(isinstance(a, str) or a[0] in kinds for a in row.setup + row.probes):
                break
        makes = "CREATE TABLE" in repr((row.setup, row.probes))
        todo = list(row.setup) + list(row.probes) * self.dice.choice((1, 1, 1 if makes else 2))
        couple.played.append(row)
        return self.make(row, todo)

    def database(self) -> str:
        """A new one, empty, which the servers' root is in."""
        self.numbers += 1
        for server in (self.trio.active[1], self.trio.third):
            server.sql(f"CREATE DATABASE r{self.numbers}")
            server.sql(f"USE r{self.numbers}")
        return f"r{self.numbers}"

    def make(self, row: Row, todo: Sequence[Action]) -> Play:
        """A play with its database and fixture."""
        self.database()
        play = Play(row, self.numbers, todo)
        for server in (self.trio.active[1], self.trio.third):
            for statement in row.fixture:
                server.sql(play.text(statement))
        return play

    def play(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and len(self.found) < FAILURES_MAX:
            for _ in range(self.dice.randint(20, 150)):
                self.steps += 1
                self.dice.choice(self.actors).step()
            for _ in range(self.dice.choice((1, 1, 1, 2))):
                self.move()

    def move(self) -> None:
        """To a safe point, some with a command that waits, and over."""
        for actor in self.actors:
            while actor.in_unit():
                self.steps += 1
                actor.step()
        self.trio.pause("2s")
        self.obstacles.update(self.trio.obstacles())
        for actor in self.actors:
            actor.couple.script.append(Step())
        waiting = [a for a in self.actors
                   if isinstance(a.couple.moved, RawSession) and self.dice.random() < 0.3]
        for actor in waiting:
            actor.begin()
        self.trio.repoint()
        self.moves += 1
        for actor in waiting:
            actor.end()

    def close(self) -> None:
        for actor in self.actors:
            actor.close()

    def summary(self) -> str:
        return (f"seed {self.seed}: {self.steps} statements, {self.numbers} rows,"
                f" {self.moves} moves; {self.counts}")

    def verdict(self) -> None:
        assert self.moves >= 3, self.summary()
        if not self.found:
            return
        self.close()
        self.actors = []
        kinds = {re.sub(r"\d+", "N", f.text)[:60]: f for f in reversed(self.found)}
        place = RESULTS / f"move-random-{self.trio.family}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        for found in kinds.values():
            print(found.where, found.text)      # whatever becomes of the shorter script
            Shrinker(self, found, time.monotonic() + SHRINK_SECONDS).run()
            place.write_text("\n\n".join(f.shown() for f in kinds.values()) + "\n")
        shown = [f.shown() for f in kinds.values()]
        print("\n\n".join(text[-3000:] for text in reversed(shown)))
        raise AssertionError(f"{len(self.found)} differences of {len(kinds)} kinds, all in {place};"
                             f" {shown[-1][-3000:]}")


def unnumbered(answer: Answer) -> Answer:
    """Without the server's number of a statement, which its error text names."""
    assert answer.error is not None
    number, text = answer.error
    return Answer(answer.value, (number, re.sub(r"\((\d+|number of .*?)\)", "(its number)", text)))


class Shrinker:
    """Replays a failed script with ever more steps left out, as long as it fails at its end."""

    def __init__(self, stage: Stage, found: Found, until: float):
        self.stage, self.found, self.until = stage, found, until

    def run(self) -> None:
        atoms, last = self._atoms(self.found.script[:-1]), self.found.script[-1]
        size = max(1, len(atoms))
        if not self._fails(atoms, last):
            self.found.where += " (not again when replayed alone)"
            return
        while True:
            at = 0
            while at < len(atoms) and time.monotonic() < self.until:
                fewer = atoms[:at] + atoms[at + size:]
                if self._fails(fewer, last):
                    atoms = fewer
                else:
                    at += size
            if size == 1 or time.monotonic() >= self.until:
                return
            size = max(1, size // 2)

    @staticmethod
    def _atoms(steps: Sequence[Step]) -> list[list[Step]]:
        """Steps that are left out together: a unit of work is one."""
        atoms: list[list[Step]] = []
        units: dict[int, list[Step]] = {}
        for step in steps:
            number = step.play.number if step.play is not None and step.play.unit else 0
            if number == 0 or number not in units:
                atoms.append([])
            units.setdefault(number, atoms[-1])
            (units[number] if number else atoms[-1]).append(step)
        return atoms

    def _fails(self, atoms: Sequence[Sequence[Step]], last: Step) -> bool:
        """On success the shorter script, and what it shows, are the finding's."""
        couple = Couple(self.stage, self.found.driver)
        plays: dict[int, Play] = {}
        steps = [s for atom in atoms for s in atom] + [last]
        text = ""
        try:
            for number, step in enumerate(steps):
                holds = number + 1 < len(steps) and steps[number + 1].held
                self._again(couple, step, plays, holds)
                if couple.over:
                    break
        except Failure as failure:
            text = str(failure)
        again = text != "" and len(couple.script) == len(steps)
        if again:
            self.found.text, self.found.script = text, couple.script
        couple.close()
        return again

    def _again(self, couple: Couple, old: Step, plays: dict[int, Play], holds: bool) -> None:
        """`holds`: the next command waits at the gate."""
        if old.play is None:
            couple.script.append(Step())
            self.stage.trio.pause("2s")
            self.stage.obstacles.update(self.stage.trio.obstacles())
            if not holds:
                self.stage.trio.repoint()
            return
        if old.play.number not in plays:
            plays[old.play.number] = self.stage.make(old.play.row, ())
            couple.played.append(old.play.row)
        step = Step(plays[old.play.number], old.action)
        if old.held and couple.script and couple.script[-1].play is None:
            couple.begin(step)
            self.stage.trio.repoint()
            couple.end()
        else:
            couple.do(step)
