"""A hub on this machine: the few answers that a download needs, over folders of tiny models."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

SHA = "0123456789abcdef0123456789abcdef01234567"


class FakeHub(ThreadingHTTPServer):
    """`models`: name to folder. `gated`, `private`: names that answer as the hub does for those.

    `revisions`: (name, revision) to the commit it names, `main` by default; `commits`: (name,
    commit) to a folder of its own, by default that of the model. `served` lists the files whose
    contents were asked for, as NAME/FILE, `asked` every path that was asked for.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.models: dict[str, Path] = {}
        self.gated: set[str] = set()
        self.private: set[str] = set()
        self.revisions: dict[tuple[str, str], str] = {}
        self.commits: dict[tuple[str, str], Path] = {}
        self.served: list[str] = []
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeHub
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: a second waits 40 ms for the first's receipt

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = list(map(unquote, self.path.partition("?")[0].strip("/").split("/")))
        api = parts[:2] == ["api", "models"]
        name = "/".join(parts[2:4] if api else parts[:2])
        rest = parts[4:] if api else parts[2:]
        hub = self.server
        hub.asked.append("/".join(parts))
        if name in hub.private or name not in hub.models:
            return self._answer(401 if name in hub.private else 404, code="RepoNotFound")
        if api and (not rest or rest[0] == "revision"):
            revision = rest[1] if rest else "main"
            commit = self._commit(name, revision)
            if not commit:
                return self._answer(404, code="RevisionNotFound")
            files = [{"rfilename": place} for place in self._files(name, commit)]
            return self._json({"id": name, "sha": commit, "siblings": files})
        if api and rest[0] == "refs":
            branches = ["main", *(one for (owner, one) in hub.revisions if owner == name)]
            refs = [
                {
                    "name": one,
                    "ref": f"refs/heads/{one}",
                    "targetCommit": hub.revisions.get((name, one), SHA),
                }
                for one in dict.fromkeys(branches)
            ]
            return self._json({"branches": refs, "tags": [], "converts": []})
        if api and rest[0] == "tree":
            under, commit = "/".join(rest[2:]), self._commit(name, rest[1])
            if not commit:
                return self._answer(404, code="RevisionNotFound")
            entries = [
                _entry(place, path)
                for place, path in self._files(name, commit).items()
                if not under or place.startswith(f"{under}/")
            ]
            return self._json(entries) if entries else self._answer(404, code="EntryNotFound")
        if not api and rest[0] == "resolve":
            if name in hub.gated:  # as on the hub, only files are behind the gate
                return self._answer(403, code="GatedRepo")
            path = self._files(name, rest[1]).get("/".join(rest[2:]))
            if path is None:
                return self._answer(404, code="EntryNotFound")
            if self.command == "GET":
                hub.served.append(f"{name}/{'/'.join(rest[2:])}")
            headers = {"X-Repo-Commit": rest[1], "ETag": f'"{_digest(path)}"'}
            return self._answer(200, path.read_bytes(), headers=headers)
        return self._answer(404, code="EntryNotFound")

    def _commit(self, name: str, revision: str) -> str:
        """The commit that a revision names, which may be one itself."""
        known = {commit for (owner, commit) in self.server.commits if owner == name}
        known |= {to for (owner, _), to in self.server.revisions.items() if owner == name}
        main = SHA if revision in ("main", SHA) else ""
        named = self.server.revisions.get((name, revision), main)
        return revision if revision in known else named

    def _files(self, name: str, commit: str) -> dict[str, Path]:
        """The files of a model, by their places in its repository."""
        folder = self.server.commits.get((name, commit), self.server.models[name])
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path for path in paths}

    def _json(self, value: object) -> None:
        self._answer(200, json.dumps(value).encode())

    def _answer(
        self,
        status: int,
        body: bytes = b"",
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if code is not None:
            self.send_header("X-Error-Code", code)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _entry(place: str, path: Path) -> dict[str, object]:
    """A file as the hub lists it; weights are large files there, whatever their size."""
    size, digest = path.stat().st_size, _digest(path)
    blob = hashlib.sha1(b"blob %d\0" % size + path.read_bytes(), usedforsecurity=False)  # as git
    entry = {"type": "file", "path": place, "size": size, "oid": blob.hexdigest()}
    if path.suffix == ".safetensors":
        entry["lfs"] = {"oid": digest, "size": size, "pointerSize": 134}
    return entry


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    hub = FakeHub()
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()


def no_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the hub in `folder` that nothing else uses, and no token."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(folder / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return folder / "cache"


def asked_of(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has whatever is asked of the hub asked of this one."""
    from huggingface_hub import constants

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
