// A spark line of how the customer sounds: -1 at the bottom, 1 on top, a dotted line at neither.
const NS = "http://www.w3.org/2000/svg";
const WIDTH = 58;
const HEIGHT = 20;
const PLACES = 20;

function shape(name, attributes) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

export function spark(points) {
  const svg = shape("svg", { class: "sp", width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" });
  svg.append(shape("line", { x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 }));
  if (!points.length) return svg;
  // Few of a customer's words are strong: a root spreads the middle, where most of the line is.
  const y = (value) => HEIGHT / 2 - Math.sign(value) * Math.sqrt(Math.min(1, Math.abs(value))) * (HEIGHT / 2 - 2);
  const step = (WIDTH - 2) / (PLACES - 1);
  const path = points.map((value, at) => `${(1 + at * step).toFixed(1)} ${y(value).toFixed(1)}`);
  svg.append(shape("path", { d: `M${path.length > 1 ? path.join("L") : `${path[0]}l0.1 0`}` }));
  const [x, last] = path.at(-1).split(" ");
  svg.append(shape("circle", { cx: x, cy: last, r: 1.75 }));
  return svg;
}
