"""What is asked of a gallery: who walks like this, whether it is somebody, who it is or nobody at a stated rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np

from gaitbridge.conventions import SENSOR
from gaitbridge.errors import UserError
from gaitbridge.gallery import audit
from gaitbridge.gallery.answers import Answer, Hit, hits, merged, template_distances
from gaitbridge.gallery.cohort import Cohort
from gaitbridge.gallery.decision import Calibration
from gaitbridge.gallery.held import Held
from gaitbridge.gallery.identification import Admitted, Among, Identification, Judge, decided
from gaitbridge.gallery.kinds import Kind
from gaitbridge.gallery.links import Links, read_links
from gaitbridge.gallery.opened import Opened
from gaitbridge.gallery.templates import Template, Where, vectors_of
from gaitbridge.types import Embeddings

Asked = Callable[[Embeddings, Cohort | None], tuple[Among, np.ndarray | None, Mapping[str, Admitted]]]  # what a track is compared with
FIRST_PASS = 200  # templates that the first pass proposes for the exact comparison, at least


class Asking(Opened):
    """A gallery that is searched. Every question is in the audit log before it is answered."""

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
                       calibration.in_words(), (*direction.of_length(queries.frames), *calibration.warnings(kind))) for value in smallest]
