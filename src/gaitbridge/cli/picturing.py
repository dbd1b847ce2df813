"""Commands that draw simulated people without making a store: picture people, picture walker."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from gaitbridge.cli._app import Many, Seed, Settings, app, say

picture = App(name="picture", help="Draw simulated people, still or moving, without making a store.")
app.command(picture)


@picture.command(name="people")
def draw_people(out: Path, *, people: Many = 10, first: Annotated[int, Parameter(validator=Number(gte=0, lte=10**9))] = 0, seed: Seed = 0,
                conditions: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None,
                views: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None,
                rows: Many = 10, scale: Many = 2,
                steps: Annotated[int, Parameter(validator=Number(gte=0, lte=100))] = 0, overrides: Settings = None) -> None:
    """Draw people from all sides: the walker in 3D, the clean silhouette, the segmented one and the LiDAR's ranges side by side.

    Parameters
    ----------
    out
        .png: another moment of the walk in each view; .webp or .gif: it moves.
    people
        How many.
    first
        The number of the first of them: of many people, look at others.
    seed
        Of the people; the same as of `simulate`.
    conditions
        A take each; people are shown in these in turn. By default all.
    views
        View angles in degrees with three digits, such as 000 045 090-far; by default eight around the walker.
    rows
        People on one sheet; the others are on further ones.
    scale
        How many pixels wide and high a silhouette's pixel is drawn.
    steps
        Of a still picture: in place of all views so many frames of the first one, one after the other.
    overrides
        Any other setting of the cohort, as of `simulate`, such as --set clothes=outfits.
    """
    from gaitbridge import config
    from gaitbridge.conventions import CONDITIONS
    from gaitbridge.progress import progress
    from gaitbridge.report import people_sheet
    from gaitbridge.simulation.settings import CohortConfig

    document = CohortConfig().model_dump(mode="json")
    document |= {"seed": seed, "people": {"test": people}, "first_person": {"test": first}}
    document["takes"] = [choice.split(",") for choice in conditions or CONDITIONS]
    if views:
        document["views"] = views
    settings = config.checked(CohortConfig, config.overridden(document, overrides or []))
    with progress("draw", "people") as show:
        written = people_sheet.draw_people(settings, out, rows, scale, steps, show)
    for sheet in written:
        say(f"{sheet}")


@picture.command(name="walker")
def draw_walker(out: Path, *, person: Annotated[int, Parameter(validator=Number(gte=0, lte=10**9))] = 0, condition: str = "normal", seed: Seed = 0,
                seconds: Annotated[float, Parameter(validator=Number(gte=2, lte=30))] = 6.0, scale: Many = 6, overrides: Settings = None) -> None:
    """Draw one walker in motion beside what a camera and a LiDAR see of them: the first picture of the README.

    Parameters
    ----------
    out
        .webp or .gif: a lap around a small circle, seen from all sides; .png: its first frame.
    person
        The number of the person.
    condition
        What is worn or carried.
    seed
        Of the person; the same as of `simulate`.
    seconds
        About how long it lasts: a whole number of strides.
    scale
        How many pixels wide and high a silhouette's pixel is drawn.
    overrides
        Any other setting of the cohort, as of `simulate`, such as --set clothes=outfits.
    """
    from gaitbridge import config
    from gaitbridge.progress import progress
    from gaitbridge.report import lap
    from gaitbridge.simulation.settings import CohortConfig

    document = CohortConfig().model_dump(mode="json")
    document |= {"seed": seed, "people": {"test": 1}, "first_person": {"test": person}, "takes": [[condition]]}
    settings = config.checked(CohortConfig, config.overridden(document, overrides or []))
    with progress("draw", "parts") as show:
        lap.draw_lap(settings, out, seconds, scale, show)
    say(f"{out}")
