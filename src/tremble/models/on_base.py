"""Adapters as models: the files of the model that one was trained on, with the adapter."""

from __future__ import annotations

import os
from dataclasses import replace

from tremble.disk.paths import is_folder, path_of
from tremble.errors import ModelUnavailable, UserError
from tremble.models.adapters import Adapter
from tremble.models.files import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    CHAT_TEMPLATE,
    SMALL_FILES,
    ModelFiles,
    Notify,
    reading,
)
from tremble.models.from_files import has_tokenizer
from tremble.models.hub_files import HubName, download
from tremble.models.open import is_made_up, source_of
from tremble.models.spec import ModelSpec


def adapter_of(name: str) -> Adapter:
    """The adapter in a folder of this machine or of the hub (NAME, NAME@REVISION, NAME:FOLDER).

    Raises UserError for what can be neither, ModelUnavailable where the hub does not give it.
    """
    local = path_of(name)
    if is_folder(local) or "/" not in name or not source_of(name).has_revisions:
        return Adapter(name, local)
    return adapter_on_hub(HubName.of(name))


def adapter_on_hub(place: HubName) -> Adapter:
    """An adapter on the hub, brought here whole. Raises as `adapter_of`."""
    folder = download(place, [ADAPTER_CONFIG, ADAPTER_WEIGHTS, *SMALL_FILES])
    return Adapter(str(place), folder)


def base_of(spec: ModelSpec, adapter: Adapter) -> ModelSpec:
    """The model that an adapter is put on: the one that the user names, else the one that its
    configuration says it was trained on. Raises UserError where neither does."""
    if spec.base is not None:
        return ModelSpec(spec.base)
    config = adapter.config()
    named, revision = config.get("base_model_name_or_path"), config.get("revision")
    if not isinstance(named, str) or not named.strip():
        raise UserError(
            f"The adapter {adapter.name!r} does not say which model it was trained on; give that "
            "model as base in its [[model]]."
        )
    plain = isinstance(revision, str) and revision and source_of(named).has_revisions
    return ModelSpec(named, revision=str(revision) if plain else None)


def on_base(spec: ModelSpec, adapter: Adapter, notify: Notify, weights: bool) -> ModelFiles:
    """The files of the model that an adapter is put on, with the adapter, and its tokenizer where
    it has one of its own.

    Raises UserError where the model is not named or there is none of that name, ModelUnavailable
    where it cannot be had, or is an adapter itself.
    """
    if spec.adapter is not None:
        raise UserError(
            f"{spec.id!r} is an adapter, and its [[model]] has another one, {spec.adapter!r}; "
            "merge one of them into its model, or leave adapter out."
        )
    base = base_of(spec, adapter)
    if is_made_up(base.id):
        raise UserError(f"The adapter {adapter.name!r} cannot be put on {base.id!r}, a fake model.")
    try:
        files = source_of(base.id).files(base, notify, weights)
    except UserError as error:
        if spec.base is not None or isinstance(error, ModelUnavailable):
            raise
        raise UserError(
            f"The adapter {adapter.name!r} was trained on {base.id!r}, as its configuration says, "
            "and there is no such model on this machine; give the model as base in its [[model]]."
        ) from error
    if files.adapter is not None:
        raise ModelUnavailable(
            f"The base of the adapter {adapter.name!r}, {base.id!r}, is an adapter itself; merge "
            "that into its model, and give the folder of the merged model as base."
        )
    return with_adapter(files, adapter)


def with_adapter(files: ModelFiles, adapter: Adapter) -> ModelFiles:
    """The files of a model with an adapter, checked; the chat template that stands beside an
    adapter is its own, also where its tokenizer is that of its model. Raises as `Adapter.config`,
    and ModelUnavailable for a template of its own that is no file.
    """
    adapter.config()
    if has_tokenizer(adapter.folder):
        return replace(files, adapter=adapter, tokenizer=adapter.folder)
    template = adapter.folder / CHAT_TEMPLATE
    with reading(template):
        own = template if template.is_file() else files.template
        if own is not template and os.path.lexists(template):
            raise ModelUnavailable(
                f"{str(template)!r} is no file, nor a link to one; copy the adapter again."
            )
    return replace(files, adapter=adapter, template=own)
