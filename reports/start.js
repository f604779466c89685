// Runs last: connects the controls and draws once, and again whenever the width changes.
if (byId("point")) byId("point").addEventListener("change", (event) => { state.point = Number(event.target.value); draw(); });
byId("copy").hidden = !navigator.clipboard;
byId("copy").addEventListener("click", () => {
  const block = Array.from(document.querySelectorAll("#answer [data-point]")).find((b) => !b.hidden);
  navigator.clipboard.writeText(block.innerText.trim());
});
if (data.metrics.length) curveControls();
if (data.call) callControls();
draw();
let seen = document.documentElement.clientWidth;
addEventListener("resize", () => {
  if (seen === document.documentElement.clientWidth) return;
  seen = document.documentElement.clientWidth;
  draw();
});
