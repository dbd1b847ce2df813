"""Keys: made once, kept as a slow hash, found quickly once found right, revoked at once."""

import time
from pathlib import Path

import pytest

from gaitbridge.errors import UserError
from gaitbridge.service import keys as module
from gaitbridge.service.database import Database
from gaitbridge.service.keys import SCOPES, Key, Keys, fits_hash, slow_hash

COST = module.COST  # as it is in a service: tests make it fast


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setattr(module, "COST", 4)
    return Database(tmp_path / "service.db")


def test_the_first_start_makes_one_key_and_no_other_does(database: Database) -> None:
    made = Keys(database).first()
    assert made is not None
    key = Keys(database).slow(made)
    assert key is not None
    assert key.scopes == set(SCOPES)
    assert Keys(database).first() is None
    Keys(database).revoke("first")
    assert Keys(database).first() is None  # whoever revoked the last key did not ask for another


def test_nothing_kept_opens_the_door(database: Database, tmp_path: Path) -> None:
    text = Keys(database).add("gate", ["search"])
    secret = text.split("_", 2)[2]
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert secret.encode() not in content
        assert text.encode() not in content
    with database.reading() as connection:
        kept = connection.execute("SELECT hash FROM access_keys").fetchone()["hash"]
    assert kept.startswith("scrypt$4$")
    assert Keys(database).slow(f"gbk_{text.split('_')[1]}_{kept[-43:]}") is None


def test_the_slow_hash_takes_memory_is_salted_and_repeatable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COST", COST)
    assert 2**COST * 1024 >= 32 * 2**20  # bytes of a try
    one = slow_hash("secret")
    assert fits_hash("secret", one)
    assert not fits_hash("Secret", one)
    monkeypatch.setattr(module, "COST", 4)
    assert slow_hash("secret") != slow_hash("secret")
    assert fits_hash("secret", one)  # what it cost is kept with it


def test_the_slow_hash_is_paid_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(database)
    text = keys.add("gate", ["search"])
    wrong = text[:-1] + ("A" if text[-1] != "A" else "B")
    paid = []

    def counted(secret: str, kept: str) -> bool:
        paid.append(secret)
        return fits_hash(secret, kept)

    monkeypatch.setattr(module, "fits_hash", counted)
    assert keys.quick(text) is True  # nobody knows yet
    assert keys.slow(text) == keys.quick(text) == keys.slow(text)
    assert isinstance(keys.quick(text), Key)
    assert len(paid) == 1
    assert keys.quick(wrong) is False  # another secret of a known key needs no slow hash to be refused
    assert keys.slow(wrong) is None
    assert keys.quick("gbk_00000000_" + "A" * 43) is False
    assert keys.quick("x" * 10_000) is False
    assert len(paid) == 1


def test_a_revoked_key_is_none_from_the_next_request_on(database: Database) -> None:
    keys, elsewhere = Keys(database), Keys(database)  # a command beside the service
    text = keys.add("gate", ["search"])
    keys.slow(text)
    elsewhere.revoke("gate")
    assert keys.quick(text) is False
    assert keys.slow(text) is None
    again = keys.add("gate", ["enrol"])  # the name is free again, and the old key is not the new one
    assert keys.slow(text) is None
    assert keys.slow(again) is not None


def test_a_key_expires(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(database)
    text = keys.add("gate", ["search"], days=1)
    assert keys.slow(text) is not None
    now = time.time()
    monkeypatch.setattr(module.time, "time", lambda: now + 86_401)
    assert keys.quick(text) is False
    assert keys.slow(text) is None


def test_the_last_administrator_stays_where_asked(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(database)
    keys.add("one", ["administer"])
    keys.add("gate", ["search"])
    keys.add("guest", ["administer"], days=1)
    now = time.time()
    monkeypatch.setattr(module.time, "time", lambda: now + 86_401)  # the guest's has expired
    with pytest.raises(UserError, match="the last key that may administer"):
        keys.revoke("one", keep_administrator=True)
    keys.add("two", ["administer"])
    keys.revoke("one", keep_administrator=True)
    keys.revoke("two")
    assert [key.name for key in keys.all()] == ["gate", "guest"]


@pytest.mark.parametrize(("name", "scopes", "more", "words"), [
    ("", ["search"], {}, "1 to 64 letters"), ("a\nb", ["search"], {}, "one line"), ("x" * 65, ["search"], {}, "1 to 64"),
    ("\u202eetag", ["search"], {}, "can be seen"), ("a", [], {}, "may do nothing"), ("a", ["serach"], {}, "did you mean 'search'"),
    ("a", ["search"], {"days": 0.0}, "more than 0"), ("a", ["search"], {"per_minute": 0}, "give 1 to"), ("gate", ["search"], {}, "already")])
def test_mistakes_make_no_key(database: Database, name: str, scopes: list[str], more: dict[str, int], words: str) -> None:
    keys = Keys(database)
    keys.add("gate", ["search"])
    with pytest.raises(UserError, match=words):
        keys.add(name, scopes, **more)
    assert [key.name for key in keys.all()] == ["gate"]


def test_no_key_is_revoked_under_a_wrong_name(database: Database) -> None:
    keys = Keys(database)
    keys.add("gate", ["search"])
    with pytest.raises(UserError, match="did you mean 'gate'"):
        keys.revoke("gaet")
