"""Every client and driver sees the same through sluice as directly, byte for byte of its output."""
from __future__ import annotations

import difflib
import threading

from lib import tls
from lib.case import Case, test
from lib.clients import CLIENT_TABLE, Target, data_file, mask
from lib.util import Skip

OLD_DRIVERS = {"node-mysql"}     # know mysql_native_password only


def _both(t: Case, direct: Target, through: Target) -> dict[str, str]:
    """The client's output on each way; the two runs have databases of their own."""
    output: dict[str, str] = {}
    problem: list[BaseException] = []

    def go(name: str, target: Target) -> None:
        try:
            output[name] = mask(CLIENT_TABLE[t.client](target, t.dir), target)
        except BaseException as err:  # pylint: disable=broad-except
            problem.append(err)
    data_file(t.dir)
    threads = [threading.Thread(target=go, args=pair)
               for pair in (("direct", direct), ("through", through))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problem:
        raise problem[0]
    return output


@test(deadline=120, family=("mariadb", "mysql"), client=tuple(CLIENT_TABLE), tls=("off", "on"),
      order=20)
def test_same_output(t: Case) -> None:
    if t.client in OLD_DRIVERS and t.family == "mysql":
        raise Skip("the driver does not know caching_sha2_password")
    secure = t.tls == "on"
    settings: dict[str, object] = {}
    if secure:
        settings["client_tls"] = {"mode": "preferred", "cert": str(tls.SLUICE.cert),
                                  "key": str(tls.SLUICE.key)}
    prime(t)
    sluice = t.sluice(**settings)
    databases = [t.server.fresh_database(f"zz{way}{t.number}zz") for way in ("dir", "thr")]
    output = _both(t, Target(t.server.port, databases[0], secure),
                   Target(sluice.port, databases[1], secure))
    for name in databases:
        t.server.sql(f"DROP DATABASE {name}")
    lines = output["direct"].splitlines()
    assert len(lines) > 15 and any(line == "end" or "still in step" in line for line in lines), \
        f"the direct run did not reach its end:\n{output['direct'][-3000:]}"
    difference = list(difflib.unified_diff(lines, output["through"].splitlines(), "direct",
                                           "through sluice", lineterm="", n=1))
    assert not difference, "output differs:\n" + "\n".join(d[:300] for d in difference[:60])


def prime(t: Case) -> None:
    """A full login, so that caching_sha2_password's cache is warm for clients without TLS."""
    if t.family == "mysql":
        t.server.connect().close()
