import json

import pytest

from oddspec.errors import InputError
from oddspec.io.lock import locked
from oddspec.study.records_store import RecordFile, read_records, recall_plan

ROW = {"column": "defaults", "paper": None, "status": "done"}


def record(name, **more):
    return ROW | {"id": name} | more


def written(folder, *records):
    file = RecordFile(folder)
    for entry in records:
        file.append(entry)
    file.close()


def test_records_come_back_and_of_each_row_the_last(tmp_path):
    written(tmp_path, record("a", status="failed"), record("b"), record("a", column="é"))
    written(tmp_path, record("a", seconds=1.0))
    assert read_records(tmp_path) == [
        record("a", seconds=1.0),
        record("b"),
        record("a", column="é"),
    ]


@pytest.mark.parametrize("cut", [1, 2, 10, 40])
def test_a_torn_last_line_is_dropped_and_never_joined_to_the_next(tmp_path, cut):
    written(tmp_path, record("a"), record("b"))
    path = tmp_path / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    assert read_records(tmp_path) == [record("a")]
    written(tmp_path, record("c"))
    assert read_records(tmp_path) == [record("a"), record("c")]
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["a", "c"]


@pytest.mark.parametrize("line", ["{oops", "[]", '{"id": 3}', "\xff"])
def test_a_bad_line_within_is_told_and_nothing_is_thrown_away(tmp_path, line):
    written(tmp_path, record("a"))
    path = tmp_path / "records.jsonl"
    path.write_text(line + "\n" + path.read_text(), encoding="latin-1")
    before = path.read_bytes()
    for read in (read_records, RecordFile):
        with pytest.raises(InputError, match=r"records.jsonl: line 1 is no record"):
            read(tmp_path)
    assert path.read_bytes() == before


def test_records_that_cannot_be_written_to_are_told(tmp_path):
    (tmp_path / "records.jsonl").mkdir()
    with pytest.raises(InputError, match=r"records.jsonl: cannot be written to \(.*\); choose"):
        RecordFile(tmp_path)


def test_a_path_that_is_no_utf8_text_can_stand_in_a_record(tmp_path):
    written(tmp_path, record("a", reason="/sz\udcfcen: é is gone"))
    assert read_records(tmp_path) == [record("a", reason="/sz\udcfcen: é is gone")]


def test_a_folder_without_records(tmp_path):
    with pytest.raises(InputError, match=r"is .* the folder of a study"):
        read_records(tmp_path)


def test_only_one_study_may_write_to_a_folder(tmp_path):
    with locked(tmp_path / "study", "study"):
        second = locked(tmp_path / "study", "study")
        with pytest.raises(InputError, match="another study is writing there"):
            second.__enter__()
    with locked(tmp_path / "study", "study"):
        pass


@pytest.mark.parametrize("kept", [b'\0\0\0\0\0\0"done"}\n', b"\0\n", b"\xff\xfe\n"])
def test_a_last_line_that_a_power_cut_left_in_part_is_dropped(tmp_path, kept):
    written(tmp_path, record("a"), record("b"))
    path = tmp_path / "records.jsonl"
    path.write_bytes(path.read_bytes() + kept)
    assert read_records(tmp_path) == [record("a"), record("b")]
    written(tmp_path, record("c"))
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["", "[]", "3", "\0\0"])
def test_a_damaged_note_of_the_place_is_no_folder_of_a_study(tmp_path, text):
    (tmp_path / "study.json").write_text(text)
    (tmp_path / "plan.toml").write_text("")
    with pytest.raises(InputError, match="is no folder of a study"):
        recall_plan(tmp_path)
