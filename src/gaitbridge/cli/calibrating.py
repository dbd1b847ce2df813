"""The command that fixes thresholds: calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from gaitbridge.cli._app import Many, app, say
from gaitbridge.cli._gallery import chosen, run_of, unseen
from gaitbridge.cli._quality import LeastQuality
from gaitbridge.cli.gallery import Fields
from gaitbridge.walks import FLOOR

if TYPE_CHECKING:
    from gaitbridge.gallery.cohort import Cohort
    from gaitbridge.gallery.decision import Calibration
    from gaitbridge.gallery.gallery import Gallery
    from gaitbridge.gallery.strangers import Strangers


@app.command
def calibrate(place: Annotated[str, Parameter(name="TARGET")], store: Path | None = None, *,
              from_captures: Annotated[list[Path] | None, Parameter(negative=(), consume_multiple=True)] = None,
              rates: Annotated[list[float] | None, Parameter(negative=(), consume_multiple=True)] = None,
              where: Fields = None, least_quality: LeastQuality = FLOOR, templates: Many | None = None, cohort: Path | None = None,
              normalise: bool = True, model: Path | None = None) -> None:
    """Fix the thresholds of a gallery or a run on a labelled store, at stated false-match rates; or on captures of one's own, without labels.

    People that the run was trained on say nothing about others: of the store it was trained on, only the split test is taken.

    Parameters
    ----------
    place
        The gallery or the folder of the run to calibrate.
    store
        Sequences with known people, of both sensors where both directions are wanted.
    from_captures
        Captured stores instead, whose people nobody named: who is seen at one time is two people, and two halves of one walk are one.
    rates
        False-match rates; those that the store has too few people for are left out, and said.
    where
        Only sequences whose label has a value, such as --where split=val; may be given several times.
    least_quality
        With --from-captures, walks below that are left out, 0 to 1, as they are from enrolment and search.
    templates
        How many sequences of each person stand for templates, the first by take and view, normal walks first; by default all. Take as many as
        will be enrolled.
    cohort
        Sequences of other people, against whom identification normalises distances; best simulated ones, as their embeddings are kept with the
        calibration. By default a fifth of the people of a simulated STORE of 100 or more, who take no other part.
    normalise
        --no-normalise keeps no cohort.
    model
        The run, if it was moved since the gallery was made.
    """
    import time

    from gaitbridge.cli._cohort import fixed_on
    from gaitbridge.cli._from_captures import from_captures as gather
    from gaitbridge.errors import UserError
    from gaitbridge.gallery.decision import RATES
    from gaitbridge.gallery.decision import calibrate as fix
    from gaitbridge.gallery.gallery import Gallery
    from gaitbridge.inference.loading import load
    from gaitbridge.store import Store

    is_run = (Path(place) / "config.json").is_file()
    opened = None if is_run else Gallery(place)
    run = load(Path(place)) if opened is None else run_of(opened, model)
    asked, today = tuple(rates) if rates else RATES, time.strftime("%Y-%m-%d", time.gmtime())
    if (store is None) == (not from_captures):
        raise UserError("give either a STORE of known people, or --from-captures with one or more captured stores")
    if cohort is not None and not normalise:
        raise UserError(f"--cohort {cohort} and --no-normalise ask for two things: give one of them")
    if store is None:
        if templates is not None or cohort is not None:
            raise UserError("--templates and --cohort belong to a STORE of known people: leave them out with --from-captures")
        evidence = gather(run, from_captures or [], where, least_quality)
        say(f"{evidence.name}: {evidence.in_words()}")
        seen = evidence.sides
        found = fix(seen.embeddings, seen.people, seen.walks, evidence.name, evidence.data_hash, today, asked, evidence.kind, evidence.known)
        return _keep(place, opened, found, asked)
    source = Store(store)
    numbers = unseen(run, source, chosen(source, where), bool(where))
    found, others = fixed_on(run, source, numbers, asked, templates, cohort, normalise)
    _keep(place, opened, found, asked, others)


def _keep(place: str, opened: Gallery | None, found: Calibration, asked: tuple[float, ...], cohort: Cohort | None = None) -> None:
    """Keep thresholds with a gallery or a run, and print them."""
    from gaitbridge.files import write_json

    if opened is not None:
        opened.keep_calibration(found, cohort)
    else:
        write_json({} if cohort is None else cohort.document(), Path(place) / "cohort.json")
        write_json(found.model_dump(mode="json"), Path(place) / "calibration.json")
    if cohort is not None:
        say(f"scores of identification are normalised by {cohort.in_words()}, kept with the calibration"
            f"{'' if cohort.nobody else ': these are biometric data of real people, by name; `gaitbridge gallery forget` removes them there, too'}")
    for one in found.directions:
        say(f"probe {one.probe}, gallery {one.gallery}: {one.impostors} impostor and {one.genuine} genuine comparisons of {one.people} people, "
            f"{one.templates_a_person:.1f} templates a person")
        for threshold in one.thresholds:
            missed = "unknown" if threshold.false_non_match is None else f"{100 * threshold.false_non_match:.1f} %"
            say(f"  false-match rate {threshold.rate:g}: distance up to {threshold.distance:.4f}, false-non-match rate {missed}")
        if left := sorted(set(asked) - {threshold.rate for threshold in one.thresholds}, reverse=True):
            say(f"  too few people to state {', '.join(f'{rate:g}' for rate in left)}")
        for strangers in one.strangers:
            _say_strangers(strangers)
    say(f"{place}: {found.in_words()}")


def _say_strangers(found: Strangers) -> None:
    """For each rate at which strangers may be named: among how many people it was found, and how many of the known are missed then."""
    for rate in sorted({stated.rate for size in found.sizes for stated in size.stated}, reverse=True):
        sizes = [(size.people, stated.missed) for size in found.sizes for stated in size.stated if stated.rate == rate]
        among = ", ".join(f"{people}{'' if missed is None else f' ({100 * missed:.0f} % of the known missed)'}" for people, missed in sizes)
        say(f"  {found.walks} sequence{'s' * (found.walks > 1)} of a track, false-positive identification rate {rate:g} among people: {among}")
