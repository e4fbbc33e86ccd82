"""The cache of engines: whole or not there, bounded, shared by processes."""

import os
from pathlib import Path

import pytest

from ingan_fast.errors import UserError
from ingan_fast.runtime.engine_cache import EngineCache


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EngineCache:
    monkeypatch.setenv("INGAN_FAST_CACHE", str(tmp_path / "cache"))
    return EngineCache(limit=100)


def store(cache: EngineCache, key: str, content: bytes, age: int = 0) -> Path:
    """An entry that was last used `age` seconds ago."""
    source = cache.folder.parent.parent / "built.engine"
    source.write_bytes(content)
    cache.store(key, source)
    (entry,) = cache.folder.glob(f"{key}-*")
    os.utime(entry, (1e9 - age, 1e9 - age))
    return entry


def test_it_lies_in_the_users_cache_or_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("INGAN_FAST_CACHE", raising=False)
    assert EngineCache().folder == tmp_path / ".cache/ingan-fast/engines"
    monkeypatch.setenv("INGAN_FAST_CACHE", str(tmp_path / "elsewhere"))
    assert EngineCache().folder == tmp_path / "elsewhere/engines"


def test_what_was_stored_comes_back_under_its_key_alone(cache: EngineCache, tmp_path: Path) -> None:
    assert not cache.fetch("a", tmp_path / "found")
    store(cache, "a", b"first")
    store(cache, "b", b"second")
    assert not cache.fetch("c", tmp_path / "found")
    assert not (tmp_path / "found").exists()
    assert cache.fetch("b", tmp_path / "found")
    assert (tmp_path / "found").read_bytes() == b"second"


@pytest.mark.parametrize("content", [b"", b"firs", b"firsT"])
def test_a_damaged_entry_is_not_there_any_more(cache: EngineCache, tmp_path: Path, content: bytes) -> None:
    entry = store(cache, "a", b"first")
    entry.write_bytes(content)
    assert not cache.fetch("a", tmp_path / "found")
    assert not (tmp_path / "found").exists()
    assert not entry.exists()


def test_of_two_entries_of_a_key_the_whole_one_is_taken(cache: EngineCache, tmp_path: Path) -> None:
    store(cache, "a", b"one process's").write_bytes(b"damaged")
    source = tmp_path / "built.engine"
    source.write_bytes(b"another's")
    cache.store("a", source)
    assert cache.fetch("a", tmp_path / "found")
    assert (tmp_path / "found").read_bytes() == b"another's"


def test_what_was_not_asked_for_the_longest_makes_room(cache: EngineCache, tmp_path: Path) -> None:
    store(cache, "old", b"a" * 40, age=30)
    store(cache, "older, but asked for", b"b" * 40, age=50)
    assert cache.fetch("older, but asked for", tmp_path / "found")
    store(cache, "new", b"c" * 40)
    assert [cache.fetch(key, tmp_path / "found") for key in ("old", "older, but asked for", "new")] == [
        False,
        True,
        True,
    ]


def test_what_a_killed_process_left_makes_room_too(cache: EngineCache) -> None:
    entry = store(cache, "a", b"a" * 40)
    left = cache.folder / ".a-123.x.engine"
    left.write_bytes(b"a" * 90)
    os.utime(left, (1, 1))
    store(cache, "b", b"b" * 40)
    assert not left.exists()
    assert entry.exists()


def test_timings_are_kept_by_name(cache: EngineCache) -> None:
    assert cache.read_timings("tensorrt-10.1-sm_90") == b""
    cache.write_timings("tensorrt-10.1-sm_90", b"fast")
    assert cache.read_timings("tensorrt-10.1-sm_90") == b"fast"
    assert cache.read_timings("tensorrt-11.0-sm_90") == b""


def test_a_folder_that_cannot_be_written_is_an_error_of_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("INGAN_FAST_CACHE", str(tmp_path / "file"))
    cache = EngineCache()
    assert not cache.fetch("a", tmp_path / "found")
    with pytest.raises(UserError, match="can't write"):
        cache.store("a", tmp_path / "file")
