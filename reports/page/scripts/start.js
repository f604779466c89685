// Runs last: connects the controls, draws the page, and draws it again when the width changes.
state.subscribe(["point"], draw);

// Makes a button copy the result of `text` and confirm it.
function copies(button, text) {
  button.hidden = !navigator.clipboard;
  const told = html("span", { class: "copied", role: "status" });
  button.after(told);
  button.addEventListener("click", () => navigator.clipboard.writeText(text()).then(
    () => { told.textContent = "copied"; },
    () => { told.textContent = "the browser does not allow it"; },
  ));
}

copies(byId("copy"), () => {
  const block = Array.from(document.querySelectorAll("#answer [data-point]")).find((b) => !b.hidden);
  return `${data.run}\n\n${block.innerText.trim()}\n`;
});
for (const button of document.querySelectorAll("button[data-copies]"))
  copies(button, () => byId(button.dataset.copies).textContent);

if (data.call) { callControls(); draws(drawCall, []); }
draw();
let seen = document.documentElement.clientWidth;
addEventListener("resize", () => {
  if (seen === document.documentElement.clientWidth) return;
  seen = document.documentElement.clientWidth;
  draw();
});

// Draws charts for paper: about its width and less high, so that they fill pages and keep their text size.
const onPaper = (is) => () => {
  state.set("paper", is);
  document.body.classList.toggle("paper", is);
  for (const more of document.querySelectorAll(".warnings details")) more.open = is;
  draw();
};
addEventListener("beforeprint", onPaper(true));
addEventListener("afterprint", onPaper(false));
