"""CSV and its kin: cells compared with what was written by hand or by Python's own writer."""

from __future__ import annotations

import csv
import gzip
import io
import tracemalloc
import unicodedata
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tremble.errors import UserError
from tremble.tabular.files.opened import open_table
from tremble.tabular.table import Reading, Table


def read(path: Path, content: str | bytes, how: Reading | None = None) -> Table:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    table = open_table(path, how or Reading())
    return table.read(table.names)


def refused(path: Path, content: str | bytes, how: Reading | None = None) -> str:
    """The sentence with which a file is refused, without its folder."""
    with pytest.raises(UserError) as caught:
        read(path, content, how)
    said = str(caught.value)
    assert said.endswith(".") and "\n" not in said
    return said.replace(f"{path.parent}/", "")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    other = ";" if delimiter == "," else ","
    text = f'"a{other}x{other}y"{delimiter}b\n1{delimiter}"2{delimiter}5"\n'
    table = read(tmp_path / "a.csv", text)
    assert table.columns == {f"a{other}x{other}y": ["1"], "b": [f"2{delimiter}5"]}


def test_a_delimiter_in_quotes_is_none(tmp_path: Path) -> None:
    table = read(tmp_path / "a.csv", '"a,b,c";d\n1;2\n')
    assert table.columns == {"a,b,c": ["1"], "d": ["2"]}


def test_a_first_line_may_tell_the_delimiter(tmp_path: Path) -> None:
    table = read(tmp_path / "a.csv", "sep=;\na,x;b\n1;2\n")
    assert table.columns == {"a,x": ["1"], "b": ["2"]}
    assert list(table.rows) == [3]


def test_the_user_says_the_delimiter(tmp_path: Path) -> None:
    table = read(tmp_path / "a.csv", "a;b,c\n1;2,3\n", Reading(delimiter=","))
    assert table.columns == {"a;b": ["1;2"], "c": ["3"]}
    assert "not a single character" in refused(
        tmp_path / "a.csv", "a\n1\n", Reading(delimiter=";;")
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_where_rows_start(tmp_path: Path, end: str) -> None:
    lines = ["a,b", "", '1,"two', "", 'lines"', ",", "3,4", "", "5,6"]
    table = read(tmp_path / "a.csv", end.join(lines))
    assert table.columns == {"a": ["1", "3", "5"], "b": [f"two{end}{end}lines", "4", "6"]}
    assert list(table.rows) == [3, 7, 9]
    assert table.place(1).endswith("a.csv, line 7")


def test_many_rows_are_counted_across_batches(tmp_path: Path) -> None:
    rows = [f'{n},"x\ny"' if n % 700 == 3 else f"{n},z" for n in range(5000)]
    table = read(tmp_path / "a.csv", "a,b\n" + "\n".join(rows))
    line, expected = 2, []
    for row in rows:
        expected.append(line)
        line += 1 + row.count("\n")
    assert list(table.rows) == expected
    assert table.columns["a"] == [str(n) for n in range(5000)]


def test_space_is_no_part_of_cells_or_names(tmp_path: Path) -> None:
    text = "\ufeff\u00a0a ,\u200bb\n \u00a0x\u00a0 ,\u200b\u00a0\ny z\u2009,\ufeffcafe\u0301\n"
    table = read(tmp_path / "a.csv", text)
    assert table.columns == {"a": ["x", "y z"], "b": [None, "caf\u00e9"]}


def test_names_are_found_however_letters_are_composed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("cafe\u0301\n1\n", encoding="utf-8")
    table = open_table(path, Reading())
    assert table.names == ["caf\u00e9"]
    assert table.read(["cafe\u0301"]).columns == {"cafe\u0301": ["1"]}


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
    ],
)
def test_byte_order_marks(tmp_path: Path, mark: bytes, encoding: str) -> None:
    content = mark + '"n\u00e4me"\tb\n\u03b1\t2\n'.encode(encoding)
    assert read(tmp_path / "a.tsv", content).columns == {"n\u00e4me": ["\u03b1"], "b": ["2"]}


def test_other_encodings_are_said(tmp_path: Path) -> None:
    content = "a;b\n1;2\n3;\u20ac\u201e\u00f6\n".encode("cp1252")
    said = refused(tmp_path / "a.csv", content)
    assert said.startswith("a.csv, line 3: byte 0x80 is not UTF-8; ")
    assert 'encoding = "cp1252" under [file]' in said
    table = read(tmp_path / "a.csv", content, Reading(encoding="cp1252"))
    assert table.columns["b"] == ["2", "\u20ac\u201e\u00f6"]


@pytest.mark.parametrize("name", ["klingon", "hex"])
def test_an_encoding_that_is_none(tmp_path: Path, name: str) -> None:
    said = refused(tmp_path / "a.csv", "a\n1\n", Reading(encoding=name))
    assert said.startswith(f'a.csv: encoding = "{name}" is not an encoding that Python knows')


def test_a_byte_far_down_has_its_line(tmp_path: Path) -> None:
    content = b"a,b\r" + b"1,2\r" * 30_000 + b"3,\xff\r"
    assert "a.csv, line 30002: byte 0xff" in refused(tmp_path / "a.csv", content)


def test_rows_without_cells_and_columns_without_names(tmp_path: Path) -> None:
    table = read(tmp_path / "a.csv", "a,b,,\n,,,\n1,,,\n \u00a0,\u200b,,\n,2,,\n")
    assert table.columns == {"a": ["1", None], "b": [None, "2"]}
    assert list(table.rows) == [3, 5]


def test_a_row_is_empty_only_if_it_is_so_throughout(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n,x\n,\n1,\n")
    table = open_table(path, Reading())
    assert table.read(["a"]).columns == {"a": [None, "1"]}
    assert list(table.read([]).rows) == [2, 4]


def test_rows_may_lack_empty_cells_or_have_more_of_them(tmp_path: Path) -> None:
    table = read(tmp_path / "a.csv", "a,b,c\n1,2\n3,4,5,,\n6,7,8\n")
    assert table.columns == {"a": ["1", "3", "6"], "b": ["2", "4", "7"], "c": [None, "5", "8"]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "a,b,c\n1,2,3\n1,2,3,4\n",
            "a.csv, line 3: this row has 4 cells, but the first row has 3;",
        ),
        ("a,b,c\n1,wo\nrd,3\n", "a.csv, line 3: this row has 2 cells, but the first row has 3;"),
        ("a,b\n1,wo\nrd\n", "a.csv, line 3: this row has 1 cell, but the first row has 2;"),
        (
            'a,b\n1,2\n3,"x\n4,5\n',
            "a.csv, line 3: a quoted cell that begins in this row has no closing quote at its",
        ),
        (
            'a,b\n1,"x"y\n',
            "a.csv, line 2: a quoted cell that begins in this row has no closing quote at its end",
        ),
        ("a,b\n1,\0\n", "a.csv, line 2: byte 0x00 cannot be part of a text;"),
        ("a,b,a\n1,2,3\n", "a.csv has 2 columns named 'a'; rename"),
        ("", "a.csv is empty; export the table again."),
        ("\n , \n", "a.csv is empty; export the table again."),
        ("\n<!DOCTYPE html><html>", "'a.csv' contains a web page, not .csv;"),
        (
            b"PK\x03\x04...",
            "'a.csv' seems to be a spreadsheet or a zip archive (by its first bytes),",
        ),
        (
            b"$FL2@(#)",
            "'a.csv' seems to be an SPSS file (by its first bytes), not .csv; rename it to end",
        ),
        (
            b"PAR1",
            "'a.csv' seems to be a Parquet file (by its first bytes), not .csv; rename it to end "
            "in",
        ),
        (b"\x1f\x8b\x08\x00broken", "'a.csv' cannot be unpacked"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, content: str | bytes, said: str) -> None:
    assert refused(tmp_path / "a.csv", content).startswith(said)


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("offer,answer\n1,2\n")
    with pytest.raises(UserError, match="has no column 'ofer'; did you mean 'offer'"):
        open_table(path, Reading()).read(["ofer"])


def test_endings(tmp_path: Path) -> None:
    assert read(tmp_path / "A.CSV", "a\n1\n").columns == {"a": ["1"]}
    packed = gzip.compress(b"a,b\n1,2\n")
    assert read(tmp_path / "a.csv.gz", packed).columns == {"a": ["1"], "b": ["2"]}
    assert "does not have the ending of a table" in refused(tmp_path / "a.docx", "a\n1\n")
    assert "does not have the ending of a table" in refused(tmp_path / "a.sav.gz", "a\n1\n")
    assert "'a.zip' is compressed; unpack it, and give" in refused(
        tmp_path / "a.zip", b"PK\x03\x04"
    )
    with pytest.raises(UserError, match=r"Cannot read .*no\.csv"):
        open_table(tmp_path / "no.csv", Reading())


def test_whole_numbers_that_a_program_made_floats(tmp_path: Path) -> None:
    text = "a,b,c,d,e\n1.0,1.0,1.50,x,-0.0\n,2.5,2.0,3.0,-7.0\nNA,3.0,9.0,4.0,-99\n"
    table = read(tmp_path / "a.csv", text)
    assert table.columns["a"] == ["1", None, "NA"]
    assert table.columns["b"] == ["1.0", "2.5", "3.0"]  # not all of them are whole
    assert table.columns["d"] == ["x", "3.0", "4.0"]
    assert table.columns["e"] == ["0", "-7", "-99"]
    coded = read(tmp_path / "b.csv", "a\n1.0\nskipped\n", Reading(missing=("skipped",)))
    assert coded.columns["a"] == ["1", "skipped"]


def test_tables_of_r(tmp_path: Path) -> None:
    text = '"id" "choice"\n"1" 7 "a b"\n"2" 8 "c"\n'  # write.table(frame)
    assert read(tmp_path / "a.txt", text).columns == {"id": ["7", "8"], "choice": ["a b", "c"]}
    text = '"id","choice"\n"1",7,"x"\n"2",8,"y"\n'  # write.table(frame, sep = ",")
    assert read(tmp_path / "a.csv", text).columns == {"id": ["7", "8"], "choice": ["x", "y"]}
    # Decimal commas without quotes look much the same, and are refused.
    assert "line 2: this row has 3 cells" in refused(tmp_path / "b.csv", "id,x\n1,2,5\n2,3,5\n")


def test_memory_is_that_of_the_columns_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    wide = ",".join(f"text of some length {n}" for n in range(200))
    with path.open("w") as out:
        out.write(",".join(f"c{n}" for n in range(200)) + "\n")
        out.writelines(f"{row}{wide}\n" for row in range(1000))
    table = open_table(path, Reading())
    tracemalloc.start()
    held = table.read(["c7"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert set(held.columns["c7"]) == {"text of some length 7"} and len(held.rows) == 1000
    assert peak < path.stat().st_size / 2


cells = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs", "Co", "Cn"]),
    max_size=8,
)


def expected(text: str) -> str | None:
    """A cell by another way: characters taken off one by one."""
    unseen = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
    while text and (text[0].isspace() or text[0] in unseen):
        text = text[1:]
    while text and (text[-1].isspace() or text[-1] in unseen):
        text = text[:-1]
    return unicodedata.normalize("NFC", text) or None


def bare(text: str | None) -> str:
    """A cell without what a column of whole numbers loses: 2.0 is 2 there, and -0.0 is 0."""
    shown = (text or "").removesuffix(".0")
    return "0" if shown == "-0" else shown


@settings(max_examples=25, deadline=None)
@example([("", "", "-0.0")], ",", "utf-8", "\n", csv.QUOTE_ALL)
@given(
    st.lists(st.tuples(cells, cells, cells), max_size=6),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_what_python_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, str]],
    delimiter: str,
    encoding: str,
    end: str,
    quoting: Literal[0, 1],
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([("a", "b", "c"), *rows])
    how = Reading(encoding="gb18030") if encoding == "gb18030" else Reading()
    table = read(path, out.getvalue().encode(encoding), how)
    clean = [tuple(map(expected, row)) for row in rows]
    shown = list(zip(*table.columns.values(), strict=True))
    filled = [row for row in clean if any(row)]
    assert [list(map(bare, row)) for row in shown] == [list(map(bare, row)) for row in filled]
