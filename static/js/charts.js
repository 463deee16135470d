// Charts drawn from the tables beside them, so that both say the same: Apache ECharts in the page's own colours.
//
// A `figure[data-chart]` holds a `.ch-plot` and a table. Its first column names what is shown; columns whose head has
// `data-series` ("bar", "line") are drawn, from the cells' `data-v`. A click leads where the row's link leads. Without
// scripts, or without ECharts, the table stands open and nothing else is needed.
const echarts = window.echarts;
const charts = new Map();

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function read(figure) {
  const heads = [...figure.querySelectorAll("thead th")];
  const most = Number(figure.dataset.first ?? Infinity);
  const rows = [...figure.querySelectorAll("tbody tr")].slice(0, most);
  const named = (row) => (row.cells[0].querySelector("a, time") ?? row.cells[0]).textContent.trim();
  const value = (cell) => {
    const given = cell.dataset.v;
    return given === undefined || given === "None" || given === "" ? null : Number(given);
  };
  return {
    names: rows.map(named),
    links: rows.map((row) => row.querySelector("a[href]")?.href ?? null),
    series: heads
      .map((head, column) => ({ head, column }))
      .filter(({ head }) => head.dataset.series)
      .map(({ head, column }) => ({
        name: head.textContent,
        type: head.dataset.series,
        most: head.dataset.most ? Number(head.dataset.most) : null,
        percent: "percent" in head.dataset,
        values: rows.map((row) => value(row.cells[column])),
      })),
  };
}

const shown = (one, value) => (value === null ? "–" : one.percent ? `${Math.round(value * 1000) / 10} %` : `${Math.round(value * 10) / 10}`);

function option(kind, data) {
  const ink = token("--c-ink-3");
  const line = token("--c-line");
  const colours = { bar: token("--c-wave-2"), line: token("--c-accent") };
  const text = { color: ink, fontFamily: token("--font"), fontSize: 11 };
  const across = kind === "across";
  const names = { type: "category", data: data.names, inverse: across, axisLine: { lineStyle: { color: line } }, axisTick: { show: false }, axisLabel: { ...text, ...(across ? { width: innerWidth < 720 ? 150 : 340, overflow: "truncate" } : { hideOverlap: true }) } };
  const scale = (one, more = {}) => ({
    type: "value",
    min: 0,
    max: one.most ?? (one.type === "line" ? 100 : null),
    minInterval: one.percent ? 0 : 1,
    splitLine: { lineStyle: { color: line } },
    axisLabel: { ...text, formatter: (value) => shown(one, value) },
    ...more,
  });
  // A score has its own scale, from 0 to 100, beside that of how many there are; lines alone share one.
  const alike = data.series.every((one) => one.type === "line");
  const scales = alike ? scale(data.series[0]) : data.series.map((one, at) => scale(one, { position: at ? "right" : "left", splitLine: { show: at === 0, lineStyle: { color: line } } }));
  return {
    animation: false,
    textStyle: text,
    grid: { left: 8, right: 12, top: data.series.length > 1 ? 32 : 12, bottom: 8, containLabel: true },
    legend: data.series.length > 1 ? { top: 0, left: 0, itemHeight: 8, itemWidth: 14, textStyle: text } : undefined,
    tooltip: {
      trigger: "axis",
      // Drawn, not markup: names may hold any characters.
      renderMode: "richText",
      confine: true,
      backgroundColor: token("--c-surface"),
      borderColor: token("--c-line-2"),
      textStyle: { ...text, color: token("--c-ink"), fontSize: 12 },
      formatter: (points) => [points[0].name, ...points.map((point) => `${point.seriesName}: ${shown(data.series[point.seriesIndex], point.value ?? null)}`)].join("\n"),
    },
    xAxis: across ? scale(data.series[0]) : names,
    yAxis: across ? names : scales,
    series: data.series.map((one, at) => ({
      name: one.name,
      type: one.type,
      data: one.values,
      yAxisIndex: across || alike ? 0 : at,
      itemStyle: { color: alike && at ? ink : colours[one.type] },
      // A second line is told apart by its form, too.
      lineStyle: alike && at ? { color: ink, width: 2, type: "dashed" } : { color: colours.line, width: 2 },
      symbolSize: 6,
      barMaxWidth: across ? 18 : 48,
      // What has no score is a gap, not a zero.
      connectNulls: false,
      emphasis: { disabled: true },
    })),
  };
}

function draw(figure) {
  const data = read(figure);
  if (!data.series.length || !data.names.length) return;
  const plot = figure.querySelector(".ch-plot");
  plot.hidden = false;
  if (figure.dataset.chart === "across") plot.style.height = `${Math.max(72, 40 + data.names.length * 26)}px`;
  let chart = charts.get(figure);
  if (!chart) {
    chart = echarts.init(plot, null, { renderer: "svg" });
    chart.getZr().on("click", (event) => {
      const at = chart.convertFromPixel({ seriesIndex: 0 }, [event.offsetX, event.offsetY]);
      const link = data.links[figure.dataset.chart === "across" ? at?.[1] : at?.[0]];
      if (link) location.assign(link);
    });
    plot.classList.toggle("linked", data.links.some(Boolean));
    new ResizeObserver(() => chart.resize()).observe(plot);
    charts.set(figure, chart);
    const table = figure.querySelector("details");
    figure.dataset.drawn = "";
    if (!("stays" in table.dataset)) table.open = false;
  }
  chart.setOption(option(figure.dataset.chart, data), { notMerge: true });
}

const drawAll = () => document.querySelectorAll("figure[data-chart]").forEach(draw);

if (echarts) {
  drawAll();
  // Another theme has other colours.
  new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
}
