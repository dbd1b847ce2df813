"""The command serve: a gallery as a service over HTTP."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from gaitbridge.cli._app import app, say
from gaitbridge.cli._quality import LeastQuality
from gaitbridge.errors import UserError
from gaitbridge.walks import FLOOR

Words = Annotated[list[str] | None, Parameter(negative=())]
Port = Annotated[int, Parameter(validator=Number(gte=0, lte=65_535))]


@app.command
def serve(
    gallery: Annotated[str, Parameter(name="GALLERY")], *, model: Path | None = None, state: Path | None = None, host: str = "127.0.0.1",
    port: Port = 8000, reject: float = 0.01, least_quality: LeastQuality = FLOOR, site: str = "",
    people: Literal["auto", "movement", "learnt"] = "auto", upload_mb: int = 4000, stall_seconds: float = 120.0, memory_mb: float = 4000.0,
    tls_cert: Path | None = None, tls_key: Path | None = None, behind_proxy: Words = None, allowed_host: Words = None,
    keep_days: int = 30, unknown_days: int = 7, webhook: str = "",
) -> None:  # fmt: skip
    """Answer over HTTP who walked in recordings, until it is ended: what was taken in is answered after the next start.

    Parameters
    ----------
    gallery
        The gallery of those who may be named.
    model
        The run, if it was moved since the gallery was made.
    state
        Where the service keeps its database, recordings and answers; by default within the gallery's folder.
    host
        The address to listen on. Beyond this machine only with --tls-cert, or --behind-proxy.
    port
        The port to listen on; 0 takes a free one.
    reject
        How often somebody who is not enrolled may be given a name, whoever's (false-positive identification rate).
    least_quality
        Walks of less quality are not judged; 0 judges all.
    site
        Name of the place of recordings that do not say it, held against what was calibrated on.
    people
        How people are found in films: movement, learnt (after `gaitbridge models get people`), or auto.
    upload_mb
        Most megabytes that a recording may have.
    stall_seconds
        Give a recording up where reading does not go on for so long.
    memory_mb
        Memory that reading one may take.
    tls_cert
        Certificate chain of the service, a PEM file.
    tls_key
        Its key, a PEM file without password; by default within --tls-cert.
    behind_proxy
        Address, or network, of a proxy that does TLS and passes on who asks (X-Forwarded-For); others are refused then.
    allowed_host
        Name by which the service may be called, such as gait.example.org; by default this machine's own, or any where it is reached from others.
    keep_days
        How long answers and pictures are kept.
    unknown_days
        How long it is kept what walks of nobody looked like, to be named.
    webhook
        Post each answer to this address, signed by the secret in GAITBRIDGE_WEBHOOK_SECRET.
    """
    for package in ("fastapi", "uvicorn", "prometheus_client", "jinja2", "python_multipart"):
        if find_spec(package) is None:
            raise UserError(f"{package} is not installed: pip install 'gaitbridge[serve]'")
    from gaitbridge.config import checked
    from gaitbridge.conventions import SENSOR
    from gaitbridge.files import alone
    from gaitbridge.gallery.gallery import Gallery
    from gaitbridge.inference.loading import run_of
    from gaitbridge.machine import few_arenas
    from gaitbridge.printing import tell
    from gaitbridge.service.answering import can_decide
    from gaitbridge.service.app import create_app
    from gaitbridge.service.database import folder_of
    from gaitbridge.service.listening import listen
    from gaitbridge.service.reaching import reached
    from gaitbridge.service.state import ServiceSettings, State

    few_arenas()
    settings = checked(ServiceSettings, {"reject": reject, "least_quality": least_quality, "site": site, "people": people, "upload_mb": upload_mb,
                                         "stall_s": stall_seconds, "memory_mb": memory_mb, "keep_days": keep_days,
                                         "unknown_days": unknown_days, "webhook": webhook})
    reach = reached(host, tls_cert, tls_key, behind_proxy or (), allowed_host or ())
    opened = Gallery(gallery if "://" in gallery else Path(gallery).resolve())
    folder = folder_of(gallery, state)
    with alone(folder):
        held = State(opened, run_of(opened, model), folder, settings)
        if made := held.access.keys.first():
            say(f"the first key, which may do everything, and is shown this once: {made}")
        try:
            can_decide(opened, settings.reject, probe=SENSOR[held.model.modalities[0]])
        except UserError as error:
            tell(f"warning: {error}; until then recordings are read, and nobody is named")
        listen(create_app(held, reach), reach, port, lambda address: say(f"{opened.place} at {address}"))

