// Unpacks the drawing library out of the page, then draws the page's figures in its own colours.
(async () => {
  "use strict";
  const narrow = window.matchMedia("(max-width: 599px)");
  const settings = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] };

  async function unpacked(text) {
    const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

  async function load() {
    const script = document.createElement("script");
    script.textContent = await unpacked(document.getElementById("library").textContent);
    document.head.append(script);
  }

  async function data(name) {
    const place = document.getElementById(name);
    return place.dataset.packed === undefined ? place.textContent : unpacked(place.textContent);
  }

  function coloured(text) {
    const style = getComputedStyle(document.documentElement);
    return JSON.parse(text, (_, value) => {
      const name = typeof value === "string" && /^var\((--[a-z0-9-]+)\)$/.exec(value);
      return name ? style.getPropertyValue(name[1]).trim() : value;
    });
  }

  // A list above the picture: which of its traces to show.
  function choose(place, figure) {
    if (!figure.choices) return;
    let list = document.getElementById(`${place.dataset.figure}-choice`);
    if (!list) {
      const label = document.createElement("label");
      label.className = "choice";
      label.textContent = "Show ";
      list = document.createElement("select");
      list.id = `${place.dataset.figure}-choice`;
      for (const choice of figure.choices) list.add(new Option(choice.name));
      list.addEventListener("change", redraw);
      label.append(list);
      place.before(label);
    }
    const shown = new Set(figure.choices[list.selectedIndex].shown);
    figure.data.forEach((trace, n) => { trace.visible = shown.has(n); });
  }

  async function draw() {
    const isNarrow = narrow.matches;
    for (const place of document.querySelectorAll(".plot")) {
      const figure = coloured(await data(place.dataset.figure));
      choose(place, figure);
      const layout = isNarrow ? { ...figure.layout, ...figure.narrow } : figure.layout;
      await window.Plotly.react(place, figure.data, layout, { ...settings, displayModeBar: isNarrow ? false : "hover" });
    }
    document.documentElement.dataset.drawn = "yes";
  }

  // One after the other, so that the last wish is what stands.
  let drawn = load();
  function redraw() {
    drawn = drawn.then(draw);
  }

  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  narrow.addEventListener("change", redraw);
  redraw();
  await drawn;
})();
