"""Files are whole or not there, whatever happens while they are written."""

import errno
import os
import stat
from pathlib import Path

import pytest

from ingan_fast.errors import MachineError, UserError
from ingan_fast.files import atomic_path, atomic_write


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_writes_a_new_file_and_nothing_else(tmp_path: Path) -> None:
    atomic_write(tmp_path / "a.bin", b"new")
    assert (tmp_path / "a.bin").read_bytes() == b"new"
    assert names(tmp_path) == ["a.bin"]


def test_accepts_a_string(tmp_path: Path) -> None:
    atomic_write(str(tmp_path / "a.bin"), b"new")
    assert (tmp_path / "a.bin").read_bytes() == b"new"


def test_makes_missing_folders(tmp_path: Path) -> None:
    atomic_write(tmp_path / "x" / "y" / "a.bin", b"new")
    assert (tmp_path / "x" / "y" / "a.bin").read_bytes() == b"new"


def test_replaces_an_existing_file(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old, and longer than the new one")
    atomic_write(target, b"new")
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["a.bin"]


def test_the_temporary_file_lies_beside_the_target_and_keeps_its_suffix(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.png") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
        assert temporary.name.startswith(".")
        temporary.write_bytes(b"new")
        assert not (tmp_path / "a.png").exists()
    assert names(tmp_path) == ["a.png"]


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    previous = os.umask(0o027)
    try:
        atomic_write(tmp_path / "a.bin", b"new")
        assert os.umask(0o027) == 0o027, "the process's umask must survive"
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == 0o640


def test_a_full_disk_while_writing_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    monkeypatch.setattr(Path, "write_bytes", no_space)
    with pytest.raises(MachineError, match="No space left on device") as refusal:
        atomic_write(target, b"new")
    assert str(target) in str(refusal.value)
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_at_the_end_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    monkeypatch.setattr(f"ingan_fast.files.os.{call}", no_space)
    with pytest.raises(MachineError, match="No space left on device"):
        atomic_write(target, b"new")
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_any_other_failure_passes_through_and_leaves_the_old_content(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with pytest.raises(failure), atomic_path(target) as temporary:  # noqa: PT012
        temporary.write_bytes(b"half of the n")
        raise failure
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_a_parent_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(UserError, match="choose another place") as refusal:
        atomic_write(tmp_path / "file" / "a.bin", b"new")
    assert str(tmp_path / "file" / "a.bin") in str(refusal.value)
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="folder"):
        atomic_write(tmp_path / "folder", b"new")
    assert names(tmp_path) == ["folder"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UserError, match="Permission denied"):
            atomic_write(tmp_path / "a.bin", b"new")
    finally:
        tmp_path.chmod(0o700)


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "real.bin").write_bytes(b"old")
    (tmp_path / "link.bin").symlink_to(tmp_path / "there" / "real.bin")
    (tmp_path / "new.bin").symlink_to(tmp_path / "there" / "not yet.bin")
    atomic_write(tmp_path / "link.bin", b"new")
    atomic_write(tmp_path / "new.bin", b"new")
    assert (tmp_path / "link.bin").is_symlink()
    assert (tmp_path / "new.bin").is_symlink()
    assert (tmp_path / "there" / "real.bin").read_bytes() == b"new"
    assert names(tmp_path / "there") == ["not yet.bin", "real.bin"]


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_a_replaced_file_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    target.chmod(mode)
    atomic_write(target, b"new")
    assert stat.S_IMODE(target.stat().st_mode) == mode


def test_the_home_folder_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    atomic_write("~/a.bin", b"new")
    assert names(tmp_path) == ["a.bin"]
