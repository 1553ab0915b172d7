// Runs in the page of ./dev bench flamegraph: draws, zooms and searches with one of the tools, and takes the time.

const ZOOMS = 8;
const SEARCHES = ["function_7", "package_2/", "Worker.function_3", "nothing is called so"];
const SETTLE_MS = 200;

/** Milliseconds from the beginning of a frame, when `work` is done, to the end of that frame's painting. */
function timed(work) {
  return new Promise((done, fail) =>
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      const started = performance.now();
      try {
        work();
      } catch (error) {
        fail(error);
      }
      // The message is taken after the browser has drawn what this frame changed.
      port1.onmessage = () => done(performance.now() - started);
      port2.postMessage(0);
    }),
  );
}

const settled = () => new Promise((done) => setTimeout(done, SETTLE_MS));

export async function measure(tool) {
  const { start, zooms, search } = await (tool === "ours" ? ours() : theirs());
  const found = { "first paint": [await timed(start)], zoom: [], search: [] };
  await settled();
  for (const zoom of zooms()) found.zoom.push(await timed(zoom));
  await settled();
  for (const text of SEARCHES) found.search.push(await timed(() => search(text)));
  return found;
}

async function ours() {
  const { FlameGraph } = await import("/static/flamegraph.js");
  const root = document.getElementById("flamegraph");
  let graph;
  return {
    start() {
      root.hidden = false;
      graph = new FlameGraph(root);
    },
    // Further and further in along the heaviest frames, then out again to the whole.
    zooms() {
      const { frames } = graph;
      const ways = Array.from({ length: ZOOMS - 1 }, (_, step) => () => graph.zoomTo(2 * step + 2));
      if (frames.parent[2] !== 1) throw new Error("the heaviest frames are not first");
      return [...ways, () => graph.zoomTo(0)];
    },
    search: (text) => graph.search(text),
  };
}

async function theirs() {
  const { default: flamegraph } = await import("d3-flame-graph");
  const { select } = await import("d3-selection");
  let chart;
  return {
    start() {
      const data = JSON.parse(document.getElementById("nested").textContent);
      chart = flamegraph().width(1200).cellHeight(20).transitionDuration(0).selfValue(false);
      select("#chart").datum(data).call(chart);
    },
    zooms() {
      const root = select("#chart").datum();
      const path = [root];
      while (path.at(-1).children?.length && path.length < 2 * ZOOMS) {
        path.push(path.at(-1).children.reduce((best, child) => (child.value > best.value ? child : best)));
      }
      const ways = path.slice(2).filter((_, at) => at % 2 === 0).slice(0, 3);
      return [...ways, root].map((node) => () => chart.zoomTo(node));
    },
    search: (text) => chart.search(text),
  };
}
