"""The file of API keys, and what follows from its lines."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from service import keys as keys_module
from service.cli import main
from service.errors import InvalidInput, InvalidParameter
from service.keys import KeyRing, add_key, digest_of, parse_keys, read_keys

HASH = "0" * 64


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.txt"


@pytest.fixture
def ring(file, monkeypatch) -> KeyRing:
    """A ring with the key of `first`, which looks at its file each time it is asked."""
    monkeypatch.setattr(keys_module, "CHECK_SECONDS", 0)
    add_key(file, "first", "use")
    return KeyRing(file)


def test_a_new_keys_hash_is_in_the_file_and_the_key_is_not(file) -> None:
    key = add_key(file, "lab", "use")
    assert file.read_text() == f"lab use sha256:{digest_of(key).hex()}\n"
    assert key not in file.read_text()
    assert len(key) > 32
    assert add_key(file, "lab", "admin") != key
    assert [(one.name, one.scope) for one in read_keys(file)] == [("lab", "use"), ("lab", "admin")]


def test_a_new_file_of_keys_is_its_owners_alone(file) -> None:
    add_key(file, "lab", "use")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_gets_a_line_of_its_own_where_the_last_line_does_not_end(file) -> None:
    file.write_text(f"# keys of the lab\n\nold use sha256:{HASH}")
    add_key(file, "new", "use")
    assert [key.name for key in read_keys(file)] == ["old", "new"]


@pytest.mark.parametrize(
    "line",
    [
        "vitrine_secret",
        "lab use",
        f"lab root sha256:{HASH}",
        f"lab use sha256:{HASH[1:]}",
        f"lab use md5:{HASH}",
        f"a/b use sha256:{HASH}",
        f"lab use sha256:{HASH} more",
    ],
)
def test_a_broken_line_is_named_and_not_repeated(line) -> None:
    with pytest.raises(InvalidInput, match="line 2 is not NAME SCOPE") as raised:
        parse_keys(f"# comment\n{line}\n")
    assert line not in str(raised.value)


def test_the_same_hash_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="line 2 has the hash of an earlier line of a"):
        parse_keys(f"a use sha256:{HASH}\nb admin sha256:{HASH}\n")


def test_a_key_is_found_by_its_text_alone(file, ring) -> None:
    key = add_key(file, "second", "admin")
    found = ring.find(key)
    assert found is not None
    assert (found.name, found.scope) == ("second", "admin")
    for wrong in ("", key[:-1], key + "x", "first", digest_of(key).hex(), "schlüssel", "鍵"):
        assert ring.find(wrong) is None


def test_a_keys_digest_is_not_shown(file) -> None:
    add_key(file, "lab", "use")
    (key,) = read_keys(file)
    assert key.digest.hex() not in repr(key)
    assert repr(key.digest) not in repr(key)


def test_a_removed_line_ends_its_key_and_the_last_one_ends_all(file, ring) -> None:
    old, new = add_key(file, "lab", "use"), add_key(file, "lab", "use")
    assert ring.find(old)
    assert ring.find(new)
    file.write_text("".join(file.read_text().splitlines(keepends=True)[2:]))
    assert ring.find(old) is None
    assert ring.find(new)
    file.write_text("")
    assert ring.find(new) is None


def test_a_file_that_was_replaced_is_read_again_although_its_size_and_time_are_the_same(
    file, ring, tmp_path
) -> None:
    before = file.stat()
    replacement = tmp_path / "other.txt"
    key = add_key(replacement, "other", "use")
    os.utime(replacement, ns=(before.st_atime_ns, before.st_mtime_ns))
    replacement.replace(file)
    assert ring.find(key)


@pytest.mark.parametrize("change", ["break", "remove"])
def test_a_broken_or_missing_later_version_keeps_the_keys_and_is_logged_once(
    file, ring, caplog, change
) -> None:
    key = add_key(file, "second", "use")
    assert ring.find(key)
    with file.open("a") as lines:
        lines.write("vitrine_pasted_by_mistake\n")
    if change == "remove":
        file.unlink()
    assert ring.find(key)
    assert ring.find(key)
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert ("line 3" if change == "break" else "No such file") in record.message
    assert "pasted" not in record.message


def test_the_file_is_looked_at_once_a_second(file) -> None:
    add_key(file, "first", "use")
    ring = KeyRing(file)
    key = add_key(file, "second", "use")
    assert ring.find(key) is None
    ring._checked -= 1
    assert ring.find(key)


def test_a_missing_file_names_the_command_that_makes_one(file) -> None:
    with pytest.raises(InvalidParameter, match=f"No such file.*vitrine key NAME --file {file}"):
        KeyRing(file)


def test_a_file_that_is_no_text_is_refused(file) -> None:
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidParameter, match="not UTF-8"):
        KeyRing(file)


def test_the_command_prints_the_key_alone(file, capsys) -> None:
    main(["key", "lab", "--admin", "--file", str(file)])
    printed = capsys.readouterr()
    (key,) = read_keys(file)
    assert (key.name, key.scope) == ("lab", "admin")
    assert digest_of(printed.out.removesuffix("\n")) == key.digest
    assert str(file) in printed.err


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("two words", None, "the name 'two words' does not fit"),
        ("lab", "broken\n", "line 1 is not"),
        ("lab", "folder", "cannot be"),
    ],
)
def test_the_command_refuses_what_would_break_the_file(file, capsys, name, content, words) -> None:
    if content == "folder":
        file.mkdir()
    elif content:
        file.write_text(content)
    with pytest.raises(SystemExit) as exit_of:
        main(["key", name, "--file", str(file)])
    assert exit_of.value.code == 64
    assert words in capsys.readouterr().err
    assert file.is_dir() or not file.exists() or file.read_text() == content
