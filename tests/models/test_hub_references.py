"""References in the hub's cache, which name the revision that is meant: a download moves them, and
they are put back where it does not stay."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import snapshot_download

from tests.support.fake_hub import SHA, FakeHub
from tremble.errors import UserError
from tremble.models.hub_cache import Downloads


@pytest.mark.parametrize("lasting", [False, True])
def test_a_reference_that_cannot_be_put_back_is_whole(
    lasting: bool, cache: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk is full until the blobs are gone; or it lasts, and then the sentence comes last."""
    older = "f" * 40
    hub.revisions["them/one", "main"] = older
    snapshot_download("them/one", allow_patterns=["*.json"])
    del hub.revisions["them/one", "main"]
    downloads = Downloads(keep=False)
    for model in ("them/one", "them/two"):
        with downloads.noting(model):
            snapshot_download(model)
    ref = cache / "models--them--one" / "refs" / "main"
    assert ref.read_text() == SHA
    weights = list((cache / "models--them--one").rglob("model.safetensors"))
    inner = Path.open

    def full_disk_at_first(self: Path, *rest: Any, **options: Any) -> Any:
        writes = self.parent == ref.parent and "x" in "".join(map(str, rest))
        if writes and (lasting or any(path.exists() for path in weights)):
            raise OSError(errno.ENOSPC, "No space left on device")
        return inner(self, *rest, **options)

    monkeypatch.setattr(Path, "open", full_disk_at_first)
    if lasting:
        with pytest.raises(UserError, match=r"refs/main' \(No space left on device\); delete it"):
            downloads.delete_all()
    else:
        downloads.delete_all()
    assert ref.read_text() == (SHA if lasting else older)
    assert [path.name for path in ref.parent.iterdir()] == ["main"]
    assert not any(path.exists() for path in weights)
    assert not (cache / "models--them--two").exists()
