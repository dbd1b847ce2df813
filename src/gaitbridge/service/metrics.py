"""What the service counts, as Prometheus reads it: requests by route, searches, jobs. No name of a person or of a key is a label."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
MEDIA = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counters of one service. `registry` takes further ones."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("gaitbridge_requests", "Requests answered", ("method", "route", "status"), registry=self.registry)
        self.seconds = Histogram("gaitbridge_request_seconds", "From the request to the beginning of its answer", ("method", "route"),
                                 buckets=SECONDS, registry=self.registry)
        self.walks = Counter("gaitbridge_walks", "Walks asked about, by what was said of them", ("outcome",), registry=self.registry)
        self.jobs = Gauge("gaitbridge_jobs", "Recordings, by what became of them", ("state",), registry=self.registry)
        self.failures = Counter("gaitbridge_background_failures", "Work beside the requests that failed and is tried again", ("work",),
                                registry=self.registry)

    def text(self) -> bytes:
        """All of them."""
        return bytes(generate_latest(self.registry))
