"""The command look: what a network looks at."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from gaitbridge.cli._app import app, say
from gaitbridge.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from gaitbridge.inference.session import Model
    from gaitbridge.progress import Progress
    from gaitbridge.report.looked_at_picture import LookedAt
    from gaitbridge.store import Store

MOST_FRAMES = 24  # of a walk that are looked at, spread over it


@app.command
def look(run: Path, walk: str | None = None, other: str | None = None, *, data: Path, out: Path = Path("look.png"),
         frames: Annotated[int, Parameter(validator=Number(gte=1, lte=40))] = 8) -> None:
    """Draw what a network looks at: which pixels make two walks alike to it, and which unlike.

    Parameters
    ----------
    run
        Folder of the run, or the name of a model that comes along.
    walk
        Key of a walk (person/condition-take/view); by default a normal test walk seen obliquely.
    other
        Key of the walk that it is held against; by default the same walk in the other sensor, or of the same person in the same sensor.
    data
        The store of both.
    out
        The picture, a .png: of each walk some frames, and the mean of all.
    frames
        How many frames are drawn.
    """
    from gaitbridge.inference.loading import load
    from gaitbridge.progress import progress
    from gaitbridge.report.hero import hero_sequence
    from gaitbridge.report.looked_at_picture import draw_looked_at
    from gaitbridge.report.moving_files import check_picture
    from gaitbridge.report.pictures import row_number
    from gaitbridge.store import Store

    if check_picture(out):
        raise UserError(f"{out}: what is looked at is drawn still: name it .png")
    store, model = Store(data), load(run)
    first = row_number(store, walk) if walk else hero_sequence(store, one_will_do=True)
    second = row_number(store, other) if other else _another(store, model, first)
    with progress("look", "walks") as show:
        show(0, 2, store.rows[first]["key"])
        drawn = _both_ways(model, store, first, second, show)
    draw_looked_at(drawn, out, frames)
    say(f"{out}")


def _seen(store: "Store", model: "Model", number: int) -> list[str]:
    """The modalities by which the model can see a walk."""
    from gaitbridge.data.batches import has_all

    return [modality for modality, names in model.inputs.items() if has_all(store.rows[number], names)]


def _another(store: "Store", model: "Model", first: int) -> int:
    """What a walk is held against: itself, where two sensors saw it, or the same person's next. UserError where there is none."""
    if len(_seen(store, model, first)) > 1:
        return first
    row = store.rows[first]
    others = [n for n in store.select(person=row["person"]) if n != first and _seen(store, model, n)]
    if not others:
        raise UserError(f"{row['key']} is the only walk of {row['person']} that this network can see: say which other one to hold it against")
    return min(others, key=lambda n: (store.rows[n]["view"] != row["view"], store.rows[n]["key"]))


def _both_ways(model: "Model", store: "Store", first: int, second: int, show: "Progress") -> "list[LookedAt]":
    """What is looked at in the first walk to find it like the second, and the other way round."""
    import numpy as np

    from gaitbridge.conventions import SENSOR
    from gaitbridge.data.preparation import fitted
    from gaitbridge.inference.looked_at import looked_at
    from gaitbridge.report.looked_at_picture import LookedAt
    from gaitbridge.report.tables import SENSOR_NAME
    from gaitbridge.types import is_picture

    for number in (first, second):
        if not _seen(store, model, number):
            raise UserError(f"{store.rows[number]['key']} has nothing that this network sees ({', '.join(model.inputs)}): name another walk")
    one = _seen(store, model, first)[0]
    another = next((name for name in _seen(store, model, second) if name != one), one)
    if (first, one) == (second, another):
        raise UserError(f"{store.rows[first]['key']} is to be held against itself: name another walk")
    sides = [(first, one), (second, another)]
    arrays = [_read(store, number, model.inputs[modality]) for number, modality in sides]
    made = [model.embed_stored(**{name: [array] for name, array in given.items()}).values[0] for given in arrays]
    unit = [values / np.maximum(np.linalg.norm(values, axis=0), 1e-12) for values in made]
    alike, drawn = float((unit[0] * unit[1]).sum(0).mean()), []
    for place, (_, modality) in enumerate(sides):
        shares = looked_at(model.network, modality, arrays[place], made[1 - place])
        pictures = next(array for name, array in arrays[place].items() if is_picture(name))
        pictures = fitted(pictures, shares.shape[1:], modality)
        keys = [f"{SENSOR_NAME[SENSOR[kind]]} {store.rows[row]['key']}" for row, kind in (sides[place], sides[1 - place])]
        drawn.append(LookedAt(f"{keys[0]}, held against {keys[1]} (cosine {alike:.2f})", pictures, shares))
        show(place + 1, 2, keys[0])
    return drawn


def _read(store: "Store", number: int, names: "Sequence[str]") -> "dict[str, np.ndarray]":
    """A walk's arrays, at most MOST_FRAMES frames spread over it, the same of each."""
    import numpy as np

    from gaitbridge.data.batches import frames_of
    from gaitbridge.store import FIELDS

    count = frames_of(store.rows[number], names)
    chosen = np.linspace(0, count - 1, min(count, MOST_FRAMES)).round().astype(int)
    arrays = store.read(number, names, {FIELDS[name].frames: chosen for name in names}).arrays
    return {name: arrays[name] for name in names}
