"""Checkpoints of a training on disk: each whole, or not there.

What is kept is the adapter alone, in one file of safetensors with its configuration and the chat
template: no tokenizer, no pickle, no path of the machine. What is needed to go on after an
interruption lies apart, in the newest folder of `State`, until the run is finished.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from tremble.disk.paths import why
from tremble.disk.temporary import sweep, temporary_path
from tremble.errors import UserError
from tremble.models.files import ADAPTER_CONFIG, ADAPTER_WEIGHTS, CHAT_TEMPLATE
from tremble.store.provenance import slug

_STATE = re.compile(r"step-(\d{1,10})")
_TORCH_WRITER = "inline_container.cc"
_CURE = (
    "free some space or give another --out, and run the same command again (finished work is kept)"
)


def checkpoint_name(step: int) -> str:
    return f"checkpoint-{step}"


def run_place(stage: str, run: str) -> str:
    """The folder of a stage in that of its training; of one of several runs, by its name."""
    return f"{stage}/{slug(run)}" if run else stage


def save_adapter(
    folder: Path, model: Any, base: str, template: str | None, dtype: str = "float32"
) -> None:
    """Write the adapter of a model as peft wraps it. `base`: the name of its model, as the
    configuration will have it. A folder of that name that is there already stays as it is. Raises
    UserError where it cannot be written."""
    with _new_folder(folder) as made:
        fill_adapter(made, model, base, dtype)
        if template is not None:
            (made / CHAT_TEMPLATE).write_text(template, "utf-8")


def fill_adapter(folder: Path, model: Any, base: str, dtype: str = "float32") -> None:
    """Write weights and configuration of an adapter into a folder. Raises UserError for weights
    that are no numbers in a precision."""
    from safetensors.torch import save

    tensors = {
        name: tensor.to(getattr(torch, dtype)).contiguous()
        for name, tensor in adapter_tensors(model).items()
    }
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise UserError(
                f"The adapter has weights in {name!r} that are no numbers in {dtype}, so training "
                "stopped there; checkpoints before it are kept. Lower learning_rate, and give "
                "another --out."
            )
    # Not by `save_file`: what it raises on a full disk is no OSError.
    (folder / ADAPTER_WEIGHTS).write_bytes(save(tensors, metadata={"format": "pt"}))
    config = _config(model.peft_config["default"], base)
    (folder / ADAPTER_CONFIG).write_text(json.dumps(config, indent=2) + "\n", "utf-8")


def adapter_tensors(model: Any) -> dict[str, torch.Tensor]:
    """A copy of the weights of an adapter, by name."""
    import peft

    held = peft.get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: one.detach().cpu().clone() for name, one in held.items()}


def lost_share(
    first: Mapping[str, torch.Tensor], now: Mapping[str, torch.Tensor], dtype: str
) -> float:
    """How much of what training has changed since `first` a precision loses: the size of the error
    of all products B A over that of their change (roots of sums of squares); 0 where nothing did.
    """
    kind = getattr(torch, dtype)
    error = change = 0.0
    for name, wide in now.items():
        if "lora_B" not in name and "lora_embedding_B" not in name:
            continue
        other = name.replace("_B", "_A")
        b, a = wide.double(), now[other].double()
        stored_b, stored_a = wide.to(kind).double(), now[other].to(kind).double()
        first_b, first_a = first[name].double(), first[other].double()
        error += _square(stored_b - b, stored_a, b, stored_a - a)
        change += _square(b - first_b, a, first_b, a - first_a)
    return float((error / change) ** 0.5) if change else 0.0


def _square(one: torch.Tensor, two: torch.Tensor, three: torch.Tensor, four: torch.Tensor) -> float:
    """The sum of squares of one @ two + three @ four, which is never made."""
    left, right = torch.cat([one, three], 1), torch.cat([two, four], 0)
    return float(((left.T @ left) * (right @ right.T)).sum())


def _config(config: Any, base: str) -> dict[str, Any]:
    """The configuration of an adapter, names in order, as it is read for scoring."""
    held = {
        key: sorted(value) if isinstance(value, set) else value
        for key, value in config.to_dict().items()
    }
    plain = json.loads(json.dumps(held, default=str))
    return {**plain, "base_model_name_or_path": base, "inference_mode": True, "revision": None}


class State:
    """Where a stage keeps what it goes on with after an interruption: a folder for the newest step;
    older ones are deleted once it is whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def newest(self) -> tuple[int, Path] | None:
        """The newest whole state, with its step."""
        if not self.folder.is_dir():
            return None
        sweep(self.folder.parent)
        sweep(self.folder)
        found = [
            (int(form[1]), path)
            for path in self.folder.iterdir()
            if (form := _STATE.fullmatch(path.name)) is not None
        ]
        return max(found, default=None)

    def write(self, step: int, fill: Callable[[Path], None]) -> None:
        """A new state, which `fill` writes into a folder. Raises UserError where it cannot."""
        with _new_folder(self.folder / f"step-{step}") as made:
            fill(made)
        for path in self.folder.iterdir():
            form = _STATE.fullmatch(path.name)
            if form is not None and int(form[1]) != step:
                _delete(path)

    def remove(self) -> None:
        """Delete what is no longer needed, and the folder of states with the last one."""
        sweep(self.folder.parent)
        if self.folder.is_dir():
            _delete(self.folder)
        with suppress(OSError):
            self.folder.parent.rmdir()


def _delete(folder: Path) -> None:
    """A folder that is half deleted has its name no longer."""
    gone = temporary_path(folder)
    with suppress(OSError):
        folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder that is filled under another name and gets its own at the end, with all its files on
    disk. Where there is one of that name, the new one goes away again: a run that is repeated makes
    the same."""
    made = temporary_path(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        sweep(folder.parent, folder.name)
        made.mkdir()
        yield made
        for path in made.iterdir():
            _on_disk(path)
        _on_disk(made)
        if folder.exists():
            shutil.rmtree(made)
        else:
            made.rename(folder)
        _on_disk(folder.parent)
    except (OSError, RuntimeError) as error:
        shutil.rmtree(made, ignore_errors=True)
        if isinstance(error, OSError):
            reason = why(error)
        elif _TORCH_WRITER in str(error):  # what torch says where a disk is full
            reason = "a file could not be written to its end"
        else:
            raise
        raise UserError(f"Cannot write {str(folder)!r} ({reason}); {_CURE}.") from error
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _on_disk(path: Path) -> None:
    """So that it is there after a power cut, too; systems without such a thing do without."""
    if os.name == "nt":
        return
    at = os.open(path, os.O_RDONLY)
    try:
        os.fsync(at)
    finally:
        os.close(at)


def check_space(folder: Path, needed: int) -> None:
    """Raises UserError where the disk has not so many bytes left."""
    place = folder
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise UserError(
            f"The checkpoints need about {needed / 1e6:,.0f} MB, and the disk of {str(folder)!r} "
            f"has {free / 1e6:,.0f} MB left; free some space, or give another --out."
        )


def bytes_of(tensors: Mapping[str, torch.Tensor], dtype: str) -> int:
    """What tensors take on disk in a precision."""
    each = torch.empty(0, dtype=getattr(torch, dtype)).element_size()
    return sum(one.numel() * each for one in tensors.values())
