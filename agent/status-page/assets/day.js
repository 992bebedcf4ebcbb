// Draws a day: rate, acknowledgments, backlog. Its numbers are beside the charts as text.
/* global uPlot */
const CHARTS_EVERY_MS = 30_000;
const HEIGHT_PX = 160;

const charts = new Map();
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const short = (value) => (value >= 10_000 ? `${Math.round(value / 1_000)}k` : `${value}`);

const LINES = {
  rate: [{ key: "storedPerMinute", label: "messages a minute", color: "--chart-a", fill: true }],
  latency: [
    { key: "medianMs", label: "half within", color: "--chart-a" },
    { key: "p99Ms", label: "99 % within", color: "--chart-b" },
  ],
  backlog: [{ key: "waiting", label: "waiting", color: "--chart-a", fill: true }],
};

function draw(place, columns) {
  const lines = LINES[place.dataset.chart];
  const axis = {
    stroke: color("--soft"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
  };
  const ground = { ...axis, font: "11px system-ui, sans-serif" };
  const plot = new uPlot(
    {
      width: place.clientWidth,
      height: HEIGHT_PX,
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: (_plot, _low, high) => [0, Math.max(1, (high ?? 0) * 1.1)] } },
      axes: [
        {
          ...ground,
          size: 28,
          values: (_plot, at) => at.map((one) => new Date(one * 1_000).toTimeString().slice(0, 5)),
        },
        { ...ground, size: 44, values: (_plot, at) => at.map(short) },
      ],
      series: [
        {},
        ...lines.map((line) => ({
          label: line.label,
          stroke: color(line.color),
          width: 1.5,
          points: { show: columns.at.length < 3, size: 4 },
          ...(line.fill ? { fill: `${color(line.color)}22` } : {}),
        })),
      ],
    },
    [columns.at, ...lines.map(({ key }) => columns[key])],
    place,
  );
  charts.get(place)?.destroy();
  charts.set(place, plot);
  const last = lines.map(({ key, label }) => `${label}: ${columns[key].at(-1) ?? "none"}`);
  place.removeAttribute("aria-labelledby");
  place.setAttribute(
    "aria-label",
    `${place.previousElementSibling.textContent}, latest: ${last.join(", ")}`,
  );
}

async function drawAll() {
  if (document.hidden) return;
  try {
    const columns = await (await fetch("/history.json")).json();
    if (columns.at.length < 2) return;
    for (const place of document.querySelectorAll("[data-chart]")) draw(place, columns);
  } catch {
    // The line above says that the agent does not answer.
  }
}

void drawAll();
setInterval(() => void drawAll(), CHARTS_EVERY_MS);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => void drawAll());
addEventListener("resize", () => {
  for (const [place, plot] of charts) plot.setSize({ width: place.clientWidth, height: HEIGHT_PX });
});
