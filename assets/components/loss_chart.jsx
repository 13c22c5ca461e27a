// The loss curve on a canvas (uPlot). State updates carry a short tail; the history comes over
// HTTP. Points are merged by their index, so a repeated or late tail changes nothing.
import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

const NO_STEPS = "Loss curve: no steps yet.";
const EMPTY = () => ({ run: null, revision: null, steps: [], losses: [], evals: new Map() });
const MANY_POINTS = 1500;
const COLOURS = { raw: "--bp-raw", rawOfMany: "--bp-raw-of-many", smooth: "--bp-smooth", evals: "--orange-9",
  grid: "--gray-a4", text: "--gray-11", surface: "--color-panel-solid" };
const read = (node, token) => getComputedStyle(node).getPropertyValue(token).trim();
const number = (value) => (value == null ? "–" : value.toFixed(value < 10 ? 4 : 2));

// The mean of the points around each point (fewer at the ends), so that the line does not lag
// behind a falling loss. The reach follows the length of the curve.
function smooth(losses) {
  const reach = Math.max(2, Math.min(100, Math.round(losses.length / 50)));
  const sums = new Float64Array(losses.length + 1);
  losses.forEach((loss, i) => { sums[i + 1] = sums[i] + loss; });
  return losses.map((_, i) => {
    const from = Math.max(0, i - reach), to = Math.min(losses.length, i + reach + 1);
    return (sums[to] - sums[from]) / (to - from);
  });
}

function columns({ steps, losses, evals }) {
  const atEval = steps.map((step) => evals.get(step) ?? null);
  return [steps, losses, smooth(losses), atEval];
}

function summary({ steps, losses, evals }, trend) {
  if (!losses.length) return NO_STEPS;
  const last = trend.length - 1;
  const before = trend[Math.max(0, last - Math.ceil(trend.length / 5))];
  const change = (trend[last] - before) / Math.max(Math.abs(before), 1e-9);
  const word = change < -0.02 ? "falling" : change > 0.02 ? "rising" : "level";
  const lowest = losses.reduce((low, loss) => Math.min(low, loss), Infinity);
  const evalLosses = [...evals.values()];
  const evalWords = evalLosses.length
    ? ` Eval loss was ${number(evalLosses[0])} first and is ${number(evalLosses.at(-1))} now.` : "";
  return `Loss curve over ${steps.at(-1)} steps: it started at ${number(losses[0])}, is ` +
    `${number(losses[last])} now, the lowest was ${number(lowest)}; the trend is ${word}.` + evalWords;
}

function options(node, width, height, onCursor) {
  const axis = { stroke: () => read(node, COLOURS.text), font: "12px " + read(node, "--bp-font"),
    grid: { stroke: () => read(node, COLOURS.grid), width: 1 }, ticks: { show: false }, gap: 8 };
  const line = (label, token, lineWidth) => ({ label, stroke: () => read(node, token),
    width: lineWidth, points: { show: false } });
  return {
    width, height, legend: { show: false }, padding: [12, 22, 0, 0],
    scales: { x: { time: false, range: (u, low, high) => [low, Math.max(high, low + 1)] },
      y: { range: (u, low, high) => {
        const room = Math.max((high - low) * 0.08, Math.abs(high) * 0.02, 1e-3);
        return [Math.max(low - room, low >= 0 ? 0 : -Infinity), high + room];
      } } },
    axes: [{ ...axis, size: 32, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 1e4],
      values: (u, ticks) => ticks.map((tick) => tick.toLocaleString("en")) }, { ...axis, size: 52 }],
    series: [{}, { ...line("Loss", COLOURS.raw, 1),
      // A dense line is drawn over itself many times, so it is made fainter.
      stroke: (u) => read(node, u.data[0].length > MANY_POINTS ? COLOURS.rawOfMany : COLOURS.raw) },
       line("Smoothed", COLOURS.smooth, 2),
      { label: "Eval", paths: () => null, stroke: () => read(node, COLOURS.evals),
        points: { show: true, size: 8, width: 2, fill: () => read(node, COLOURS.surface),
          stroke: () => read(node, COLOURS.evals), filter: (u, i) =>
            u.data[3].flatMap((value, index) => (value == null ? [] : [index])) } }],
    cursor: { y: false, drag: { x: true, y: false }, points: { size: 7 },
      focus: { prox: -1 } },
    hooks: { setCursor: [(u) => onCursor(u.cursor.idx)] },
  };
}

export function LossChart({ run, revision, tail, height = 320, ...rest }) {
  const host = useRef(null), plot = useRef(null), points = useRef(EMPTY()), loading = useRef(null);
  const [at, setAt] = useState(null);
  const [words, setWords] = useState(NO_STEPS);

  function draw() {
    const u = plot.current;
    if (!u) return;
    const drawn = columns(points.current);
    u.setData(drawn);
    host.current.dataset.points = String(points.current.steps.length);
    setWords(summary(points.current, drawn[2]));
  }

  function merge(news) {
    const now = points.current;
    if (!news || !news.steps || news.start > now.steps.length) return !news || !news.steps;
    news.steps.forEach((step, i) => {
      now.steps[news.start + i] = step;
      now.losses[news.start + i] = news.losses[i];
    });
    (news.evals ?? []).forEach(([step, loss]) => now.evals.set(step, loss));
    return true;
  }

  async function load() {
    const mine = `${run} ${revision}`;
    // Tails go on coming while the history is under way: one request is enough.
    if (!run || loading.current === mine) return;
    loading.current = mine;
    // A server that is gone comes back with a new tail, which asks again.
    const curve = await fetch(`/api/runs/${encodeURIComponent(run)}/curve`)
      .then((answer) => (answer.ok ? answer.json() : null), () => null);
    if (mine !== loading.current) return;
    loading.current = null;
    if (!curve) return;
    points.current = { run, revision: curve.revision, steps: curve.steps, losses: curve.losses,
      evals: new Map(curve.evals) };
    draw();
  }

  useEffect(() => {
    const node = host.current;
    const u = new uPlot(options(node, node.clientWidth || 600, height, setAt),
      columns(points.current), node);
    plot.current = u;
    const resize = new ResizeObserver(([entry]) =>
      u.setSize({ width: Math.max(120, entry.contentRect.width), height }));
    resize.observe(node);
    const recolour = new MutationObserver(() => u.redraw(false, true));
    recolour.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
    return () => { resize.disconnect(); recolour.disconnect(); u.destroy(); plot.current = null; };
  }, [height]);

  useEffect(() => {
    if (points.current.run !== run) { points.current = { ...EMPTY(), run }; draw(); }
    load();
  }, [run, revision]);

  useEffect(() => {
    if (points.current.run !== run) return;
    if (merge(tail)) draw(); else load();
  }, [tail]);

  function walk(event) {
    const last = points.current.steps.length - 1, u = plot.current;
    const from = at ?? last;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    const index = Math.max(0, Math.min(last, to));
    u.setCursor({ left: u.valToPos(u.data[0][index], "x"), top: 0 });
  }

  const now = points.current, index = at == null ? now.steps.length - 1 : at;
  const trend = plot.current?.data?.[2];
  return (
    <figure {...rest} className="bp-chart">
      <figcaption className="bp-chart-read" aria-live={at == null ? "off" : "polite"}>
        <span className="bp-key">Step <b>{now.steps[index] ?? "–"}</b></span>
        <span className="bp-key bp-key-raw">Loss <b>{number(now.losses[index])}</b></span>
        <span className="bp-key bp-key-smooth">Smoothed <b>{number(trend?.[index])}</b></span>
        <span className="bp-key bp-key-eval">Eval <b>{number(now.evals.get(now.steps[index])
          ?? (at == null ? [...now.evals.values()].at(-1) : null))}</b></span>
      </figcaption>
      <div ref={host} className="bp-plot" role="img" tabIndex={0} onKeyDown={walk}
        aria-label={words} style={{ height }} />
      <p className="bp-hidden">{words}</p>
    </figure>
  );
}
