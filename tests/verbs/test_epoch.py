"""SOURCE_DATE_EPOCH: what counts as a time, and what is refused before anything is planned."""

from __future__ import annotations

import pytest

from paddlewheel.errors import SettingsError
from paddlewheel.verbs.planning import LATEST, _epoch


@pytest.mark.parametrize(("text", "epoch"), [("", None), ("0", 0), ("1700000000", 1700000000), (str(LATEST), LATEST)])
def test_times(monkeypatch: pytest.MonkeyPatch, text: str, epoch: int | None) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    assert _epoch() == epoch


@pytest.mark.parametrize("text", ["-1", "1.5", "today", "١٧٠٠", "1_000", " 1", "²"])
def test_what_is_no_number(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    with pytest.raises(SettingsError, match=r"SOURCE_DATE_EPOCH=.* is no number of seconds") as caught:
        _epoch()
    assert caught.value.hint


@pytest.mark.parametrize("text", [str(LATEST + 1), "1700000000000", "99999999999999", "9" * 5000])
def test_what_is_too_late(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    with pytest.raises(SettingsError, match="past the year 2107") as caught:
        _epoch()
    assert len(caught.value.message) < 150
    assert "milliseconds" in (caught.value.hint or "")
