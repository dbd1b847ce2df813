"""Commands of the gallery: create, enrol, search, verify, forget, list, export, check, index."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from gaitbridge.cli._app import Many, app, say
from gaitbridge.cli._gallery import (
    chosen,
    embed,
    having,
    ids_of,
    kind_told,
    linked_in_words,
    modalities_of,
    queries,
    run_of,
    sensor_name,
    sensor_of,
    some_at_least,
    there_and_then,
    whole_people,
)
from gaitbridge.cli._quality import LeastQuality, good_plans
from gaitbridge.walks import FLOOR

gallery = App(name="gallery", help="Enrol people, find and verify them across sensors, forget them. GALLERY: a folder, s3://BUCKET/NAME or milvus://HOST:PORT/NAME.")
app.command(gallery)

Fields = Annotated[list[str] | None, Parameter(name="--where", negative=())]


@gallery.command
def create(place: Annotated[str, Parameter(name="GALLERY")], *, model: Path | None = None) -> None:
    """Make an empty gallery for the embeddings of one model; its calibration comes along where it has one.

    Parameters
    ----------
    place
        The gallery to make.
    model
        Folder of a run, an exported file, or the name of a model that comes along; by default cross-modal, which takes cameras and LiDARs.
    """
    from gaitbridge.inference import shipped
    from gaitbridge.inference.loading import load
    from gaitbridge.inference.stored import create_gallery

    run = load(model or shipped.DEFAULT)
    calibration = create_gallery(place, run).calibration()
    along = ", which comes along (gaitbridge weights list)" if shipped.named(run.run) in shipped.names() else ""
    say(f"{place}: an empty gallery for {model or shipped.DEFAULT}{along} (weights {run.weights_hash}); "
        f"{calibration.in_words() if calibration else 'not calibrated yet'}")


@gallery.command
def enrol(place: Annotated[str, Parameter(name="GALLERY")], store: Path, *, person: str | None = None, sensor: str | None = None, site: str = "",
          recorded: str | None = None, expire_after: str | None = None, where: Fields = None, least_quality: LeastQuality = FLOOR,
          model: Path | None = None) -> None:
    """Enrol the people of a store. A line a person, printed when their templates are on the disk; what is enrolled already is not doubled.

    Parameters
    ----------
    place
        The gallery.
    store
        Sequences of the people.
    person
        Enrol all of the sequences as this person; by default each as the person of its label.
    sensor
        camera or lidar; by default both, as far as the run takes them and the store has them.
    site
        Where it was recorded, to filter by; by default as the capture was told.
    recorded
        When, such as 2026-11-20T10:00 (UTC); by default as the capture knows it, or now.
    expire_after
        How long the templates may be kept, such as 12h, 30d or 2y; by default until they are forgotten.
    where
        Only sequences whose label has a value, such as --where condition=normal; may be given several times.
    least_quality
        Leave walks out whose quality is lower; 0 takes all.
    model
        The run, if it was moved since the gallery was made.
    """
    from gaitbridge.data.captured import caught, is_captured
    from gaitbridge.gallery.captured_sides import seen_together
    from gaitbridge.gallery.gallery import Gallery
    from gaitbridge.gallery.templates import Walk, checked_name, instant, span_s
    from gaitbridge.progress import progress
    from gaitbridge.store import Store

    opened, source = Gallery(place), Store(store)
    person = None if person is None else checked_name(person)
    keep_s, recorded_s = span_s(expire_after) if expire_after else None, instant(recorded, "--recorded")
    run = run_of(opened, model)
    numbers = sorted(chosen(source, where), key=lambda number: source.rows[number]["person"])
    known_of = caught(source) if is_captured(source) else {}
    added = known = 0
    people: set[str] = set()
    with progress("enrol", "sequences") as show:
        plans = [(modality, own) for modality in modalities_of(run, sensor) if (own := having(source, numbers, run.inputs[modality]))]
        some_at_least(plans, source, run, sensor)
        plans = good_plans(source, plans, least_quality)
        done, total = 0, sum(len(own) for _, own in plans)
        for modality, own in plans:
            for some in whole_people(source, own, person):
                names = {number: person or source.rows[number]["person"] for number in some}
                ids = ids_of(source, some, modality, run.inputs[modality])
                there = opened.enrolled(list(ids.values()))
                new = [number for number in some if there.get(ids[number]) != names[number]]
                for who in {names[number] for number in set(some) - set(new)}:
                    count = sum(names[number] == who for number in set(some) - set(new))
                    known += count
                    say(f"{who}: {count} sequence{'s' * (count > 1)} of the {sensor_of(modality)} enrolled already")
                if new:
                    seen = {number: there_and_then(source, number, known_of, site, recorded_s) for number in new}
                    walks = [Walk(ids[number], names[number], source.rows[number]["key"], source.content_hash, *seen[number]) for number in new]
                    result = opened.enrol(embed(run, source, new, modality), walks, keep_s)
                    for who, count in result.added.items():
                        say(f"{who}: {count} sequence{'s' * (count > 1)} of the {sensor_of(modality)} enrolled")
                    for who, count in result.known.items():
                        say(f"{who}: {count} sequence{'s' * (count > 1)} of the {sensor_of(modality)} enrolled already")
                    added, known = added + sum(result.added.values()), known + sum(result.known.values())
                people |= set(names.values())
                done += len(some)
                show(done, total, "")
    if known_of and person is None:
        opened.note_together(seen_together(source, numbers))
    say(f"{place}: {added} templates added, {known} there already, of {len(people)} people")


@gallery.command
def search(place: Annotated[str, Parameter(name="GALLERY")], store: Path, *, top: Many = 5, probe: str | None = None, sensor: str | None = None,
           site: str = "", since: str | None = None, until: str | None = None, where: Fields = None, exact: bool = False, json: bool = False,
           reject: float | None = None, fuse: bool = True, least_quality: LeastQuality = FLOOR, model: Path | None = None) -> None:
    """Find the nearest people to each sequence of a store, across sensors; with --reject, say nobody or the name of each track.

    Parameters
    ----------
    place
        The gallery.
    store
        Sequences to ask with.
    top
        How many people for each.
    probe
        Which sensor of the store asks, camera or lidar; by default both.
    sensor
        Compare with templates of this sensor only, camera or lidar.
    site
        Compare with templates of this site only.
    since, until
        Compare with templates recorded in this time only, such as --since 2026-11-01.
    where
        Ask only with sequences whose label has a value, such as --where view=090; may be given several times.
    least_quality
        Leave walks out whose quality is lower; 0 takes all.
    exact
        Compare every template by parts, where an index was built, too.
    json
        Print JSON, a line a query.
    reject
        Decide: how often somebody who is not enrolled may be given a name, whoever's, such as 0.01 (false-positive identification rate, for as many
        people as are compared with). Refused where nothing calibrated can state it.
    fuse
        With --reject, take all sequences of a track together; --no-fuse decides each by itself.
    model
        The run, if it was moved since the gallery was made.
    """
    from gaitbridge.cli._identifying import print_decisions
    from gaitbridge.gallery.gallery import Gallery
    from gaitbridge.gallery.templates import Where, instant
    from gaitbridge.printing import say_json
    from gaitbridge.store import Store

    opened, source = Gallery(place), Store(store)
    wanted = Where(sensor=sensor_name(sensor), site=site, since_s=instant(since, "--since"), until_s=instant(until, "--until"))
    run = run_of(opened, model)
    calibration = opened.calibration()
    if reject is not None:
        return print_decisions(opened, run, source, chosen(source, where), probe, wanted, reject, top, fuse, exact, json, least_quality)
    if not json:
        say(calibration.in_words() if calibration else f"uncalibrated: plain distances; `gaitbridge calibrate {place} STORE` fixes thresholds")
    warnings = opened.warnings(kind_told(opened, source, json))
    for modality, some in queries(run, source, chosen(source, where), probe, least_quality):
        for number, found in zip(some, opened.search(embed(run, source, some, modality), wanted, top, exact), strict=True):
            key = source.rows[number]["key"]
            if json:
                hits = [{"person": hit.person, "sensor": hit.template.sensor, "site": hit.template.site, "template": hit.template.key,
                         "distance": hit.distance, "false_match_rate": hit.rate, "rate_is_bound": hit.below} for hit in found]
                say_json({"query": key, "probe": sensor_of(modality), "hits": hits, "warnings": warnings,
                          "provenance": calibration.in_words() if calibration else None})
                continue
            say(f"{key} ({sensor_of(modality)})")
            for place_, hit in enumerate(found, 1):
                rate = "uncalibrated" if hit.rate is None else f"false-match rate {'< ' if hit.below else ''}{hit.rate:.2g}"
                say(f"  {place_:2} {hit.person:24} distance {hit.distance:.4f}  {rate:26} by {hit.template.sensor} {hit.template.key}"
                    f"{' at ' + hit.template.site if hit.template.site else ''}")


@gallery.command
def verify(place: Annotated[str, Parameter(name="GALLERY")], store: Path, person: str, *, rate: float | None = None, probe: str | None = None,
           sensor: str | None = None, where: Fields = None, json: bool = False, least_quality: LeastQuality = FLOOR,
           model: Path | None = None) -> None:
    """Say of each sequence of a store whether it is taken for a person's, at a stated false-match rate. Without a calibration it refuses.

    Parameters
    ----------
    place
        The gallery.
    store
        Sequences to verify.
    person
        Who they claim to be.
    rate
        A calibrated false-match rate, such as 0.01; by default the strictest there is.
    probe
        Which sensor of the store asks, camera or lidar; by default both.
    sensor
        Compare with the person's templates of this sensor; by default the probe's own, or the other where there is none.
    where
        Only sequences whose label has a value, such as --where take=1; may be given several times.
    least_quality
        Leave walks out whose quality is lower; 0 takes all.
    json
        Print JSON, a line a query.
    model
        The run, if it was moved since the gallery was made.
    """
    from dataclasses import asdict

    from gaitbridge.gallery.gallery import Gallery
    from gaitbridge.gallery.templates import Where
    from gaitbridge.printing import say_json
    from gaitbridge.store import Store

    opened, source = Gallery(place), Store(store)
    run = run_of(opened, model)
    accepted = asked = 0
    kind = kind_told(opened, source, json)
    for modality, some in queries(run, source, chosen(source, where), probe, least_quality):
        answers = opened.verify(embed(run, source, some, modality), person, Where(sensor=sensor_name(sensor)), rate, kind)
        for number, answer in zip(some, answers, strict=True):
            key, asked, accepted = source.rows[number]["key"], asked + 1, accepted + answer.accepted
            if json:
                say_json({"query": key, "person": person, **asdict(answer)})
            else:
                say(f"{key} ({answer.probe}): {'accepted' if answer.accepted else 'rejected'} as {person}: distance {answer.distance:.4f}, threshold "
                    f"{answer.threshold:.4f} at a false-match rate of {answer.rate:g} "
                    f"({answer.templates} template{'s' * (answer.templates > 1)} of the {answer.gallery})")
    if not json:
        say(f"{accepted} of {asked} accepted; {answers[0].provenance}")


@gallery.command
def forget(place: Annotated[str, Parameter(name="GALLERY")], person: str) -> None:
    """Remove everything held of a person: templates, vectors and name, from every file of the gallery.

    Parameters
    ----------
    place
        The gallery.
    person
        Who is to be forgotten.
    """
    from gaitbridge.gallery.gallery import Gallery

    count, remains = Gallery(place).forget(person)
    say(f"{place}: {count} template{'s' * (count > 1)} and the name are gone{'; ' + remains if remains else ''}")


@gallery.command(name="list")
def list_people(place: Annotated[str, Parameter(name="GALLERY")], person: str | None = None, *, json: bool = False) -> None:
    """Print who is enrolled; of one person, everything that is held but the vectors (export has them).

    Parameters
    ----------
    place
        The gallery.
    person
        Whose templates and audit lines to print.
    json
        Print JSON.
    """
    from dataclasses import asdict
    from time import time

    from gaitbridge.gallery.gallery import Gallery
    from gaitbridge.gallery.templates import in_words
    from gaitbridge.names import canonical
    from gaitbridge.printing import say_json

    opened = Gallery(place)
    person = None if person is None else canonical(person)
    everybody = opened.people() if person is None else {person: opened.person(person)}
    lines = [] if person is None else opened.audit_of([row.person_id for row in everybody[person]])
    if json:
        document: dict[str, Any] = {"people": {name: [asdict(row) for row in rows] for name, rows in everybody.items()}}
        say_json(document | ({"audit": lines} if person is not None else {}), indent=1)
        return
    linked = {name: names for names in opened.links() for name in names}
    for name, rows in everybody.items():
        sensors = ", ".join(f"{sum(row.sensor == sensor for row in rows)} {sensor}" for sensor in sorted({row.sensor for row in rows}))
        sites = ", ".join(sorted({row.site for row in rows if row.site}))
        expires = min(row.expires_s for row in rows)
        gone = sum(row.expires_s <= time() for row in rows)
        say(f"{name:24} {sensors}{'; ' + sites if sites else ''}; enrolled {in_words(rows[0].enrolled_s)}, first expiry {in_words(expires)}"
            f"{f'; {gone} expired, which match nothing and go with `gallery check --purge`' if gone else ''}{linked_in_words(name, linked)}")
        for row in rows if person is not None else ():
            say(f"  {row.id}  {row.sensor} {row.key}{' at ' + row.site if row.site else ''}{f', as {row.person}' if row.person != name else ''}; "
                f"recorded {in_words(row.recorded_s)}, enrolled "
                f"{in_words(row.enrolled_s)}, expires {in_words(row.expires_s)}; store {row.data_hash[:8]}, weights {row.weights_hash[:8]}")
    if person is None:
        say(f"{place}: {len(everybody)} people, {sum(map(len, everybody.values()))} templates; {opened.index.indexed() or 'no index'}")
    else:
        say(f"random number in the audit log: {everybody[person][0].person_id}")
        for line in lines:
            say(f"  {line['time']} {line['command']} by {line['actor']}")


@gallery.command
def export(place: Annotated[str, Parameter(name="GALLERY")], out: Path, *, person: str | None = None) -> None:
    """Write what is held, vectors included, to a .npz file without pickle.

    Parameters
    ----------
    place
        The gallery.
    out
        The file to write.
    person
        Of this person only.
    """
    from gaitbridge.gallery.gallery import Gallery

    count = Gallery(place).export(out, person or "")
    say(f"{out}: {count} templates")


@gallery.command
def check(place: Annotated[str, Parameter(name="GALLERY")], *, purge: bool = False) -> None:
    """Read everything a gallery holds and compare it with what was written.

    Parameters
    ----------
    place
        The gallery.
    purge
        First remove what has expired, and what is left in the files of the removed.
    """
    from gaitbridge.gallery.gallery import Gallery

    opened = Gallery(place)
    if purge:
        say(f"{place}: {opened.purge()} expired templates removed")
    found = opened.check()
    calibration = opened.calibration()
    cut_off = f", {found['audit_lines_cut_off']} cut off" if found["audit_lines_cut_off"] else ""
    linked = f" ({found['linked']} linked with another)" if found["linked"] else ""
    say(f"{place}: whole; {found['people']} people{linked}, {found['templates']} templates, {found['expired']} of them expired; "
        f"{found['audit_lines']} audit lines{cut_off}; {found['index'] or 'no index'}; "
        f"{calibration.in_words() if calibration else 'not calibrated'}")
    if found["interrupted"]:
        say("a writer was killed: what it left is removed by the next one, or now by --purge")


@gallery.command
def index(place: Annotated[str, Parameter(name="GALLERY")]) -> None:
    """Build an index for approximate search, which pays from some ten thousand templates on; forgetting somebody drops it.

    Parameters
    ----------
    place
        The gallery.
    """
    from gaitbridge.gallery.gallery import Gallery
    from gaitbridge.progress import progress

    with progress("index", "steps") as show:
        show(0, 1, "")
        made = Gallery(place).build_index()
        show(1, 1, "")
    say(f"{place}: {made}")
