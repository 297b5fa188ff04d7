"""`tremble data fetch` against a server on this machine that cuts, lies and refuses."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from tests.support.commands import mistake, tremble
from tremble.datasets import akata2025
from tremble.datasets import fetch as downloading
from tremble.datasets.base import Download, names, source
from tremble.datasets.fetch import fetch
from tremble.errors import UserError

BODY = bytes(range(256)) * 1000  # 256,000 bytes
DIGEST = hashlib.sha256(BODY).hexdigest()
MANUAL = "take the file from the page of the paper"


@dataclass
class Served:
    """What the server does, and the requests that it got."""

    body: bytes = BODY
    etag: str | None = '"one"'
    modified: str | None = None
    ranges: bool = True
    cut_after: list[int] = field(default_factory=list)  # bytes before the cut, request by request
    status: int = 200
    shift: int = 0  # how far a partial answer starts from where it should
    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)

    def download(self, **changes: Any) -> Download:
        return replace(Download(self.url, "it.csv", DIGEST, len(BODY)), **changes)


def _handler(served: Served) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(dict(self.headers))
            if served.status != 200:
                self.send_error(served.status)
                return
            start = self._start()
            if start > 0 and start >= len(served.body):
                self.send_error(416)
                return
            rest = served.body[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(rest)))
            if start:
                first = start + served.shift
                last = len(served.body) - 1
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(served.body)}")
            for name, value in (("ETag", served.etag), ("Last-Modified", served.modified)):
                if value is not None:
                    self.send_header(name, value)
            self.end_headers()
            if served.cut_after:
                rest = rest[: served.cut_after.pop(0)]
            self.wfile.write(rest)
            self.close_connection = True

        def _start(self) -> int:
            wanted, condition = self.headers.get("Range"), self.headers.get("If-Range")
            current = {served.etag, served.modified} - {None}
            if wanted is None or not served.ranges or condition not in current:
                return 0
            return int(wanted.removeprefix("bytes=").removesuffix("-"))

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(downloading, "PAUSE", 0.0)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    state = Served()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    state.url = f"http://127.0.0.1:{server.server_port}/it.csv"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()


def get(served: Served, folder: Path, **changes: Any) -> downloading.Fetched:
    return fetch(served.download(**changes), folder, MANUAL, lambda done, total: None)


def refusal(served: Served, folder: Path, **changes: Any) -> str:
    with pytest.raises(UserError) as caught:
        get(served, folder, **changes)
    message = str(caught.value)
    assert "\n" not in message and message.endswith(".")
    return message


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_arrives_whole_and_checked(served: Served, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    folder = tmp_path / "new" / "folder"
    got = fetch(served.download(), folder, MANUAL, lambda *step: seen.append(step))
    assert (got.path.read_bytes(), got.size) == (BODY, 256_000)
    assert got.checked and not got.already
    assert left_in(folder) == {"it.csv"}
    assert seen[-1] == (256_000, 256_000)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_file_that_is_there_is_not_asked_for_again(served: Served, tmp_path: Path) -> None:
    get(served, tmp_path)
    again = get(served, tmp_path)
    assert again.already and again.checked
    assert len(served.asked) == 1


def test_another_file_of_that_name_is_left_alone(served: Served, tmp_path: Path) -> None:
    (tmp_path / "it.csv").write_text("mine")
    message = refusal(served, tmp_path)
    assert hashlib.sha256(b"mine").hexdigest() in message and DIGEST in message
    assert (tmp_path / "it.csv").read_text() == "mine"
    assert served.asked == []


def test_cuts_are_resumed_where_they_were(served: Served, tmp_path: Path) -> None:
    served.cut_after = [100_000, 50_000, 0]
    assert get(served, tmp_path).path.read_bytes() == BODY
    assert [headers.get("Range") for headers in served.asked] == [
        None,
        "bytes=100000-",
        "bytes=150000-",
        "bytes=150000-",
    ]
    assert {headers.get("If-Range") for headers in served.asked[1:]} == {'"one"'}
    assert all(headers["User-Agent"].startswith("tremble/") for headers in served.asked)
    assert left_in(tmp_path) == {"it.csv"}


def test_four_cuts_end_a_run_and_the_next_one_goes_on(served: Served, tmp_path: Path) -> None:
    served.cut_after = [10, 10, 10, 10]
    assert "broke off 4 times" in refusal(served, tmp_path)
    assert (tmp_path / "it.csv.part").read_bytes() == BODY[:40]
    assert not (tmp_path / "it.csv").exists()
    assert get(served, tmp_path).path.read_bytes() == BODY
    assert served.asked[-1]["Range"] == "bytes=40-"


def test_a_server_without_ranges_sends_all_again(served: Served, tmp_path: Path) -> None:
    served.ranges, served.cut_after = False, [100_000]
    assert get(served, tmp_path).path.read_bytes() == BODY
    assert served.asked[1]["Range"] == "bytes=100000-"


def test_a_file_that_changed_between_two_runs_is_taken_anew(served: Served, tmp_path: Path) -> None:
    served.cut_after = [10] * 4
    refusal(served, tmp_path)
    served.body, served.etag = BODY[::-1], '"two"'
    digest = hashlib.sha256(BODY[::-1]).hexdigest()
    assert get(served, tmp_path, sha256=digest).path.read_bytes() == BODY[::-1]
    assert served.asked[-1]["If-Range"] == '"one"'


@pytest.mark.parametrize(
    ("etag", "modified", "condition"),
    [
        ('W/"weak"', "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 GMT"),
        ('W/"weak"', None, None),  # RFC 9110: a weak validator cannot carry If-Range
        (None, None, None),
    ],
)
def test_what_a_resumed_request_is_conditional_on(
    served: Served, tmp_path: Path, etag: str | None, modified: str | None, condition: str | None
) -> None:
    served.etag, served.modified, served.cut_after = etag, modified, [100_000]
    assert get(served, tmp_path).path.read_bytes() == BODY
    assert served.asked[1].get("If-Range") == condition
    assert served.asked[1].get("Range") == (None if condition is None else "bytes=100000-")


def test_a_partial_answer_from_elsewhere_is_not_appended(served: Served, tmp_path: Path) -> None:
    served.cut_after, served.shift = [100_000], 7
    assert get(served, tmp_path).path.read_bytes() == BODY
    assert [headers.get("Range") for headers in served.asked] == [None, "bytes=100000-", None]


def test_a_part_of_another_address_is_not_resumed(served: Served, tmp_path: Path) -> None:
    served.cut_after = [10] * 4
    refusal(served, tmp_path, url=served.url + "?old")
    served.asked.clear()
    assert get(served, tmp_path).path.read_bytes() == BODY
    assert "Range" not in served.asked[0]


def test_a_part_that_was_whole_is_only_checked(served: Served, tmp_path: Path) -> None:
    served.cut_after = [10] * 4
    refusal(served, tmp_path)
    (tmp_path / "it.csv.part").write_bytes(BODY)  # killed before it took its name
    asked = len(served.asked)
    assert get(served, tmp_path).path.read_bytes() == BODY
    assert len(served.asked) == asked


def test_a_part_longer_than_the_file_is_dropped(served: Served, tmp_path: Path) -> None:
    served.cut_after = [10] * 4
    refusal(served, tmp_path)
    (tmp_path / "it.csv.part").write_bytes(BODY + b"more")
    assert get(served, tmp_path).path.read_bytes() == BODY


def test_a_wrong_checksum_deletes_and_names_both(served: Served, tmp_path: Path) -> None:
    served.body = BODY[:-1] + b"?"
    message = refusal(served, tmp_path)
    assert DIGEST in message and hashlib.sha256(served.body).hexdigest() in message
    assert left_in(tmp_path) == set()


def test_a_file_whose_checksum_nobody_knows(served: Served, tmp_path: Path) -> None:
    got = get(served, tmp_path, sha256=None, size=None)
    assert got.path.read_bytes() == BODY and not got.checked
    assert not get(served, tmp_path, sha256=None, size=None).checked


@pytest.mark.parametrize(
    ("status", "cure"),
    [(404, "no longer there"), (403, "access is refused"), (503, "later"), (429, "later")],
)
def test_a_refusal_is_one_sentence_with_the_way_by_hand(
    served: Served, tmp_path: Path, status: int, cure: str
) -> None:
    served.status = status
    message = refusal(served, tmp_path)
    assert str(status) in message and cure in message and message.endswith(f"{MANUAL}.")
    assert len(served.asked) == 1


def test_without_a_network_the_way_by_hand_is_named(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:  # nobody listens there
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/it.csv"
        message = refusal(served, tmp_path / "new" / "folder", url=address)
    assert "No connection to 127.0.0.1" in message and message.endswith(f"{MANUAL}.")
    assert "because there is no network" in message
    assert not (tmp_path / "new").exists()

    def no_names(*_: Any, **__: Any) -> Callable[..., None]:
        raise URLError(socket.gaierror(-3, "Temporary failure in name resolution"))

    monkeypatch.setattr(downloading, "urlopen", no_names)
    message = refusal(served, tmp_path)
    assert "name resolution" in message and message.endswith(f"{MANUAL}.")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_sentence(served: Served, tmp_path: Path) -> None:
    (tmp_path / "it.csv.part").symlink_to("/dev/full")
    assert "The disk is full" in refusal(served, tmp_path)


def test_a_folder_that_cannot_be_made(served: Served, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "give another --to" in refusal(served, tmp_path / "file" / "folder")


def test_an_interruption_keeps_what_arrived(served: Served, tmp_path: Path) -> None:
    def stop(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(served.download(), tmp_path, MANUAL, stop)
    kept = (tmp_path / "it.csv.part").stat().st_size
    assert 0 < kept < len(BODY)
    assert get(served, tmp_path).path.read_bytes() == BODY
    assert served.asked[-1]["Range"] == f"bytes={kept}-"


def offer(monkeypatch: pytest.MonkeyPatch, *downloads: Download) -> None:
    monkeypatch.setattr(akata2025, "CARD", replace(akata2025.CARD, sources=downloads))


def test_the_command_and_what_to_do_next(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    offer(monkeypatch, served.download(), served.download(filename="second.csv"))
    code, out, error = tremble("data", "fetch", "akata2025")
    assert (code, error) == (0, "")
    assert out.splitlines() == [
        f"akata2025{os.sep}it.csv: fetched, 256,000 bytes, checksum correct",
        f"akata2025{os.sep}second.csv: fetched, 256,000 bytes, checksum correct",
        "next: tremble data import akata2025 akata2025 --out akata2025.jsonl",
    ]
    _, out, _ = tremble("data", "fetch", "akata2025", "--to", "else where")
    assert out.endswith("next: tremble data import akata2025 'else where' --out akata2025.jsonl\n")
    assert left_in(tmp_path / "else where") == {"it.csv", "second.csv"}


def test_mistakes_of_the_command(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "did you mean 'akata2025'?" in mistake("data", "fetch", "akata2024")
    assert "comes with the package" in mistake("data", "fetch", "demo")
    assert "github.com/eilamshapira/GLEE" in mistake("data", "fetch", "glee")
    assert "your own" in mistake("data", "fetch", "jsonl")
    served.status = 404
    offer(monkeypatch, served.download())
    message = mistake("data", "fetch", "akata2025")
    assert not (tmp_path / "akata2025").exists()
    assert "404" in message and "github.com/eliaka/repeatedgames" in message


def test_interrupted_from_the_keyboard(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> Callable[..., None]:
        raise KeyboardInterrupt

    offer(monkeypatch, served.download())
    monkeypatch.setattr(downloading, "urlopen", stop)
    code, _, error = tremble("data", "fetch", "akata2025", "--to", tmp_path)
    assert code == 130 and "run the same command again to resume" in error


@pytest.mark.parametrize("name", names())
def test_every_card_says_how_to_get_the_files(name: str) -> None:
    card = source(name).card
    assert card.embedded or (card.manual and not card.manual.endswith("."))
    for download in card.sources:
        assert download.url.startswith("https://")
        assert download.sha256 is not None and len(download.sha256) == 64


@pytest.mark.skipif("TREMBLE_DATA" not in os.environ, reason="set TREMBLE_DATA to the sources")
@pytest.mark.parametrize("name", [name for name in names() if source(name).card.sources])
def test_checksums_are_those_of_the_files_that_importers_were_made_for(name: str) -> None:
    root = Path(os.environ["TREMBLE_DATA"])
    for download in source(name).card.sources:
        (path,) = (root / name).rglob(download.filename)
        assert path.stat().st_size == download.size
        assert hashlib.sha256(path.read_bytes()).hexdigest() == download.sha256


@pytest.mark.parametrize(("said", "read"), [("2-5/9", (2, 9)), ("2-5/*", (2, None))])
def test_what_a_server_says_of_a_part(said: str, read: tuple[int, int | None]) -> None:
    headers = HTTPMessage()
    headers["Content-Range"] = f"bytes {said}"
    assert downloading._range(headers) == read
    for number in range(2):  # numbers of any length, which Python does not read
        long = said.split("/")[0].replace("2", "9" * 5000) if number else f"2-5/{'9' * 5000}"
        headers.replace_header("Content-Range", f"bytes {long}/9" if number else f"bytes {long}")
        assert downloading._range(headers) == (-1, None)
