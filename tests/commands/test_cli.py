"""The command line: what it prints as JSON, and one clear sentence for every mistake."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import mistake, refused, tremble, write_study
from tests.support.record_lines import OWN
from tests.support.toys import bpe_tokenizer, save_tiny, tiny_model
from tremble.errors import UserError


@pytest.mark.slow
def test_a_study_from_the_command_line(tmp_path: Path) -> None:
    study = write_study(tmp_path, [{**OWN, "id": str(i), "prompt": f"{i}?"} for i in range(40)])
    code, out, _ = tremble("run", study, "--out", tmp_path / "out")
    assert code == 0
    code, out, _ = tremble("analyze", tmp_path / "out", "--json")
    found = json.loads(out)
    assert {"models", "pairs", "tests", "baselines"} <= set(found)
    model = {"model", "format", "formulation", "family", "n", "missing", "r", "mass", "note"}
    assert model <= set(found["models"][0])
    pair = {"base", "aligned", "family", "r_base", "r_aligned", "winner", "kept", "why"}
    assert pair <= set(found["pairs"][0])
    assert all({"baseline", "family", "n", "r"} <= set(row) for row in found["baselines"])
    (row,) = found["pairs"]  # everybody accepted: no r, no winner
    assert (row["r_base"], row["winner"], row["kept"]) == (None, None, False)
    assert tremble("analyze", tmp_path / "out")[0] == 0
    assert tremble("report", tmp_path / "out")[0] == 0
    assert (tmp_path / "out" / "report" / "index.html").is_file()


def test_score_a_prompt_and_lines_from_stdin() -> None:
    code, out, _ = tremble(
        "score", "--model", "mock", "--prompt", "Go?", "--options", "yes,no", "--json"
    )
    assert code == 0
    found = json.loads(out)
    assert found["mass"] == pytest.approx(0.9)
    assert sum(option["prediction"] for option in found["options"]) == pytest.approx(1)
    bare = json.dumps({"prompt": "Go?", "options": ["yes", "no"]})
    code, out, _ = tremble("score", "--model", "mock", "--json", stdin=f"{bare}\n{bare}\n")
    first, second = map(json.loads, out.splitlines())
    assert first["options"] == second["options"] == found["options"]


def test_import_counts(tmp_path: Path) -> None:
    lines = [OWN, {**OWN, "choice": "reject"}, {**OWN, "choice": None, "rate": 0.5}]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, lines)))
    out = tmp_path / "out.jsonl"
    code, printed, _ = tremble(
        "data", "import", "jsonl", tmp_path / "in.jsonl", "--out", out, "--json"
    )
    assert code == 0
    assert json.loads(printed) == {
        "decisions": 3,
        "by_family": {"custom": 3},
        "target": {"custom": 1},
    }
    assert tremble("data", "check", out)[0] == 0


def test_check_lists_every_fault_and_warns_of_joins(tmp_path: Path) -> None:
    join = {**OWN, "prompt": "Answer: ", "opening": ""}
    (tmp_path / "in.jsonl").write_text("\n".join(["{", json.dumps(join), "[]"]))
    code, out, error = tremble("data", "check", tmp_path / "in.jsonl")
    assert code == 2
    assert "line 1:" in error
    assert "line 3:" in error
    assert "Answer: |accept" in error
    assert "1 valid decision, 2 invalid lines" in out


def test_the_data_sets_are_listed_with_their_cards() -> None:
    names = {card["name"] for card in json.loads(tremble("data", "list", "--json")[1])}
    assert names >= {"akata2025", "demo", "glee", "jsonl", "casino", "choices13k", "psych"}
    assert names >= {"games2p2k", "nay_vorobeychik", "normal_form"}
    for name in names:
        code, out, _ = tremble("data", "show", name, "--json")
        assert code == 0
        assert json.loads(out)["citation"]


BAD_DATA = [
    ([], "is empty"),
    (["{"], "not JSON"),
    ([{**OWN, "id": "x"}, {**OWN, "id": "x"}], "appeared before"),
    ([{**OWN, "choice": "maybe"}], "not among the options"),
    ([{**OWN, "options": ["accept"]}], "at least two options"),
    ([{**OWN, "choice": None, "rate": 1.2}], "between 0 and 1"),
    (['{"prompt": "x", "options": ["a", "b"], "rate": NaN}'], "NaN"),
    ([{**OWN, "choice": None, "rate": 0.5, "n": 0}], "n is 0"),
    ([{**OWN, "prompt": ""}], "prompt is empty"),
    (
        [{**OWN, "options": ["1", "10"], "choice": "1", "opening": "", "prompt": "n: "}],
        "is the beginning of another",
    ),
]


@pytest.mark.parametrize(("lines", "message"), BAD_DATA)
def test_bad_data(tmp_path: Path, lines: list[Any], message: str) -> None:
    assert message in refused(tmp_path, write_study(tmp_path, lines))
    if "is the beginning of another" not in message:
        source = ("data", "import", "jsonl", tmp_path / "mine.jsonl")
        assert message in mistake(*source, "--out", tmp_path / "out.jsonl")
        assert not (tmp_path / "out.jsonl").exists()


def test_data_that_are_not_utf8(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    (tmp_path / "mine.jsonl").write_bytes(b'{"prompt": "caf\xe9"}')
    assert "line 1: not UTF-8" in refused(tmp_path, study)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    assert "There is no study file" in mistake("run", tmp_path / "none.toml")
    study = write_study(tmp_path)
    (tmp_path / "mine.jsonl").unlink()
    assert "There is no file" in refused(tmp_path, study)
    assert "is not a study folder" in mistake("analyze", tmp_path)
    assert "nowhere' does not exist; give the folder" in mistake("report", tmp_path / "nowhere")


def test_sources_and_wrong_folders(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    unknown = mistake("data", "import", "gleee", tmp_path, "--out", out)
    assert "did you mean 'glee'" in unknown
    for name in ("glee", "akata2025", "jsonl"):
        assert str(tmp_path) in mistake("data", "import", name, tmp_path, "--out", out)
        missing = mistake("data", "import", name, tmp_path / "none", "--out", out)
        assert "none" in missing
    assert not out.exists()


def test_wrong_columns_and_unknown_words(tmp_path: Path) -> None:
    table = tmp_path / "repgames.csv"
    out = tmp_path / "out.jsonl"
    table.write_text("id,game,move\n1,PD,0\n")
    assert "column" in mistake("data", "import", "akata2025", table, "--out", out)
    assert not out.exists()


def test_options_that_tokenise_alike(tmp_path: Path) -> None:
    from tokenizers import normalizers

    folder = tmp_path / "lower"
    tokenizer = bpe_tokenizer()
    tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.save_pretrained(folder)
    tiny_model("Llama", len(tokenizer)).save_pretrained(folder)
    lines = [{**OWN, "id": "d7", "options": ["yes", "YES"], "choice": "yes"}]
    study = write_study(tmp_path, lines, base=str(folder), aligned="mock")
    message = refused(tmp_path, study)
    assert "'d7'" in message
    assert "are the same tokens" in message


def test_chat_without_a_template(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "bare", template=None)
    study = write_study(tmp_path, base="mock:a", aligned=str(folder))
    assert "has no chat template" in refused(tmp_path, study)


@pytest.mark.parametrize(
    "name", ["no/such-model", "./nowhere", "gone.gguf", "a b c", "embedded/gemma3"]
)
def test_unknown_models(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert name in refused(tmp_path, write_study(tmp_path, base=name, aligned="mock"))
    assert name in mistake("score", "--model", name, "--prompt", "x", "--options", "a,b")


def test_damaged_and_pickled_weights(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    study = write_study(tmp_path, base=str(folder), aligned="mock")
    assert "truncated or damaged" in refused(tmp_path, study)
    weights.unlink()
    (folder / "pytorch_model.bin").write_bytes(b"x")
    assert "pickled weights" in refused(tmp_path, study)
    gguf = tmp_path / "broken.gguf"
    gguf.write_bytes(b"GGUF\x03\0\0\0 cut off")
    study = write_study(tmp_path, base=str(gguf), aligned="mock")
    assert "broken.gguf' is damaged (it is cut off in its header)" in refused(tmp_path, study)


def test_weights_that_lack_a_tensor(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = save_tiny(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    message = mistake("score", "--model", folder, "--prompt", "x", "--options", "a,b")
    assert "lack 1 tensor" in message
    code, _, error = tremble(
        "run", write_study(tmp_path, base=str(folder), aligned="mock"), "--out", tmp_path / "out"
    )
    assert code == 2
    assert "lack 1 tensor" in error
    assert not (tmp_path / "out").exists()


def test_outputs_that_cannot_be_written(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    (tmp_path / "file").write_text("x")
    assert "is a file" in mistake("run", study, "--out", tmp_path / "file")
    assert "Cannot write" in mistake("run", study, "--out", tmp_path / "file" / "below")
    source = ("data", "import", "jsonl", tmp_path / "mine.jsonl", "--out")
    assert "Cannot write" in mistake(*source, tmp_path / "file" / "x.jsonl")


def test_folders_of_out_are_made_and_go_again_where_nothing_is_written(tmp_path: Path) -> None:
    """The same for an import and a run: one that works makes them, one that fails leaves none."""
    study, mine = write_study(tmp_path), tmp_path / "mine.jsonl"
    source = ("data", "import", "jsonl", mine, "--out")
    assert tremble(*source, tmp_path / "a" / "b" / "x.jsonl")[0] == 0
    assert (tmp_path / "a" / "b" / "x.jsonl").read_text()
    good = mine.read_text()
    mine.write_text(good + "{}\n")
    mistake(*source, tmp_path / "c" / "d" / "x.jsonl")
    assert not (tmp_path / "c").exists()
    mine.write_text(good)
    assert tremble("run", study, "--out", tmp_path / "e" / "f")[0] == 0


def test_a_run_that_fails_leaves_no_folder_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise UserError("The disk is full; free some space.")

    monkeypatch.setattr("tremble.study.run.score_jobs", fails)
    mistake("run", write_study(tmp_path), "--out", tmp_path / "e" / "f" / "g")
    assert not (tmp_path / "e").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "Cannot write" in mistake("run", study, "--out", tmp_path / "locked" / "out")


def test_rules_that_lack_something_are_found_by_check_and_by_run(tmp_path: Path) -> None:
    lines = [{"id": "d", "family": "bargaining", "role": "Bob", "rules": {},
              "options": ["accept", "reject"], "choice": "accept"}]  # fmt: skip
    study = write_study(tmp_path, lines)
    assert "'d' lack something that bargaining needs" in refused(tmp_path, study)
    code, out, error = tremble("data", "check", tmp_path / "mine.jsonl")
    assert code == 2
    assert "line 1" in error
    assert "0 valid decisions, 1 invalid line\n" in out


def test_check_doubts_rates_and_labels_that_cannot_be_closed(tmp_path: Path) -> None:
    lines = [
        {"prompt": "A?", "options": ["a", "b"], "rates": {"a": 0.3, "b": 0.3}},
        {"prompt": "B:", "options": ["a", "ab"], "choice": "a", "opening": ""},
    ]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, lines)))
    code, _, error = tremble("data", "check", tmp_path / "m.jsonl")
    assert code == 0
    assert "add up to 0.600" in error
    assert "is the beginning of another" in error


def test_an_import_never_replaces_the_file_it_reads(tmp_path: Path) -> None:
    write_study(tmp_path)
    path = tmp_path / "mine.jsonl"
    before = path.read_bytes()
    assert "--out is the input file" in mistake("data", "import", "jsonl", path, "--out", path)
    assert "is a folder" in mistake("data", "import", "jsonl", path, "--out", tmp_path)
    assert path.read_bytes() == before


def test_a_device_that_is_not_there(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    study.write_text(study.read_text() + '[run]\ndevice = "gpu"\n')
    assert "device 'gpu' cannot be used" in refused(tmp_path, study)


def test_version_and_no_command() -> None:
    assert tremble("--version")[:2] == (0, "tremble 0.2.0\n")
    assert tremble()[0] == 2


def test_blanks_around_labels_do_not_count() -> None:
    texts = [
        tremble("score", "--model", "mock", "--prompt", "Go?", "--options", labels)[1]
        for labels in ("yes,no", "yes, no")
    ]
    assert texts[0] == texts[1]


def test_score_mistakes() -> None:
    assert "add --chat" in mistake(
        *("score", "--model", "mock", "--prompt", "x", "--options", "a,b", "--template", "gemma")
    )
    assert "go together" in mistake("score", "--model", "mock", "--prompt", "x")
    assert "at least two options" in mistake(
        "score", "--model", "mock", "--prompt", "x", "--options", "a"
    )
    assert "line 1" in mistake("score", "--model", "mock", stdin="{\n")
    assert "Nothing to score" in mistake("score", "--model", "mock", stdin="")
    assert "no reading" in mistake(
        *("score", "--model", "mock", "--prompt", "x", "--options", "a,b", "--reading", "both")
    )


def test_an_internal_fault_names_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("tremble.api.score.open_engine", breaks)
    code, _, error = tremble("score", "--model", "mock", "--prompt", "x", "--options", "a,b")
    assert code == 1
    log = Path(error.strip().rstrip(".").split(" in ")[-1])
    assert "Traceback" not in error
    assert "ZeroDivisionError" in log.read_text()
    log.unlink()


def test_an_interrupt_leaves_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tremble.api.score.open_engine", interrupted)
    arguments = ("score", "--model", "mock", "--prompt", "x", "--options", "a,b")
    assert tremble(*arguments)[0] == 130


def test_every_fault_of_a_file_can_be_had(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    faulty = [{**OWN, "choice": f"c{number}"} for number in range(25)]
    sound = {**OWN, "opening": "", "prompt": "Accept or reject? ", "participant": "1"}
    path.write_text("\n".join(map(json.dumps, [*faulty, sound])))
    code, out, said = tremble("data", "check", path)
    end = "1 valid decision, 25 invalid lines"
    assert (code, said.count("is not among")) == (2, 20)
    assert out.splitlines()[0] == f"{path}: {end}; 5 more errors; --all shows all"
    code, out, said = tremble("data", "check", path, "--all")
    assert (code, said.count("is not among")) == (2, 25)
    assert out.splitlines()[0] == f"{path}: {end}"
    code, out, said = tremble("data", "check", path, "--json")
    found = json.loads(out)
    assert (code, len(found["faults"]), len(found["warnings"]), said) == (2, 25, 1, "")


def test_equal_faults_are_said_once_with_a_count_and_the_first_three_lines(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(["[]"] * 1004 + [json.dumps(OWN), "{"]))
    code, out, said = tremble("data", "check", path)
    assert code == 2
    assert said.count("not an object") == 1
    assert f"{path}, lines 1, 2, 3 and 1,001 more: a JSON list, not an object" in said
    assert f"{path}, line 1006: not JSON" in said
    assert out.splitlines()[0] == f"{path}: 1 valid decision, 1,005 invalid lines"


@pytest.mark.parametrize("command", [("list",), ("show", "demo")])
def test_texts_in_a_pipe_are_of_a_pages_width(command: tuple[str, ...]) -> None:
    lines = tremble("data", *command)[1].splitlines()
    assert max(map(len, lines)) <= 100
    assert all(line == line.rstrip() for line in lines)
