// Two lines of a call in one small drawing: how the customer sounds (-1 at the bottom, 1 on top, a dotted line at
// neither), and beneath it, as bars, how much of each stretch was silence.
const NS = "http://www.w3.org/2000/svg";
const WIDTH = 58;
const HEIGHT = 20;
const PLACES = 20;
const BAR = 7;

function shape(name, attributes) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/** `points`: sentiment, -1 to 1, oldest first. `bins`: the silent share of stretches of one length, 0 to 1. */
export function spark(points, bins = []) {
  const svg = shape("svg", { class: "sp", width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" });
  const step = (WIDTH - 2) / (PLACES - 1);
  // One path for all bars: a drawing is made for every row that is seen.
  const bars = bins.map((share, at) => (share > 0.05 ? `M${(1 + at * step).toFixed(1)} ${HEIGHT}v${(-share * BAR).toFixed(1)}` : "")).join("");
  if (bars) svg.append(shape("path", { class: "silent", d: bars }));
  svg.append(shape("line", { x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 }));
  if (!points.length) return svg;
  // Few of a customer's words are strong: a root spreads the middle, where most of the line is.
  const y = (value) => HEIGHT / 2 - Math.sign(value) * Math.sqrt(Math.min(1, Math.abs(value))) * (HEIGHT / 2 - 2);
  const path = points.map((value, at) => `${(1 + at * step).toFixed(1)} ${y(value).toFixed(1)}`);
  svg.append(shape("path", { class: "mood-line", d: `M${path.length > 1 ? path.join("L") : `${path[0]}l0.1 0`}` }));
  const [x, last] = path.at(-1).split(" ");
  svg.append(shape("circle", { cx: x, cy: last, r: 1.75 }));
  return svg;
}
