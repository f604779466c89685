// Connects the controls of the page of a comparison.
state.subscribe(["point"], draw);

copies(byId("copy"), () => {
  const block = Array.from(document.querySelectorAll("#answer [data-point]")).find((b) => !b.hidden);
  return `${data.run}\n\n${block.innerText.trim()}\n`;
});
for (const button of document.querySelectorAll("button[data-copies]"))
  copies(button, () => byId(button.dataset.copies).textContent);

if (heard) { callControls(); listenControls(); draws(drawScrubber, []); draws(drawStrips, []); }
