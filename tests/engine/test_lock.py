"""A run is alive as long as it holds its file open."""

from darkfield.engine import lock


def test_alive_while_held(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not lock.alive()
    first, second = lock.hold(), lock.hold()
    assert lock.alive()
    first.close()
    assert lock.alive()
    second.close()
    assert not lock.alive()
