// Runs last: draws the page, and draws it again when the width changes and for paper.
draw();
// Figures have their height by now.
if (state.get("section")) byId(state.get("section")).scrollIntoView();
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
