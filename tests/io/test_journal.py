import pytest

from oddspec.io.journal import Journal, read_lines


def test_lines_come_back_also_while_they_are_written(tmp_path):
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.append(b"one")
    journal.append("zwö".encode(), durable=True)
    assert read_lines(path) == [b"one", "zwö".encode()]
    journal.close()
    journal.close()
    assert path.read_bytes() == "one\nzwö\n".encode()


@pytest.mark.parametrize("cut", [1, 2])
def test_half_a_last_line_is_left_out_and_never_joined_to_the_next(tmp_path, cut):
    path = tmp_path / "journal"
    path.write_bytes(b"one\ntwo\n"[:-cut])
    assert read_lines(path) == [b"one"]
    journal = Journal(path)
    assert journal.lines == [b"one"]
    journal.append(b"three")
    journal.close()
    assert path.read_bytes() == b"one\nthree\n"


def test_an_empty_and_a_missing_journal(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_lines(tmp_path / "none")
    journal = Journal(tmp_path / "new")
    assert journal.lines == read_lines(tmp_path / "new") == []
    journal.close()


def test_a_last_line_that_nobody_wrote_is_cut_off(tmp_path):
    path = tmp_path / "journal"
    path.write_bytes(b"{one}\n{two}\n\0\0\0e}\n")

    def is_whole(line):
        return line.startswith(b"{")

    assert read_lines(path, is_whole) == [b"{one}", b"{two}"]
    journal = Journal(path, is_whole)
    journal.append(b"{three}")
    journal.close()
    assert path.read_bytes() == b"{one}\n{two}\n{three}\n"
    path.write_bytes(b"{one}\n\0\n{two}\n")
    assert len(read_lines(path, is_whole)) == 3, "a line within is its reader's affair"
