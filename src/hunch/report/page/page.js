"use strict";
(() => {
  const config = JSON.parse(document.getElementById("vega-config").textContent);
  const drawn = new Map();

  const options = {
    mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false, config: config,
    tooltip: { theme: "hunch", disableDefaultStyle: true },
  };

  async function draw(id, spec) {
    const box = document.getElementById(id);
    try {
      drawn.get(id)?.result?.finalize();
      const result = await vegaEmbed(box, spec, options);
      drawn.set(id, { spec, result });
      const focus = box.closest("[data-focus]")?.dataset.focus;
      if (focus) result.view.signal("focus", focus).runAsync();
    } catch (error) {
      box.textContent = "This chart could not be drawn. " + box.getAttribute("aria-label");
      console.error(id, error);
    }
  }

  // The scale is part of a compiled chart, so a switch compiles the chart anew with the other scale.
  function rescale(id, type) {
    const { spec } = drawn.get(id);
    const ends = spec.usermeta.hunch;
    for (const layer of spec.layer) {
      const y = layer.encoding?.y;
      if (!y?.scale) continue;
      y.scale.type = type;
      y.scale.domain = ends[type].domain;
      delete y.axis.values;
      delete y.axis.tickCount;
      Object.assign(y.axis, ends[type].ticks);
    }
    return draw(id, spec);
  }

  for (const group of document.querySelectorAll(".switch")) {
    group.addEventListener("click", (event) => {
      const type = event.target.dataset?.scale;
      if (!type) return;
      for (const b of group.children) b.setAttribute("aria-pressed", String(b.dataset.scale === type));
      rescale(group.dataset.for, type);
    });
  }

  for (const key of document.querySelectorAll(".key")) {
    key.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      // On a page over several studies a key speaks for its own study alone.
      const scope = key.closest("[data-scope]") ?? document.documentElement;
      const wanted = scope.dataset.focus === button.dataset.arm ? "" : button.dataset.arm;
      scope.dataset.focus = wanted;
      for (const b of scope.querySelectorAll(".key button"))
        b.setAttribute("aria-pressed", String(b.dataset.arm === wanted));
      for (const [id, { result }] of drawn)
        if (scope.contains(document.getElementById(id))) result.view.signal("focus", wanted).runAsync();
    });
  }

  // One chart after another, with a breath now and then: what is on the first screen is there at once, and the page can
  // be read and scrolled while the others are drawn.
  async function drawAll() {
    let breath = performance.now();
    for (const source of document.querySelectorAll("script[data-chart]")) {
      await draw(source.dataset.chart, JSON.parse(source.textContent));
      if (performance.now() - breath < 150) continue;
      await new Promise((done) => setTimeout(done));
      breath = performance.now();
    }
    document.documentElement.dataset.drawn = String(drawn.size);
    document.documentElement.dataset.drawnAt = String(Math.round(performance.now()));
  }
  drawAll();
})();
