// What test_flamegraph_model.py runs in a page: whatever way random trees are looked at, their times stay.
// Returns what is wrong.
async (base) => {
  const { buildView, ownCode } = await import(base + "calltree_model.js");
  const { inverted, sandwich } = await import(base + "flamegraph_callers.js");
  const { Book, packaged } = await import(base + "flamegraph_book.js");
  const frames = await import(base + "flamegraph_frames.js");
  const { contrast, themes } = await import(base + "flamegraph_colours.js");
  let seed = 7;
  const chance = (below) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % below;
  const wrong = [];
  for (let round = 0; round < 40; round++) {
    const size = 1 + chance(300), names = 8;
    const data = { label: "x", parent: [], function: [], self_us: [], samples: [], functions: {
      name: [], class_name: [], file: [], short_file: [], line: [], library: [] } };
    for (let fn = 0; fn < names; fn++) {
      for (const [key, value] of Object.entries({ name: "f" + fn, class_name: "", file: "",
        short_file: `p${fn % 3}/x.py`, line: fn, library: fn % 2 })) data.functions[key].push(value);
    }
    const path = [];
    for (let node = 0; node < size; node++) {
      path.length = node ? 1 + chance(path.length) : 0;
      data.parent.push(node ? path.at(-1) : -1);
      data.function.push(chance(names));
      data.self_us.push(chance(3) * 1000);
      data.samples.push(1);
      path.push(node);
    }
    data.total_us = [...data.self_us];
    for (let node = size - 1; node > 0; node--) data.total_us[data.parent[node]] += data.total_us[node];
    const whole = data.total_us[0];
    const runs = { node: [], duration_us: [] };
    data.self_us.forEach((us, node) => {
      for (let left = us; left > 0; left -= 500) runs.node.push(node), runs.duration_us.push(500);
    });
    const book = new Book(data);
    const sum = (column) => column.reduce((total, us) => total + us, 0);
    const expected = (fn, view) => {
      let total = 0;
      for (let node = 1; node < view.count; node++) {
        let above = view.parent[node];
        while (above >= 0 && view.fn[above] !== fn) above = view.parent[above];
        if (view.fn[node] === fn && above < 0) total += view.total[node];
      }
      return total;
    };
    for (const [name, fold] of [["all", null], ["own", ownCode(data.functions)], ["packages", packaged(book)]]) {
      const view = buildView(data, fold);
      const check = (what, is, should) => is === should || wrong.push([round, name, what, is, should]);
      check("root", view.total[0], whole);
      check("selves", sum(view.self.subarray(0, view.count)), whole);
      const top = frames.layOut(view);
      check("frames", top.count, view.count);
      const time = frames.layOutInTime(view, runs);
      check("in time", time.whole, whole);
      check("in time, selves", sum(time.self), whole);
      check("inverted", inverted(view).total[0], whole);
      for (let fn = 0; fn < names; fn++) {
        const both = sandwich(view, fn);
        const should = expected(fn, view);
        check("callees of " + fn, both ? both.callees.total[0] : 0, should);
        check("callers of " + fn, both ? both.callers.total[0] : 0, should);
        const wanted = new Uint8Array(1 + names + book.packages.length);
        wanted[fn + 1] = 1;
        check("matched " + fn, frames.timeIn(top, wanted), should);
        check("matched in time " + fn, frames.timeIn(time, wanted), should);
      }
      for (const laid of [top, time]) {
        for (let frame = 1; frame < laid.count; frame++) {
          const up = laid.parent[frame];
          if (laid.start[frame] < laid.start[up] || frame >= laid.end[up] ||
            laid.start[frame] + laid.total[frame] > laid.start[up] + laid.total[up]) wrong.push([round, name, frame]);
        }
      }
    }
  }
  for (const theme of Object.values(themes())) {
    for (const fill of [...theme.own, ...theme.libraries, theme.rest, theme.whole]) {
      if (contrast(fill, theme.text) < 4.5) wrong.push(fill);
    }
    if (contrast(theme.dimmed, theme.quiet) < 4.5) wrong.push(theme.dimmed);
  }
  return wrong;
}
