"""XML: entities and document types are refused before they count."""

import pytest

from oddspec.errors import InputError
from oddspec.io.products import xml
from oddspec.io.products.xml import numbers_in, read_xml, text_in

LAUGHS = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
<!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]><lolz>&lol2;</lolz>"""
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'


def write(path, text, encoding="utf-8"):
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("text", [LAUGHS.split("?>")[1], OUTSIDE, '<!DOCTYPE a SYSTEM "b"><a/>'])
def test_document_types_are_refused(tmp_path, text, encoding):
    with pytest.raises(InputError, match=r"declares a document type \(DTD\)"):
        read_xml(write(tmp_path / "a.xml", text, encoding))


def test_texts_and_numbers(tmp_path):
    text = (
        "<?xml version='1.0'?><a><n:b xmlns:n='x'> one </n:b><c><d>1e-4</d></c><c><d>2</d></c></a>"
    )
    path = write(tmp_path / "a.xml", text)
    root = read_xml(path)
    assert text_in(root, "nothing", "b") == "one"
    assert text_in(root, "nothing") == ""
    assert numbers_in(path, root.findall("c"), "d").tolist() == [1e-4, 2]
    with pytest.raises(InputError, match="'e' of a band is None"):
        numbers_in(path, root.findall("c"), "e")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<a><b></a>", "no XML document"),
        ("", "no XML document"),
        ("<a>&nothing;</a>", "no XML document"),
        ("<a>" * 101 + "</a>" * 101, "100 in one another"),
        ("<a>" + "<b/>" * 50 + "</a>", "more than 50 elements"),
        ("<a>" + " " * 1000 + "</a>", "is larger than"),
    ],
    ids=["open", "empty", "unknown entity", "deep", "many", "large"],
)
def test_damaged_and_endless_documents_are_refused(tmp_path, monkeypatch, text, message):
    if "50" in message:
        monkeypatch.setattr(xml, "_MOST_ELEMENTS", 50)
    if "larger" in message:
        monkeypatch.setattr(xml, "_LARGEST", 1000)
    with pytest.raises(InputError, match=message):
        read_xml(write(tmp_path / "a.xml", text))
