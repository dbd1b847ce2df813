// The detection error trade-off, drawn by plotly in the colours of the page; drawn anew where those change.

const given = JSON.parse(document.getElementById("trade-off").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const LINES = { light: ["#2158d8", "#c2410c", "#15703a", "#7c3aed"], dark: ["#85abff", "#fb9a5b", "#6fd698", "#c4a5ff"] };
const DASHES = ["solid", "dash", "dot", "dashdot"];
const SYMBOLS = ["circle", "square", "diamond", "triangle-up"];

function traces() {
  const lines = LINES[dark.matches ? "dark" : "light"];
  return given.traces.flatMap((one, number) => {
    const color = lines[number % lines.length];
    const shared = { name: one.name, hovertemplate: "%{text}<extra></extra>" };
    return [
      { ...shared, x: one.x, y: one.y, text: one.text, mode: "lines", line: { color, width: 2.5, dash: DASHES[number % 4] } },
      { ...shared, ...one.marks, showlegend: false, mode: "markers", marker: { color, size: 11, symbol: SYMBOLS[number % 4] } },
    ];
  });
}

function axis(title, values, colour, narrow) {
  const all = values.flat();
  const [low, high] = [Math.min(...all) - 0.15, Math.min(Math.max(...all), given.ticks.values.at(-1)) + 0.15];
  const shown = [];
  for (const [at, value] of given.ticks.values.entries()) {
    const far = !shown.length || value - shown.at(-1)[0] > (high - low) / (narrow ? 6 : 14);
    if (value >= low && value <= high && far) shown.push([value, given.ticks.texts[at]]);
  }
  return {
    title: { text: title, standoff: 8 }, range: [low, high], tickvals: shown.map(([value]) => value), ticktext: shown.map(([, text]) => text),
    tickangle: 0, gridcolor: colour("--line"), zeroline: false, linecolor: colour("--edge"), showline: true, fixedrange: narrow, automargin: true,
  };
}

function draw() {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const narrow = innerWidth < 720;
  const layout = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 60, r: 10, t: 10, b: 60 },
    font: { family: "system-ui, sans-serif", size: narrow ? 11 : 13, color: colour("--ink") },
    hoverlabel: { bgcolor: colour("--raised"), bordercolor: colour("--edge"), font: { color: colour("--ink") } },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    xaxis: axis("false matches (strangers accepted)", given.traces.map((one) => one.x), colour, narrow),
    yaxis: axis("missed (own person refused)", given.traces.map((one) => one.y), colour, narrow),
  };
  Plotly.react("plot", traces(), layout, { displayModeBar: false, responsive: true });
}

if (given.traces.length) {
  draw();
  dark.addEventListener("change", draw);
}
