"""Certificates for the tests, made once with the openssl command and kept under build/cache."""
from __future__ import annotations

import fcntl
import pathlib
import shutil

from lib.util import CACHE, run

DIR = CACHE / "func-tls"


class Cert:
    """A certificate with its key, both PEM files."""

    def __init__(self, name: str):
        self.cert = DIR / f"{name}.pem"
        self.key = DIR / f"{name}.key"


CA = Cert("ca")              # signs the others
OTHER_CA = Cert("other-ca")  # signs nothing that a server uses
SERVER = Cert("server")      # localhost, 127.0.0.1
STRANGER = Cert("stranger")  # right CA, wrong host name
SLUICE = Cert("sluice")      # what sluice shows to clients
SLUICE2 = Cert("sluice2")    # what it shows after a reload


def _make_ca(ca: Cert, name: str) -> None:
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650",
         "-subj", f"/CN={name}", "-keyout", str(ca.key), "-out", str(ca.cert)])


def _make_cert(cert: Cert, name: str, alt: str, serial: int) -> None:
    request = DIR / f"{name}.csr"
    extension = DIR / f"{name}.ext"
    extension.write_text(f"subjectAltName={alt}\n")
    run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
         "-keyout", str(cert.key), "-out", str(request)])
    run(["openssl", "x509", "-req", "-days", "3650", "-in", str(request), "-CA", str(CA.cert),
         "-CAkey", str(CA.key), "-set_serial", str(serial), "-extfile", str(extension),
         "-out", str(cert.cert)])


def _make_all() -> None:
    shutil.rmtree(DIR, ignore_errors=True)
    DIR.mkdir(parents=True, mode=0o755)
    _make_ca(CA, "sluice test CA")
    _make_ca(OTHER_CA, "another CA")
    local = "DNS:localhost,IP:127.0.0.1,IP:::1"
    _make_cert(SERVER, "server", local, 11)
    _make_cert(STRANGER, "stranger", "DNS:stranger.invalid", 12)
    _make_cert(SLUICE, "sluice", local, 13)
    _make_cert(SLUICE2, "sluice2", local, 14)
    for key in DIR.glob("*.key"):
        key.chmod(0o600)


def ensure() -> pathlib.Path:
    """Makes the certificates unless they exist; safe against a second test run."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "func-tls.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = DIR / "complete"
        if not stamp.exists():
            _make_all()
            stamp.touch()
    return DIR
