// Unpacks the drawing library out of the page, then draws the page's figures in its own colours.
(async () => {
  "use strict";
  const NARROW = 600;
  const settings = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] };

  async function unpack() {
    const packed = Uint8Array.from(atob(document.getElementById("library").textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  }

  function coloured(text) {
    const style = getComputedStyle(document.documentElement);
    return JSON.parse(text, (_, value) => {
      const name = typeof value === "string" && /^var\((--[a-z0-9-]+)\)$/.exec(value);
      return name ? style.getPropertyValue(name[1]).trim() : value;
    });
  }

  async function draw() {
    const isNarrow = window.innerWidth < NARROW;
    for (const place of document.querySelectorAll(".plot")) {
      const figure = coloured(document.getElementById(place.dataset.figure).textContent);
      const layout = isNarrow ? { ...figure.layout, ...figure.narrow } : figure.layout;
      await window.Plotly.react(place, figure.data, layout, { ...settings, displayModeBar: isNarrow ? false : "hover" });
    }
    document.documentElement.dataset.drawn = "yes";
  }

  await unpack();
  await draw();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  window.matchMedia(`(max-width: ${NARROW - 1}px)`).addEventListener("change", draw);
})();
