"""Commands about 3D bodies: reconstruct."""

from pathlib import Path

from gaitbridge.cli._app import app, say
from gaitbridge.errors import UserError


@app.command
def reconstruct(run: Path, store: Path, sequence: str | None = None, *, out: Path | None = None, mesh: str = "", files: str = "glb") -> None:
    """Reconstruct 3D bodies from silhouettes with a run that has a 3D branch: arrays, meshes and a picture, beside the truth where it is known.

    Parameters
    ----------
    run
        Folder of the run, such as one of meshgait/tiny.
    store
        The store whose silhouettes are taken.
    sequence
        Key of a sequence (person/condition-take/view); without it all test sequences, or all there are, as arrays alone.
    out
        Folder to write to; by default `bodies` in the run's folder.
    mesh
        How vertices follow from the points: convex, confidence or dense; by default as the run was trained.
    files
        Kind of the mesh files of a sequence, one a frame: glb, ply or none.
    """
    from gaitbridge.errors import nearest
    from gaitbridge.evaluation.bodies.walk_file import write_walk
    from gaitbridge.inference import bodies
    from gaitbridge.inference.loading import load
    from gaitbridge.progress import progress
    from gaitbridge.report.bodies import draw_bodies
    from gaitbridge.report.mesh_files import write_meshes
    from gaitbridge.report.pictures import row_number
    from gaitbridge.store import Store

    if files not in (kinds := ("glb", "ply", "none")):
        raise UserError(f"unknown kind of mesh files {files!r}: {nearest(files, kinds)}")
    opened, model, folder = Store(store), load(run), out or run / "bodies"
    read_out = model.read_out
    if sequence is None:
        numbers = [n for n in opened.select(split="test") or range(len(opened.rows)) if opened.rows[n]["silhouettes_frames"]]
        if not numbers:
            raise UserError(f"{store} has no silhouettes to reconstruct from")
        with progress("reconstruct", "sequences") as show:
            for done, number in enumerate(numbers, 1):
                walk = bodies.walk_of(model, opened, number, mesh, heatmaps=False)
                write_walk(walk, bodies.draw_folder(folder, opened.rows[number]["key"]).with_suffix(".npz"))
                show(done, len(numbers), "")
        say(f"{folder}: bodies of {len(numbers)} sequences")
        return
    walk = bodies.walk_of(model, opened, row_number(opened, sequence), mesh)
    place = bodies.draw_folder(folder, sequence)
    write_walk(walk, place / "bodies.npz")
    recovered, truth = walk.bodies["recovered"], walk.bodies.get("truth")
    draw_bodies(walk.silhouettes, recovered, truth, read_out, place / "bodies.png", title=sequence)
    meshes = {name: body for name, body in walk.bodies.items() if body.has_mesh and files != "none"}
    if meshes:
        with progress("write meshes", "folders") as show:
            for done, (name, body) in enumerate(meshes.items(), 1):
                write_meshes(body, walk.triangles, place / name, files)
                show(done, len(meshes), "")
    say(f"{place}: bodies.npz, bodies.png" + (f", a .{files} a frame" if "recovered" in meshes else "")
        + ("" if recovered.has_mesh else "; this run was taught joints alone, so no mesh is recovered"))
