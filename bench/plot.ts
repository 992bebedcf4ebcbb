/**
 * The curves of `curve.ts` as an SVG of two panels: latency of acknowledgments, memory of the agent.
 *
 * Plain elements and one style sheet, with colours for light and for dark, so that it shows wherever an
 * image is shown. Series differ in colour and in the shape of their points.
 *
 * @module
 */
import type { CurvePoint } from "./curve.ts";

const WIDTH = 980;
const HEIGHT = 440;
const PANEL = { width: 400, height: 260, top: 84, lefts: [64, 552] } as const;
const TICKS_MAX_COUNT = 6;
/** PF08. */
const MEMORY_TARGET_MB = 200;
/** Nothing waiting has no place on a logarithmic axis: it stands so many decades left of the first that has. */
const ZERO_DECADES = 1;
/** What a label below a point takes, in the units of the picture. */
const LABEL_ROOM = 24;
/** Room above the largest value, for its label. */
const HEADROOM = 1.15;

const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }
    .title { font-size: 15px; font-weight: 600 }
    .small { font-size: 11px; fill: #59636e }
    .value { font-size: 11px; paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
    .background { fill: #ffffff }
    .axis { stroke: #59636e; fill: none }
    .grid { stroke: #d1d9e0 }
    .target { stroke: #59636e; stroke-dasharray: 5 4 }
    .line { fill: none; stroke-width: 2 }
    .line.first { stroke: #0969da } .point.first { fill: #0969da }
    .line.second { stroke: #bc4c00 } .point.second { fill: #bc4c00 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .small { fill: #9198a1 }
      .value { stroke: #0d1117 }
      .background { fill: #0d1117 }
      .axis, .target { stroke: #9198a1 }
      .grid { stroke: #3d444d }
      .line.first { stroke: #58a6ff } .point.first { fill: #58a6ff }
      .line.second { stroke: #f0883e } .point.second { fill: #f0883e }
    }
`;

/** The lower one is `first`, so that labels above and below do not meet. */
interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly digits: number;
  readonly first: Series;
  readonly second: Series;
  /** A dashed line with its text. */
  readonly target?: { readonly value: number; readonly text: string };
}

interface Series {
  readonly name: string;
  readonly values: readonly number[];
}

/** From a value to a coordinate. */
type Scale = (value: number) => number;

/**
 * @param points by rising backlog, at least one
 * @param captions lines in small print below: what was measured, which run it was
 */
export function plot(points: readonly CurvePoint[], captions: readonly string[]): string {
  const backlogs = points.map(({ backlog }) => backlog);
  const series = (name: string, pick: (point: CurvePoint) => number): Series => ({
    name,
    values: points.map(pick),
  });
  const panels: readonly Panel[] = [
    {
      title: "Time to an acknowledgment",
      unit: "ms",
      digits: 1,
      first: series("p50", ({ p50Ms }) => p50Ms),
      second: series("p99", ({ p99Ms }) => p99Ms),
    },
    {
      title: "Resident memory of the agent",
      unit: "MB",
      digits: 0,
      first: series("at rest after a start", ({ atRestBytes }) => atRestBytes / 1e6),
      second: series("after the load", ({ loadedBytes }) => loadedBytes / 1e6),
      target: { value: MEMORY_TARGET_MB, text: "target: below 200 MB" },
    },
  ];
  const drawn = panels.map((panel, index) => drawPanel(panel, backlogs, PANEL.lefts[index] ?? 0));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">
  <title>Time to an acknowledgment and memory of the agent against the number of waiting messages</title>
  <style>${STYLE}  </style>
  <rect class="background" width="${WIDTH}" height="${HEIGHT}"/>
${drawn.join("\n")}
${captions.map((caption, line) => `  ${text(PANEL.lefts[0], PANEL.top + PANEL.height + 68 + 16 * line, caption, "small")}`).join("\n")}
</svg>
`;
}

function drawPanel(panel: Panel, backlogs: readonly number[], left: number): string {
  const { title, unit, first, second, target } = panel;
  const bottom = PANEL.top + PANEL.height;
  const x = backlogScale(backlogs, left + 24, left + PANEL.width - 24);
  const most = Math.max(...first.values, ...second.values, target?.value ?? 0) * HEADROOM;
  const y: Scale = (value) => bottom - (value / most) * PANEL.height;
  const middle = left + PANEL.width / 2;
  const parts = [
    text(left, PANEL.top - 44, `${title}, ${unit}`, "title"),
    legend(first.name, "first", left + 8),
    legend(second.name, "second", middle),
    ...ticksUpTo(most).map((tick) => grid(tick, y(tick), left)),
    `<path class="axis" d="M${left},${PANEL.top}V${bottom}H${left + PANEL.width}"/>`,
    ...backlogs.map((backlog) => text(x(backlog), bottom + 18, short(backlog), "", "middle")),
    ...(hasBreak(backlogs) ? [axisBreak((x(0) + x(backlogs[1] ?? 0)) / 2, bottom)] : []),
    text(middle, bottom + 40, "messages waiting in the store (logarithmic)", "small", "middle"),
    ...(target === undefined ? [] : [targetLine(target.text, y(target.value), left)]),
    drawSeries(first, "first", panel, { backlogs, x, y }),
    drawSeries(second, "second", panel, { backlogs, x, y }),
  ];
  return parts.map((part) => `  ${part}`).join("\n");
}

function drawSeries(
  series: Series,
  kind: "first" | "second",
  { digits }: Panel,
  {
    backlogs,
    x,
    y,
  }: { readonly backlogs: readonly number[]; readonly x: Scale; readonly y: Scale },
): string {
  const at = series.values.map((value, index) => ({
    value,
    left: round(x(backlogs[index] ?? 0)),
    top: round(y(value)),
  }));
  // Below its point, but not on the axis.
  const below = (top: number): boolean => kind === "first" && top < y(0) - LABEL_ROOM;
  return [
    `<polyline class="line ${kind}" points="${at.map(({ left, top }) => `${left},${top}`).join(" ")}"/>`,
    ...at.flatMap(({ value, left, top }) => [
      text(left, top + (below(top) ? 19 : -10), value.toFixed(digits), "value", "middle"),
      point(kind, left, top),
    ]),
  ].join("\n  ");
}

function point(kind: "first" | "second", left: number, top: number): string {
  return kind === "first"
    ? `<circle class="point first" cx="${left}" cy="${top}" r="4"/>`
    : `<rect class="point second" x="${left - 4}" y="${top - 4}" width="8" height="8"/>`;
}

const legend = (name: string, kind: "first" | "second", left: number): string =>
  `${point(kind, left, PANEL.top - 22)}${text(left + 10, PANEL.top - 18, name)}`;

const grid = (tick: number, top: number, left: number): string =>
  `<path class="grid" d="M${left},${round(top)}h${PANEL.width}"/>` +
  text(left - 8, top + 4, String(tick), "", "end");

const targetLine = (name: string, top: number, left: number): string =>
  `<path class="target" d="M${left},${round(top)}h${PANEL.width}"/>` +
  // On the left, where memory is small: there no line comes near.
  text(left + 8, top - 6, name, "small");

const hasBreak = (backlogs: readonly number[]): boolean => backlogs[0] === 0 && backlogs.length > 1;

/** Two strokes across the axis: between nothing and the first number it is not logarithmic. */
const axisBreak = (left: number, bottom: number): string =>
  `<path class="axis" d="M${round(left) - 5},${bottom + 5}l4,-10m4,0l-4,10"/>`;

/** Logarithmic; one value alone stands at the left. */
function backlogScale(backlogs: readonly number[], left: number, right: number): Scale {
  const positive = backlogs.filter((backlog) => backlog > 0);
  const zeroAt = Math.log10(Math.min(...positive, Number.MAX_SAFE_INTEGER)) - ZERO_DECADES;
  const decades = (backlog: number): number => (backlog > 0 ? Math.log10(backlog) : zeroAt);
  const all = backlogs.map(decades);
  const [from, to] = [Math.min(...all), Math.max(...all)];
  const width = to > from ? to - from : 1;
  return (backlog) => left + ((decades(backlog) - from) / width) * (right - left);
}

/** Round numbers from 0 on, not above `most`. */
function ticksUpTo(most: number): number[] {
  const decade = 10 ** Math.floor(Math.log10(most));
  const steps = [0.1, 0.2, 0.5, 1, 2].map((factor) => decade * factor);
  const step = steps.find((one) => most / one < TICKS_MAX_COUNT) ?? decade;
  // Multiplied, not added up, and cut to what was meant: 0.1 + 0.2 is no number for an axis.
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, index) =>
    Number((index * step).toPrecision(6)),
  );
}

/** 10000 → 10k, 1000000 → 1M. */
function short(count: number): string {
  if (count >= 1e6) return `${count / 1e6}M`;
  return count >= 1_000 ? `${count / 1_000}k` : String(count);
}

function text(
  left: number,
  top: number,
  content: string,
  kind = "",
  anchor: "start" | "middle" | "end" = "start",
): string {
  const name = kind === "" ? "" : ` class="${kind}"`;
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${round(left)}" y="${round(top)}"${name} text-anchor="${anchor}">${escaped}</text>`;
}

const round = (value: number): number => Math.round(value * 10) / 10;
