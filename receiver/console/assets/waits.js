// Draws how long messages had waited. The longest wait stands beside it as text.
/* global uPlot */
const EVERY_MS = 60_000;
const HEIGHT_PX = 140;
const SHORTEST_S = 900;

const charts = new Map();
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const short = (value) => (value >= 3_600 ? `${Math.round(value / 360) / 10} h` : `${value} s`);

function draw(place, { at, waited }) {
  const axis = {
    stroke: color("--soft"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  const clock = (time) => new Date(time * 1_000).toTimeString().slice(0, 5);
  const plot = new uPlot(
    {
      width: place.clientWidth,
      height: HEIGHT_PX,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        // A burst is not drawn as wide as a day.
        x: { range: () => [at[0], Math.max(at.at(-1), at[0] + SHORTEST_S)] },
        y: { range: (_plot, _low, high) => [0, Math.max(1, (high ?? 0) * 1.1)] },
      },
      axes: [
        { ...axis, size: 28, values: (_plot, times) => times.map(clock) },
        { ...axis, size: 52, values: (_plot, values) => values.map(short) },
      ],
      series: [
        {},
        {
          stroke: color("--chart-a"),
          width: 1.5,
          fill: `${color("--chart-a")}22`,
          points: { show: at.length < 20, size: 4 },
        },
      ],
    },
    [at, waited],
    place,
  );
  charts.get(place)?.destroy();
  charts.set(place, plot);
}

async function drawAll() {
  if (document.hidden) return;
  for (const place of document.querySelectorAll("[data-waits]")) {
    try {
      const columns = await (await fetch(place.dataset.waits)).json();
      if (columns.at.length > 1) draw(place, columns);
    } catch {
      // The page says itself that the receiver does not answer.
    }
  }
}

void drawAll();
setInterval(() => void drawAll(), EVERY_MS);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => void drawAll());
addEventListener("resize", () => {
  for (const [place, plot] of charts) plot.setSize({ width: place.clientWidth, height: HEIGHT_PX });
});
