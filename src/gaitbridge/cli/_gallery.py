"""What the commands of the gallery share: the run of a gallery, sequences of a store, and their embeddings."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gaitbridge.cli._quality import good_plans


def run_of(opened: Any, model: Path | None) -> Any:
    from gaitbridge.inference import loading

    return loading.run_of(opened, model)


def chosen(source: Any, where: Sequence[str] | None) -> list[int]:
    """Numbers of the sequences whose labels have the values asked for; UserError where there is none."""
    from gaitbridge.errors import UserError
    from gaitbridge.names import canonical

    wanted: dict[str, list[str]] = {}
    for word in where or ():
        name, equals, value = word.partition("=")
        if not equals:
            raise UserError(f"--where {word!r}: write it as field=value, such as --where condition=normal")
        wanted.setdefault(name.strip(), []).append(canonical(value))
    source.select(**dict.fromkeys(wanted, ""))  # names the nearest field where one is unknown
    found = [number for number, row in enumerate(source.rows) if all(canonical(str(row[name])) in values for name, values in wanted.items())]
    if not found:
        raise UserError(f"{source.path}: none of {len(source.rows)} sequences has {' and '.join(where or ['anything'])}")
    return found


def unseen(run: Any, source: Any, numbers: list[int], chosen_by_hand: bool) -> list[int]:
    """Without the people that the run was trained on; UserError where none is left."""
    from gaitbridge.errors import UserError

    if source.content_hash != run.trained_on:
        return numbers
    splits = ("val", "test") if chosen_by_hand else ("test",)
    if not (left := [number for number in numbers if source.rows[number]["split"] in splits]):
        raise UserError(f"{source.path}: the run was trained on all of these people; calibrate on others")
    return left


def known_people(source: Any, numbers: Sequence[int]) -> None:
    """UserError where people are tracks of recordings: one person may be several of those, who would count as strangers to themselves."""
    from gaitbridge.data.captured import nameless
    from gaitbridge.errors import UserError

    if tracks := nameless(source, numbers):
        raise UserError(f"{source.path}: {len(tracks)} of its people are tracks, such as {min(tracks)}, and nobody knows who came by twice: "
                        f"calibrate with --from-captures, or on people known by name (captured with --person NAME, one recording each; imported; "
                        "or simulated)")


def sensor_name(sensor: str | None) -> str:
    """camera, lidar or nothing; UserError with the nearest otherwise."""
    from gaitbridge.conventions import SENSOR
    from gaitbridge.evaluation.embedding.from_store import modality_name

    return SENSOR[modality_name(sensor)] if sensor else ""


def sensor_of(modality: str) -> str:
    from gaitbridge.conventions import SENSOR

    return SENSOR[modality]


def modalities_of(run: Any, sensor: str | None) -> list[str]:
    """The run's modalities of a sensor, or all; UserError where it takes none of that sensor."""
    from gaitbridge.errors import UserError

    found = [modality for modality in run.modalities if not sensor or sensor_of(modality) == sensor_name(sensor)]
    if not found:
        raise UserError(f"{run.run} takes nothing of a {sensor_name(sensor)}: it embeds {' and '.join(run.modalities)}")
    return found


def having(source: Any, numbers: Sequence[int], names: Sequence[str]) -> list[int]:
    from gaitbridge.data.batches import has_all

    return [number for number in numbers if has_all(source.rows[number], names)]


def some_at_least(plans: Sequence[Any], source: Any, run: Any, sensor: str | None) -> None:
    from gaitbridge.errors import UserError

    if not plans:
        needed = " or ".join(" with ".join(run.inputs[modality]) for modality in modalities_of(run, sensor))
        raise UserError(f"{source.path}: none of the sequences chosen has {needed}, which the run takes; choose another --sensor, --probe or store")


def queries(run: Any, source: Any, numbers: Sequence[int], probe: str | None, least_quality: float) -> Iterator[tuple[str, list[int]]]:
    """(modality, some sequences that have it and are good enough), in the store's order."""
    plans = [(modality, own) for modality in modalities_of(run, probe) if (own := having(source, numbers, run.inputs[modality]))]
    some_at_least(plans, source, run, probe)
    for modality, own in good_plans(source, plans, least_quality):
        for start in range(0, len(own), 64):
            yield modality, own[start : start + 64]


def whole_people(source: Any, numbers: Sequence[int], person: str | None, at_once: int = 64) -> Iterator[list[int]]:
    """Groups of whole people, of about `at_once` sequences; those of one given person in one group each."""
    group: list[int] = []
    for position, number in enumerate(numbers):
        group.append(number)
        last = position + 1 == len(numbers)
        if last or (len(group) >= at_once and (person or source.rows[numbers[position + 1]]["person"] != source.rows[number]["person"])):
            yield group
            group = []


def kind_told(opened: Any, source: Any, json: bool) -> Any:
    """The kind of a store's walks; tells why calibrated rates may not hold for it, among the answers, or beside those that a program reads."""
    from gaitbridge.cli._app import say
    from gaitbridge.gallery.kinds import kind_of
    from gaitbridge.printing import tell

    kind = kind_of(source.document["about"])
    for warning in opened.warnings(kind):
        (tell if json else say)(f"WARNING: {warning}")
    return kind


def there_and_then(source: Any, number: int, known: Mapping[str, Any], site: str, recorded_s: float | None) -> tuple[str, float | None]:
    """Site and time of a sequence: as they are given, else as its capture knows them (`data.captured.caught`)."""
    one = known.get(source.rows[number]["key"])
    if one is None:
        return site, recorded_s
    return site or one.site, one.clock_s if recorded_s is None else recorded_s


def linked_in_words(name: str, linked: Mapping[str, Sequence[str]]) -> str:
    """With whom somebody is linked; nothing where with nobody. linked: of everybody who is, the names, the one that answers give first."""
    first, *others = linked.get(name, (name,))
    if first != name:
        return f"; linked: answers call them {first}"
    return f"; linked: also {', '.join(others)}" if others else ""


def ids_of(source: Any, numbers: Sequence[int], modality: str, names: Sequence[str]) -> dict[int, str]:
    from gaitbridge.inference import stored

    return stored.ids_of(source, numbers, modality, names)


def embed(run: Any, source: Any, numbers: Sequence[int], modality: str) -> Any:
    from gaitbridge.inference import stored

    return stored.embed(run, source, numbers, modality)
