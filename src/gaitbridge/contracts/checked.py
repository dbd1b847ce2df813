"""The contract tests of plug-ins of one's own, one after another."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gaitbridge import plugins
from gaitbridge.contracts import methods, others
from gaitbridge.errors import UserError, words_of
from gaitbridge.files import workplace
from gaitbridge.plugin_files import Plugin
from gaitbridge.training.config import METHODS, recipes


@dataclass(frozen=True)
class Checked:
    """One test of one thing; problem: empty where it passed."""

    what: str
    test: str
    problem: str


def check_all(given: Iterable[Plugin], place: Path) -> Iterator[Checked]:
    """Every contract test of what the plug-ins give; place: a folder that a working folder may be made beside."""
    for plugin in given:
        for kind, name in sorted(plugin.gives):
            for test, work in _tests(kind, name, place):
                yield Checked(f"{kind}/{name}", test, _problem(work))


def _tests(kind: str, name: str, place: Path) -> list[tuple[str, Callable[[], None]]]:
    if kind == "methods":
        return _of_method(name)
    if kind == "importers":
        return [("its facts, its example imported, damage named", lambda: _importer(name, place))]
    check, words = {"losses": (others.check_loss, "one finite number with a gradient"),
                    "augmentations": (others.check_augmentation, "pictures of the same shapes, drawn from `random` alone"),
                    "protocols": (others.check_protocol, "read, and said again"), "studies": (others.check_study, "arms and their settings")}[kind]
    return [(words, lambda: check(name))]


def _of_method(name: str) -> list[tuple[str, Callable[[], None]]]:
    own = {full: one for full, one in _recipes(name).items() if full.startswith(f"{name}/")}
    found: list[tuple[str, Callable[[], None]]] = [("it has a recipe", lambda: _some(own))]
    for full, one in own.items():
        found += [(f"{full}: embeds alike in any batch", lambda one=one: methods.check_embedding(one())),  # type: ignore[misc]
                  (f"{full}: padding does not count", lambda one=one: methods.check_padding(one())),  # type: ignore[misc]
                  (f"{full}: named finite losses, gradients", lambda one=one: methods.check_objective(one()))]  # type: ignore[misc]
    return found


def _recipes(name: str) -> dict[str, Callable[[], object]]:
    plugins.load(METHODS, name)
    return dict(recipes())


def _some(own: object) -> None:
    assert own, "a function without arguments that returns a RunConfig, said as `-> RunConfig`, is a recipe: write one"


def _importer(name: str, place: Path) -> None:
    with workplace(place / name) as folder:
        others.check_importer(name, folder)


def _problem(work: Callable[[], None]) -> str:
    """What went wrong, in a line; empty where nothing did."""
    try:
        work()
    except (AssertionError, UserError) as error:
        return " ".join(str(error).split()) or "the contract is not kept"
    except Exception as error:  # whatever somebody's code does
        return f"{type(error).__name__}: {words_of(error)}"
    return ""
