"""Downloads files over HTTP, resuming where a connection broke, and checks whether a server can be reached.

The bytes received so far are kept beside the target as `NAME.partial`, with the server's ETag or date of the file
in `NAME.partial.json`. Every further request asks for the rest on the condition that the file is still that one
(RFC 9110, Range and If-Range); if it is not, or if the server gives neither, the download starts over. A stall, a
cut connection and the answers 408, 416, 429 and 5xx are tried again, with waits that double, until several tries
in a row bring nothing new; any other answer ends the download.
"""

import http.client
import json
import os
import re
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foundation.files import sync_file, sync_folder
from foundation.program import program_name
from suites.errors import DataError
from suites.task import Progress

BLOCK = 1 << 16
SECONDS = 2.0  # with the time that Python takes to start, an answer within 5 seconds
TRY_AGAIN = (408, 416, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server.

    Attributes:
        stall: seconds without a byte after which a connection is given up.
        tries: in a row that bring nothing new, after which the download is given up.
        wait: seconds before the second of them; it doubles with each.
    """

    stall: float = 30.0
    tries: int = 5
    wait: float = 1.0


class Interrupted(Exception):
    """This try has failed and another may succeed; the text says why."""


@dataclass
class _Partial:
    """What has come so far.

    Attributes:
        path: the bytes.
        identity: the server's ETag, or Last-Modified, of what they are from; empty if it gave none.
        total: bytes of the whole file, if the server said.
    """

    path: Path
    identity: str = ""
    total: int | None = None
    about: Path = field(init=False)

    def __post_init__(self) -> None:
        self.about = self.path.with_name(f"{self.path.name}.json")
        try:
            stored = json.loads(self.about.read_text())
            total = stored["total"]
            self.identity, self.total = str(stored["identity"]), int(total) if total is not None else None
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            self.discard()

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def begin(self, identity: str, total: int | None) -> None:
        self.path.write_bytes(b"")
        self.identity, self.total = identity, total
        self.about.write_text(json.dumps({"identity": identity, "total": total}))

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.about.unlink(missing_ok=True)
        self.identity, self.total = "", None


def check_server(url: str, seconds: float = SECONDS) -> str | None:
    """Why a server cannot be used now, in a few words; None if it answers.

    Any answer counts but those of a faulty server (5xx). Looking up its name can hang, so a thread asks.

    Args:
        url: of something on it; only its headers are asked for.
        seconds: to wait at most, looking up the name included.
    """
    found = ["no answer"]

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")
            with urllib.request.urlopen(request, timeout=seconds):
                found[0] = ""
        except urllib.error.HTTPError as error:
            found[0] = f"it answers {error.code} {error.reason}" if error.code >= 500 else ""
            error.close()
        except (OSError, ValueError, http.client.HTTPException) as error:
            found[0] = str(getattr(error, "reason", error)) or type(error).__name__

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return found[0] or None


def download(
    url: str,
    target: Path,
    verify: Callable[[Path], None],
    *,
    patience: Patience,
    progress: Progress | None,
    say: Callable[[str], None],
) -> None:
    """Download a file, and keep it if it can be verified.

    Args:
        url: http or https.
        target: its path; the caller holds a lock on it.
        verify: raises DataError for a whole file that is not the right one.
        patience: with the server.
        progress: called with (bytes so far, bytes in all).
        say: called with a sentence about each restart and wait.

    Raises:
        DataError: the server gives no whole file, the disk is full, or `verify` refuses what came.
    """
    failures = 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = _Partial(target.with_name(f"{target.name}.partial"))
        best = partial.size
        while True:
            try:
                _attempt(url, partial, patience, progress, say)
                break
            except Interrupted as reason:
                failures = 0 if partial.size > best else failures + 1
                best = max(best, partial.size)
                if failures >= patience.tries:
                    raise DataError(
                        f"{url} cannot be downloaded: {reason}, the last of {failures} tries in a row that "
                        f"brought nothing; what has come ({partial.size:,} bytes) is kept, fetch again later"
                    ) from reason
                wait = patience.wait * 2 ** max(0, failures - 1)
                say(f"{reason}; trying again in {wait:g} s")
                time.sleep(wait)
        try:
            verify(partial.path)
        except DataError:
            partial.discard()
            raise
        sync_file(partial.path)
        os.replace(partial.path, target)
        sync_folder(target.parent)
        partial.discard()
    except OSError as error:
        raise DataError(
            f"{url} cannot be stored as {target} ({error.strerror or error}); free space there or choose another "
            f"folder"
        ) from error


def _attempt(
    url: str, partial: _Partial, patience: Patience, progress: Progress | None, say: Callable[[str], None]
) -> None:
    """One request for what is missing; returns when the file is whole."""
    have = partial.size
    if have and (not partial.identity or have == partial.total):
        if have == partial.total:
            return
        say("the server gives its file neither a tag nor a date, so the download starts over")
        partial.discard()
        have = 0
    headers = {"User-Agent": "diffusion-guidance-bench", "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": partial.identity}
    with _request(url, headers, partial, patience, say) as answer:
        _start_or_continue(answer, have, partial, say)
        _receive(answer, partial, progress)
    if partial.total is not None and partial.size != partial.total:
        if partial.size > partial.total:
            partial.discard()
            raise Interrupted("the server sent more than it announced")
        raise Interrupted(f"the connection ended after {partial.size:,} of {partial.total:,} bytes")


def _request(
    url: str, headers: dict[str, str], partial: _Partial, patience: Patience, say: Callable[[str], None]
) -> Any:
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=patience.stall)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416:
                say("the server has no such rest (416), so the download starts over")
                partial.discard()
            if error.code in TRY_AGAIN:
                raise Interrupted(f"the server answered {error.code} {error.reason}") from error
            raise DataError(
                f"{url} cannot be downloaded: the server answered {error.code} {error.reason}; check the address, "
                f"or get the file elsewhere and use `{program_name()} data import`"
            ) from error
    except (OSError, http.client.HTTPException) as error:  # no connection, a stall, or no HTTP at all
        raise Interrupted(f"no answer from the server ({getattr(error, 'reason', error) or 'none'})") from error
    except ValueError as error:  # an address that is none
        raise DataError(f"{url} is no address to download from ({error})") from error


def _start_or_continue(answer: Any, have: int, partial: _Partial, say: Callable[[str], None]) -> None:
    """Decide whether the answer continues the partial file, and start over if not."""
    identity = _get_identity(answer.headers)
    if answer.status == 206 and have:
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
        goes_on = span is not None and int(span[1]) == have
        known = span is not None and (partial.total is None or span[2] in ("*", str(partial.total)))
        if goes_on and known and identity in ("", partial.identity):
            return
        partial.discard()
        say("the file changed on the server, so the download starts over")
        raise Interrupted("the rest that the server sent belongs to another file")
    if answer.status != 200:
        raise Interrupted(f"the server answered {answer.status} {answer.reason}")
    if have:
        changed = identity != partial.identity
        say(f"the {'file changed on the server' if changed else 'server cannot resume'}, the download starts over")
    length = answer.headers.get("Content-Length")
    total = int(length) if length is not None and length.isdigit() else None
    if total is not None and shutil.disk_usage(partial.path.parent).free < total:
        raise OSError(28, f"{total / 1e6:,.0f} MB are to come, and there is less free space")
    partial.begin(identity, total)


def _receive(answer: Any, partial: _Partial, progress: Progress | None) -> None:
    with partial.path.open("ab") as file:
        done = file.tell()
        while True:
            try:
                block = answer.read1(BLOCK)
            except (OSError, http.client.HTTPException) as error:
                raise Interrupted(f"the connection broke after {done:,} bytes ({error or 'cut'})") from error
            if not block:
                return
            file.write(block)
            done += len(block)
            if progress is not None:
                progress(done, max(done, partial.total or 0))


def _get_identity(headers: Any) -> str:
    """A strong ETag, else the date of change, else nothing."""
    tag = headers.get("ETag", "")
    return tag if tag.startswith('"') else headers.get("Last-Modified", "")
