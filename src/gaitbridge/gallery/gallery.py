"""A gallery: people enrolled, asked for, verified and forgotten. It takes embeddings; who makes them (a run, a service) is the caller's affair."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.conventions import SENSOR
from gaitbridge.errors import StoreError, Unknown, UserError, nearest
from gaitbridge.files import written_whole
from gaitbridge.gallery import audit, index
from gaitbridge.gallery.answers import Answer, Hit, hits, merged, template_distances
from gaitbridge.gallery.cohort import Cohort, read_cohort
from gaitbridge.gallery.decision import Calibration, read_calibration
from gaitbridge.gallery.held import Held, fits
from gaitbridge.gallery.identification import Admitted, Among, Identification, Judge, decided
from gaitbridge.gallery.kinds import Kind
from gaitbridge.gallery.links import Links, apart, drop_the_gone, keep_link, note_together, read_links, seen_together, undo_link
from gaitbridge.gallery.proposals import Proposals, proposed
from gaitbridge.gallery.templates import NEVER_S, Template, Walk, Where, checked_name, digest_of, vectors_of
from gaitbridge.names import canonical
from gaitbridge.progress import Progress, silent
from gaitbridge.types import Embeddings

Asked = Callable[[Embeddings, Cohort | None], tuple[Among, np.ndarray | None, Mapping[str, Admitted]]]  # what a track is compared with
FIRST_PASS = 200  # templates that the first pass proposes for the exact comparison, at least


@dataclass(frozen=True)
class Enrolled:
    """What an enrolment did, by person: sequences added, and those that were there already."""

    added: dict[str, int]
    known: dict[str, int]


class Gallery:
    """An open gallery; make one with `create`, open one with `Gallery(place)`. `about` says what network its templates belong to."""

    def __init__(self, place: str | Path) -> None:
        self.place = str(place)
        self.index: index.Index = index.backend(self.place).open_index(self.place)
        self._kept: Held | None = None
        self._reading_in = threading.Lock()
        self.weights_hash: str = self.index.about["weights_hash"]
        self.shape: tuple[int, int] = tuple(self.index.about["shape"])
        self.distance: str = self.index.about["distance"]

    @property
    def about(self) -> dict[str, Any]:
        """Network, shape, distance, where it came from."""
        return self.index.about

    def calibration(self) -> Calibration | None:
        """The thresholds, or None."""
        document = self.index.document("calibration")
        return None if document is None else read_calibration(document, self.weights_hash, f"the calibration of {self.place}")

    def warnings(self, kind: Kind | None) -> tuple[str, ...]:
        """Why the rates that a search prints may not hold for walks of a kind (`kinds.kind_of` a store), in words."""
        calibration = self.calibration()
        return () if calibration is None else calibration.warnings(kind)

    def keep_calibration(self, calibration: Calibration, cohort: Cohort | None = None) -> None:
        """Keep thresholds, and the cohort that they were fixed with; UserError where they belong to another network."""
        document = calibration.model_dump(mode="json")
        read_calibration(document, self.weights_hash, "this calibration")
        if calibration.cohort != (cohort.digest if cohort else ""):
            raise ValueError("a calibration is kept with the cohort that it was fixed with")
        with self.index.writing():
            audit.note(self.index, "calibrate", data_hash=calibration.data_hash, directions=len(calibration.directions))
            if cohort is not None or self.index.document("cohort") is not None:
                self.index.keep_document("cohort", {} if cohort is None else cohort.document())
            self.index.keep_document("calibration", document)

    def _in_cohort(self, names: Sequence[str]) -> bool:
        cohort = self.cohort()
        return cohort is not None and any(name in names for people in cohort.people.values() for name in people if name)

    def _drop_of_cohort(self, names: Sequence[str]) -> str:
        """Take people out of the cohort, bytes and name; in words, what that means. The caller writes."""
        cohort, calibration = self.cohort(), self.calibration()
        if cohort is None or not self._in_cohort(names):
            return ""
        left = cohort.without(names)
        self.index.keep_document("cohort", left.document())
        if calibration is not None:
            self.index.keep_document("calibration", calibration.model_copy(update={"cohort": left.digest}).model_dump(mode="json"))
        return "also out of the cohort that scores are normalised by, which moves them a little: calibrate again"

    # -- writing ------------------------------------------------------------------------------------------------------------------------

    def enrol(self, embeddings: Embeddings, walks: Sequence[Walk], expire_after_s: float | None = None) -> Enrolled:
        """Add a template for each embedding that is not there yet: when this returns they are on the disk; on an error none of them is.

        embeddings: [N, C, K] of one modality; walks: N, who and what they are. UserError where the network is another, a value is not finite,
        or a sequence is enrolled already as somebody else.
        """
        self._check(embeddings)
        now = time.time()
        walks = [replace(walk, person=checked_name(walk.person)) for walk in walks]
        if len(walks) != len(embeddings):
            raise ValueError(f"{len(embeddings)} embeddings but {len(walks)} walks")
        with self.index.writing():
            self._purge(now)
            there = self.index.known([walk.id for walk in walks], sorted({walk.person for walk in walks}))
            held, owner = {one.id for one in there}, {one.id: one.person for one in there}
            ids = {one.person: one.person_id for one in there}
            added: dict[str, int] = {}
            known: dict[str, int] = {}
            new: dict[str, tuple[int, Template]] = {}
            vectors = vectors_of(embeddings)
            for number, walk in enumerate(walks):
                if (who := owner.setdefault(walk.id, walk.person)) != walk.person:
                    raise UserError(f"sequence {walk.key} is enrolled already, as {who!r}, so it cannot be {walk.person!r}: forget the wrong one "
                                    "first")
                if walk.id in new or walk.id in held:
                    known[walk.person] = known.get(walk.person, 0) + 1
                    continue
                added[walk.person] = added.get(walk.person, 0) + 1
                recorded = now if walk.recorded_s is None else walk.recorded_s
                expires = NEVER_S if expire_after_s is None else now + expire_after_s
                new[walk.id] = number, Template(
                    walk.id, walk.person, ids.setdefault(walk.person, uuid.uuid4().hex), SENSOR[embeddings.modality], embeddings.modality, walk.site,
                    walk.key, walk.data_hash, self.weights_hash, recorded, now, expires, digest_of(vectors[number]))
            if new:
                audit.note(self.index, "enrol", people=sorted(ids[person] for person in added), templates=len(new), known=sum(known.values()),
                           sensor=SENSOR[embeddings.modality], site=sorted({walk.site for walk in walks if walk.site}),
                           data_hash=sorted({walk.data_hash for walk in walks}))
                templates, rows = [template for _, template in new.values()], vectors[[number for number, _ in new.values()]]
                links = read_links(self.index)
                kept = self._kept if self._kept is not None and self._kept.version == (self.index.version(), links.stamp) else None
                self._kept = None
                self.index.add(templates, rows)
                if kept is not None:
                    self._kept = kept.plus((self.index.version(), links.stamp), links.applied(templates), rows)
        return Enrolled(added, known)

    def enrolled(self, ids: Sequence[str]) -> dict[str, str]:
        """The person of each of these sequences that is enrolled and has not expired, by id: those need no embedding."""
        with self.index.reading():
            now = time.time()
            return {one.id: one.person for one in self.index.known(list(ids), []) if one.expires_s > now}

    def forget(self, person: str) -> tuple[int, str]:
        """Remove everything held of a person, bytes and name, and of whom they were linked with, as that is the same person; how many templates
        those were, and what remains to be said. UserError of an unknown one."""
        with self.index.writing():
            where = self._all_of(person)
            rows = self.index.rows(where)
            names = [where.person, *where.also, *{row.person for row in rows}]
            if not rows and self._in_cohort(names):
                audit.note(self.index, "forget", people=[], templates=0)
                return 0, self._drop_of_cohort(names)
            if not rows:
                raise self._unknown(person)
            now = time.time()
            expired = self.index.count(Where()) - self.index.count(Where(alive_s=now)) - sum(row.expires_s <= now for row in rows)
            audit.note(self.index, "forget", people=sorted({row.person_id for row in rows}), templates=len(rows))
            if expired:  # they go with the files that are rewritten
                audit.note(self.index, "purge", templates=expired)
            self._kept = None
            from_cohort = self._drop_of_cohort(names)
            remains = self.index.remove(where, now)
            drop_the_gone(self.index)
            others = sorted({row.person for row in rows} - {canonical(person)})
            linked = f"with {', '.join(others)}, who {'were' if len(others) > 1 else 'was'} linked with them" if others else ""
            return len(rows), "; ".join(part for part in (linked, from_cohort, remains) if part)

    def link(self, person: str, other: str, rate: float | None = None) -> None:
        """Take `other` for the same person as `person`, by whose name both are found from now on; nothing of either is changed.

        rate: the evidence, for the log. UserError of unknown ones, where `other` is linked already, and where they were seen at one time.
        """
        with self.index.writing():
            of, numbers = self._numbers(person), self._numbers(other)
            audit.note(self.index, "link", people=sorted({*of, *numbers}), **({} if rate is None else {"rate": rate}))
            keep_link(self.index, numbers, of, (canonical(other), canonical(person)))
            self._kept = None

    def unlink(self, person: str) -> str:
        """Take a person for somebody of their own again: as if they had never been linked; the name of whom they were linked with."""
        with self.index.writing():
            numbers = self._numbers(person)
            audit.note(self.index, "unlink", people=numbers)
            self._kept = None
            return undo_link(self.index, numbers, canonical(person))

    def links(self) -> list[list[str]]:
        """People who are taken for one: of each group the name that answers give, and then those linked with it."""
        with self.index.reading():
            return read_links(self.index).groups()

    def proposals(self, rate: float | None = None, any_site: bool = False, progress: Progress = silent) -> Proposals:
        """Who may be one person, by how they walk and where they were seen: for somebody to accept (`link`) or not; nothing is changed.

        rate: of false matches, by default the strictest calibrated; any_site: compare people of different sites, too. UserError without a
        calibration.
        """
        with self.index.reading():
            calibration = self.calibration()
            if calibration is None:
                raise UserError(f"{self.place} has no thresholds to propose by: fix them with `gaitbridge calibrate {self.place} STORE`")
            links = read_links(self.index)
            blocks = list(self._blocks(Where(alive_s=time.time()), links))
            if not blocks:
                raise self._empty(Where())
            audit.note(self.index, "links", templates=sum(len(templates) for templates, _ in blocks))
            vectors = np.concatenate([block for _, block in blocks])
            values = vectors.reshape(len(vectors), self.shape[1], self.shape[0]).transpose(0, 2, 1)
            return proposed([one for templates, _ in blocks for one in templates], np.ascontiguousarray(values), calibration,
                            apart(links, seen_together(self.index)), rate, any_site, progress)

    def note_together(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Keep which people, by name, were seen at one time, and so are two; those who are not enrolled are passed over."""
        with self.index.writing():
            pairs = list(pairs)
            numbers: dict[str, list[str]] = {}
            for row in self.index.known([], sorted({name for pair in pairs for name in pair})):
                numbers.setdefault(row.person, []).append(row.person_id)
            note_together(self.index, {(a, b) for first, second in pairs for a in numbers.get(first, ()) for b in numbers.get(second, ()) if a != b})

    def _numbers(self, person: str) -> list[str]:
        """The random numbers of a person by the name under which they were enrolled; UserError of an unknown one."""
        found = sorted({row.person_id for row in self.index.known([], [canonical(person)])})
        if not found:
            raise self._unknown(person)
        return found

    def _all_of(self, person: str) -> Where:
        """The templates of a person, under whatever names they were enrolled; the one that answers give first."""
        first, *also = read_links(self.index).members(canonical(person))
        return Where(person=first, also=tuple(also))

    def purge(self) -> int:
        """Remove what has expired, and what the files still have of it, of the forgotten and of killed writers; how many templates expired."""
        with self.index.writing():
            expired = self._purge(time.time())
            drop_the_gone(self.index)
            self.index.tidy()
            return expired

    def _purge(self, now: float) -> int:
        expired = self.index.count(Where()) - self.index.count(Where(alive_s=now))
        if expired:
            audit.note(self.index, "purge", templates=expired)
            self._kept = None
            self.index.remove(None, now)
            drop_the_gone(self.index)
        return expired

    def build_index(self) -> str:
        """Build the index for approximate search; in words, what it is."""
        with self.index.writing():
            if not self.index.count(Where()):
                raise UserError(f"{self.place} is empty: enrol somebody first")
            return self.index.build()

    # -- asking -------------------------------------------------------------------------------------------------------------------------

    def search(self, queries: Embeddings, where: Where | None = None, top: int = 5, exact: bool = False) -> list[list[Hit]]:
        """The `top` people nearest to each of N queries among the templates admitted; expired ones never are.

        Every template is compared by parts (`gallery.held`), unless an index was built or another program searches: then a first pass by the
        Euclidean distance of whole vectors proposes some hundred, and those are compared by parts; `exact` leaves it out. UserError where the
        network is another or the gallery, so filtered, is empty.
        """
        self._check(queries)
        if top < 1:
            raise UserError(f"--top {top}: ask for one person at least")
        where = where or Where()
        with self.index.reading():
            everything = self._all_of(where.person) if where.person else Where()
            admitted = replace(where, person=everything.person, also=everything.also, alive_s=time.time())
            version, links = self.index.version(), read_links(self.index)
            exact = exact or not (self.index.indexed() or version is None)
            kept = self._in_memory(version, links) if exact else None
            mask = None if kept is None else kept.admitted(admitted)
            held = self.index.count(admitted) if mask is None else int(mask.sum())
            if not held:
                raise self._empty(admitted)
            sensor, calibration = SENSOR[queries.modality], self.calibration()
            audit.note(self.index, "search", queries=len(queries), sensor=sensor, templates=held, top=top,
                       filters={name: value for name, value in asdict(where).items() if value and name != "person"})
            if kept is not None and mask is not None:
                return kept.nearest(queries, mask, sensor, calibration, top)
            if exact or held <= FIRST_PASS:
                return self._by_all(queries, admitted, sensor, calibration, top, links)
            vectors = vectors_of(queries)
            admitted = Where() if held == self.index.count(Where()) else admitted  # a condition that admits all would triple the first pass's time
            return [self._by_first_pass(queries, vectors, number, admitted, sensor, calibration, top, held, links) for number in range(len(queries))]

    def _in_memory(self, version: Any, links: Links) -> Held | None:
        """All templates, read once for each version of the table and of the links; None where the back end has no versions, or they are too many to
        keep."""
        if version is None:
            return None
        with self._reading_in:
            version = version, links.stamp
            if self._kept is None or self._kept.version != version:
                self._kept = None  # its memory is free before the next is read
                if not fits(self.index.count(Where()), self.index.about["dimension"]):
                    return None
                self._kept = Held(version, self.shape[1], self._blocks(Where(), links))
            return self._kept

    def _blocks(self, where: Where, links: Links | None = None) -> Iterator[tuple[list[Template], np.ndarray]]:
        """Templates and vectors by the names that answers give."""
        links = read_links(self.index) if links is None else links
        for templates, vectors in self.index.blocks(where):
            self._check_rows(templates)
            yield links.applied(templates), vectors

    def _by_all(self, queries: Embeddings, where: Where, sensor: str, calibration: Calibration | None, top: int,
                links: Links) -> list[list[Hit]]:
        """As from memory, some thousand templates at a time."""
        best: list[list[Hit]] = [[] for _ in range(len(queries))]
        for block in self._blocks(where, links):
            some = Held(None, self.shape[1], [block])
            for number, found in enumerate(some.nearest(queries, some.admitted(where), sensor, calibration, top)):
                best[number] = merged([best[number], found], top)
        return best

    def _by_first_pass(self, queries: Embeddings, vectors: np.ndarray, number: int, where: Where, sensor: str, calibration: Calibration | None,
                       top: int, held: int, links: Links) -> list[Hit]:
        """Proposals of the first pass, doubled until they are of `top` people or all there are."""
        count = max(FIRST_PASS, 20 * top)
        one = Embeddings(queries.values[number : number + 1], queries.distance, queries.modality, queries.weights_hash)
        while True:
            raw, found = self.index.nearest(vectors[number], count, where)
            self._check_rows(raw)
            templates = links.applied(raw)
            if len({template.person for template in templates}) >= top or count >= held:
                return hits(templates, template_distances(one, found)[0], sensor, calibration, top)
            count *= 4

    def identify(self, groups: Sequence[Embeddings], reject: float, where: Where | None = None, top: int = 5,
                 kind: Kind | None = None, exact: bool = False) -> list[Identification]:
        """Nobody or the name of each track, at a stated false-positive identification rate for the number of people admitted.

        groups: a track each, the embeddings [N, C, K] of its walks by one sensor, taken together; reject: the rate, such as 0.01: how often somebody
        who is not enrolled may be given a name; kind: what the walks are, where known, held against what was calibrated on; exact: as of `search`.
        UserError without a calibration that can state the rate for so many people: a threshold is never guessed.
        """
        for track in groups:
            self._check(track)
        if not 0 < reject < 1:
            raise UserError(f"{reject:g} is no false-positive identification rate: give a number between 0 and 1, such as 0.01")
        if top < 1:
            raise UserError(f"--top {top}: ask for one person at least")
        admitted = replace(where or Where(), alive_s=time.time())
        with self.index.reading():
            calibration = self.calibration()
            if calibration is None:
                raise UserError(f"{self.place} has no thresholds to decide by: fix them with `gaitbridge calibrate {self.place} STORE`, on people "
                                "whose names are known")
            cohort, links = self._cohort(calibration), read_links(self.index)
            held = self.index.count(admitted)
            if not held:
                raise self._empty(admitted)
            exact = exact or held <= FIRST_PASS or not (self.index.indexed() or self.index.version() is None)
            ask = self._by_every(admitted, links) if exact else self._by_proposals(admitted, links, top)
            found = []
            for track in groups:
                among, means, counts = ask(track, cohort)
                judge = Judge(calibration, SENSOR[track.modality], reject, counts, self.place, kind, cohort)
                found.append(decided(track, among, means, judge, top))
            named = sum(one.decision is not None for one in found)
            audit.note(self.index, "identify", tracks=len(groups), templates=held, reject=reject, named=named)
            return found

    def _by_every(self, where: Where, links: Links) -> Asked:
        """Each track is compared with every template admitted."""
        kept = self._in_memory(self.index.version(), links)
        mask = None if kept is None else kept.admitted(where)
        if kept is not None and mask is not None:
            among = Among([kept.templates[number] for number in np.flatnonzero(mask)], kept.vectors(mask))
        else:
            blocks = list(self._blocks(where, links))
            among = Among([one for templates, _ in blocks for one in templates], [vectors for _, vectors in blocks])
        means: dict[str, np.ndarray] = {}

        def asked(track: Embeddings, cohort: Cohort | None) -> tuple[Among, np.ndarray | None, Mapping[str, Admitted]]:
            probe = SENSOR[track.modality]
            if cohort is not None and probe not in means:
                means[probe] = among.means(cohort, probe) if kept is None or mask is None else kept.cohort_means(cohort, probe)[mask]
            return among, means.get(probe), among.admitted

        return asked

    def _by_proposals(self, where: Where, links: Links, top: int) -> Asked:
        """Each track is compared with what a first pass proposes for any of its walks."""
        people: dict[str, list[str]] = {}
        for row in links.applied(self.index.rows(where)):
            people.setdefault(row.sensor, []).append(row.person)
        counts = {sensor: Admitted(len(set(names)), len(names)) for sensor, names in sorted(people.items())}

        def asked(track: Embeddings, cohort: Cohort | None) -> tuple[Among, np.ndarray | None, Mapping[str, Admitted]]:
            rows: dict[str, tuple[Template, np.ndarray]] = {}
            for vector in vectors_of(track):
                templates, vectors = self.index.nearest(vector, max(FIRST_PASS, 20 * top), where)
                self._check_rows(templates)
                rows.update({one.id: (one, own) for one, own in zip(links.applied(templates), vectors, strict=True)})
            among = Among([one for one, _ in rows.values()], [np.stack([vector for _, vector in rows.values()])])
            return among, None if cohort is None else among.means(cohort, SENSOR[track.modality]), counts

        return asked

    def _cohort(self, calibration: Calibration) -> Cohort | None:
        """The cohort that a calibration normalises by, or None; StoreError where it is not the one it was fixed with."""
        if not calibration.cohort:
            return None
        found = self.cohort()
        if found is None or found.digest != calibration.cohort:
            raise StoreError(f"{self.place} has lost the cohort that its calibration normalises by: calibrate again")
        return found

    def cohort(self) -> Cohort | None:
        """The people against whom identification normalises distances, or None."""
        document = self.index.document("cohort")
        return read_cohort(document, f"the cohort of {self.place}") if document else None

    def verify(self, queries: Embeddings, person: str, where: Where | None = None, rate: float | None = None,
               kind: Kind | None = None) -> list[Answer]:
        """Whether each query is taken for the person's walk, at a stated false-match rate (by default the strictest one calibrated).

        Compared with the person's templates of the query's own sensor where there are any, else of the other: `where.sensor` chooses. kind: what
        the walks are, where known, held against what was calibrated on (`warnings` of the answers). UserError without a calibration
        of these sensors: a threshold is never guessed.
        """
        self._check(queries)
        with self.index.reading():
            calibration = self.calibration()
            if calibration is None:
                raise UserError(f"{self.place} has no thresholds to decide by: fix them with `gaitbridge calibrate {self.place} STORE`, on people "
                                "whose names are known")
            everything = self._all_of(person)
            blocks = list(self.index.blocks(replace(where or Where(), person=everything.person, also=everything.also, alive_s=time.time())))
            if not blocks:
                raise self._unknown(person)
            templates, vectors = [one for block, _ in blocks for one in block], np.concatenate([block for _, block in blocks])
            self._check_rows(templates)
            probe = SENSOR[queries.modality]
            gallery = min({one.sensor for one in templates}, key=lambda sensor: sensor != probe)
            direction = calibration.direction(probe, gallery)
            if direction is None:
                raise UserError(f"{self.place} is not calibrated for probe {probe}, gallery {gallery}: calibrate on a store that has both sensors")
            threshold = direction.at(rate)
            chosen = [number for number, one in enumerate(templates) if one.sensor == gallery]
            smallest = template_distances(queries, vectors[chosen]).min(1)
            audit.note(self.index, "verify", people=sorted({one.person_id for one in templates}), queries=len(queries), sensor=probe,
                       accepted=int((smallest <= threshold.distance).sum()), rate=threshold.rate)
        return [Answer(bool(value <= threshold.distance), float(value), threshold.distance, threshold.rate, probe, gallery, len(chosen),
                       calibration.in_words(), calibration.warnings(kind)) for value in smallest]

    # -- looking ------------------------------------------------------------------------------------------------------------------------

    def people(self) -> dict[str, list[Template]]:
        """Everybody's templates by name, expired ones too (they are held until purged)."""
        with self.index.reading():
            rows = self.index.rows(Where())
        found: dict[str, list[Template]] = {}
        for row in sorted(rows, key=lambda row: (row.person, row.enrolled_s, row.key, row.sensor)):
            found.setdefault(row.person, []).append(row)
        return found

    def person(self, person: str) -> list[Template]:
        """Everything held of a person but the vectors; UserError of an unknown one."""
        with self.index.reading():
            rows = self.index.rows(self._all_of(person))
            if not rows:
                raise self._unknown(person)
            audit.note(self.index, "list", people=sorted({row.person_id for row in rows}), templates=len(rows))
        return sorted(rows, key=lambda row: (row.enrolled_s, row.key, row.sensor))

    def audit_of(self, person_ids: Sequence[str]) -> list[dict[str, Any]]:
        """The audit lines that concern people, by their random numbers."""
        return [line for line in audit.read(self.index)[0] if set(line.get("people", [])) & set(person_ids)]

    def export(self, out: Path, person: str = "") -> int:
        """Write what is held, of one person or of all: a .npz without pickle (`vectors` float32 [N, K * C], `document` JSON text: network,
        templates, links, audit lines). How many templates; UserError of an unknown person."""
        with self.index.reading():
            blocks = list(self.index.blocks(self._all_of(person) if person else Where()))
            templates = [one for block, _ in blocks for one in block]
            if not templates:
                raise self._unknown(person) if person else UserError(f"{self.place} is empty: there is nothing to export")
            ids = sorted({one.person_id for one in templates})
            audit.note(self.index, "export", people=ids, templates=len(templates))
            network = {name: value for name, value in self.about.items() if name != "model"}
            document = {"gallery": network, "templates": [asdict(one) for one in templates], "audit": self.audit_of(ids),
                        "links": [names for names in read_links(self.index).groups() if set(names) & {one.person for one in templates}]}
        with written_whole(out) as temporary, temporary.open("wb") as file:
            np.savez(file, vectors=np.concatenate([block for _, block in blocks]), document=np.asarray(json.dumps(document, ensure_ascii=False)))
        return len(templates)

    def check(self) -> dict[str, Any]:
        """Read everything and compare; counts. StoreError names the first template that is damaged."""
        with self.index.reading():
            ids: set[str] = set()
            people: dict[str, set[str]] = {}
            now, expired = time.time(), 0
            for templates, vectors in self.index.blocks(Where()):
                self._check_rows(templates)
                for template, vector in zip(templates, vectors, strict=True):
                    if digest_of(vector) != template.digest or template.id in ids:
                        what = "is there twice" if template.id in ids else "is not what was enrolled"
                        raise StoreError(f"{self.place} is damaged: template {template.id} of {template.person!r} {what}; forget and enrol "
                                         "them again")
                    ids.add(template.id)
                    people.setdefault(template.person, set()).add(template.person_id)
                    expired += template.expires_s <= now
            lines, broken = audit.read(self.index)
            linked = sum(len(names) - 1 for names in read_links(self.index).groups())
            seen_together(self.index)  # it is whole
            return {"people": len(people), "linked": linked, "templates": len(ids), "expired": expired, "audit_lines": len(lines),
                    "audit_lines_cut_off": broken, "interrupted": self.index.interrupted(), "index": self.index.indexed()}

    def _check(self, embeddings: Embeddings) -> None:
        if embeddings.weights_hash != self.weights_hash:
            raise UserError(f"{self.place} holds templates of another network (weights {self.weights_hash}, given {embeddings.weights_hash}): "
                            "embed with its run, or enrol everybody anew in a gallery of this one")
        if embeddings.values.shape[1:] != self.shape or embeddings.distance != self.distance:
            raise UserError(f"{self.place} holds embeddings of shape {self.shape} for the {self.distance} distance, not "
                            f"{embeddings.values.shape[1:]} for the {embeddings.distance} one")
        if not np.isfinite(embeddings.values).all():
            raise UserError("an embedding is not finite: look at its sequence, or train again: the network may have diverged")

    def _check_rows(self, templates: Sequence[Template]) -> None:
        for template in templates:
            if template.weights_hash != self.weights_hash:
                raise StoreError(f"{self.place} is damaged: a template of {template.person!r} is of another network ({template.weights_hash})")

    def _unknown(self, person: str) -> Unknown:
        names = sorted({row.person for row in self.index.rows(Where())})
        hint = nearest(person, names) if len(names) <= 20 else f"there are {len(names)} people; `gaitbridge gallery list {self.place}` names them"
        return Unknown(f"nobody called {person!r} is enrolled in {self.place}: {hint}")

    def _empty(self, where: Where) -> UserError:
        if self.index.count(Where()):
            asked = [f"{name} {value}" for name in ("sensor", "site") if (value := getattr(where, name))]
            return UserError(f"{self.place} has no template to compare with ({', '.join(asked) or 'in that time'}, not expired): ask for less")
        return UserError(f"{self.place} is empty: enrol somebody first")


def create(place: str | Path, weights_hash: str, shape: tuple[int, int], distance: str, modalities: Sequence[str], model: str = "") -> Gallery:
    """Make an empty gallery for the embeddings of one network. shape: (C, K). UserError where there is something of that name."""
    about = {"weights_hash": weights_hash, "shape": list(shape), "distance": distance, "modalities": list(modalities), "model": model,
             "dimension": int(np.prod(shape)), "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    index.backend(str(place)).create(str(place), about)
    made = Gallery(place)
    audit.note(made.index, "create", weights_hash=weights_hash)
    return made
