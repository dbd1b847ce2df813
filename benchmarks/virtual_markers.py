"""How exact the shipped virtual markers are on people not used to learn them, and a picture of them: python benchmarks/virtual_markers.py PICTURE.png

Prints the mean and 95th percentile of the distance between read-out and true vertices in mm, convex and dense, over fresh walking people.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from gaitbridge.progress import progress
from gaitbridge.simulation.body import anny
from gaitbridge.simulation.body._read_out import ReadOut, shipped
from gaitbridge.simulation.virtual_markers import MM, errors_mm, walking_people

PEOPLE, SEED = 50, 12345  # the shipped file was learnt and measured with other seeds


def main(picture: Path) -> None:
    """Measure and draw."""
    read_out, body = shipped(), anny.open_body("reduced")
    with progress("pose", "people") as show:
        posed = walking_people("benchmark", PEOPLE, SEED, show)
    print(f"{read_out.body}, {len(read_out.marker_vertices)} markers, {np.diff(read_out.convex.indptr).mean():.2f} non-zeros a row, "
          f"{len(posed.vertices)} bodies of {PEOPLE} people: {errors_mm(read_out, posed)}")
    markers = posed.vertices[:, read_out.marker_vertices]
    errors = {name: MM * np.linalg.norm(read_out.vertices(posed.joints, markers, dense=name == "dense") - posed.vertices, axis=2).mean(0)
              for name in ("convex", "dense")}
    draw(read_out, body.rest(body.shared_shape()).vertices_m, errors, picture)


def draw(read_out: ReadOut, vertices: np.ndarray, errors: dict[str, np.ndarray], picture: Path) -> None:
    """The markers on the body from the front and the back, and each face's mean error, convex and dense."""
    figure = Figure(figsize=(11, 4.6), dpi=120, layout="constrained")
    axes = figure.subplots(1, 4)
    for place, (name, sign) in enumerate((("64 markers, front", 1.0), ("64 markers, back", -1.0))):
        surface(axes[place], vertices, read_out.triangles, sign, None)
        seen = vertices[read_out.marker_vertices]
        near = sign * seen[:, 0] > -0.05
        axes[place].scatter(sign * seen[near, 1], seen[near, 2], s=16, color="#dc2626", zorder=5, linewidths=0)
        axes[place].set_title(name, fontsize=10)
    for place, (name, values) in enumerate(errors.items(), 2):
        drawn = surface(axes[place], vertices, read_out.triangles, 1.0, values[read_out.triangles].mean(1))
        axes[place].set_title(f"mean error, {name} ({values.mean():.1f} mm)", fontsize=10)
    figure.colorbar(drawn, ax=axes[2:], label="mm", shrink=0.7)
    figure.savefig(picture, metadata={"Software": None})


def surface(axes: Axes, vertices: np.ndarray, triangles: np.ndarray, sign: float, values: np.ndarray | None) -> PolyCollection:
    """The faces seen along x from the front (sign 1) or the back (-1), shaded, or coloured by a value of each face."""
    corners = vertices[triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
    order = np.argsort(sign * corners[:, :, 0].mean(1))
    order = order[sign * normal[order, 0] > 0]
    polygons = np.stack([sign * corners[order, :, 1], corners[order, :, 2]], axis=-1)
    shades = [str(shade) for shade in 0.55 + 0.4 * np.abs(normal[order, 0])]
    drawn = PolyCollection(list(polygons), linewidths=0.2, facecolors=shades, edgecolors=shades)
    if values is not None:
        drawn.set_array(values[order])
        drawn.set_cmap("viridis")
        drawn.set_clim(0.0, 20.0)
        drawn.set_edgecolor("face")
    axes.add_collection(drawn)
    axes.set_xlim(-0.95, 0.95)
    axes.set_ylim(vertices[:, 2].min() - 0.05, vertices[:, 2].max() + 0.05)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return drawn


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "virtual_markers.png"))
