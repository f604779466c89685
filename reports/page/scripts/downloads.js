// The tools under a figure: its numbers as CSV, its picture as PNG, and what makes it again.

const SCALE = 2;
const PAINT = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity", "fill-opacity", "paint-order", "visibility", "font-family", "font-size", "font-weight", "text-anchor"];

function toolsOf(box) {
  const bar = html("figcaption", { class: "tools" }, box);
  let known;
  const csv = html("button", { type: "button" }, bar, "CSV"), png = html("button", { type: "button" }, bar, "PNG");
  csv.addEventListener("click", () => saveFile(new Blob([csvOf(known.marks.map((each) => each.mark.row).filter(Boolean))], { type: "text/csv" }), known.declared.file, "csv"));
  png.addEventListener("click", () => pictureOf(known.svg).then((picture) => saveFile(picture, known.declared.file, "png")));
  const more = html("details", {}, bar);
  html("summary", {}, more, "Make it again");
  const code = html("code", {}, html("p", {}, more, "Beside the run's folder: "));
  copies(html("button", { type: "button" }, more, "Copy"), () => code.textContent);
  return {
    show(figure) {
      known = figure;
      csv.setAttribute("aria-label", `CSV of ${figure.declared.label}`);
      png.setAttribute("aria-label", `PNG of ${figure.declared.label}`);
      csv.hidden = png.hidden = !figure.panels.length;
      more.hidden = !figure.declared.again;
      code.textContent = figure.declared.again || "";
    },
  };
}

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

// Text that a spreadsheet would read as a formula gets a ' before it, as `testbed export` does.
function csvField(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csvOf(rows) {
  const names = [...new Set(rows.flatMap(Object.keys))];
  return [names].concat(rows.map((row) => names.map((name) => row[name]))).map((line) => line.map(csvField).join(",") + "\n").join("");
}

// A drawing as a bitmap, with the paint of the page's style sheet written into its elements.
async function pictureOf(svg) {
  const copy = svg.cloneNode(true), from = [svg, ...svg.querySelectorAll("*")], to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((element, i) => {
    const style = getComputedStyle(element);
    to[i].setAttribute("style", PAINT.map((name) => `${name}: ${style.getPropertyValue(name)}`).join("; "));
  });
  copy.querySelectorAll(".ring").forEach((ring) => ring.remove());
  const { width, height } = svg.viewBox.baseVal;
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  const image = new Image();
  image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(new XMLSerializer().serializeToString(copy));
  await image.decode();
  const canvas = html("canvas", { width: SCALE * width, height: SCALE * height }), pen = canvas.getContext("2d");
  pen.fillStyle = getComputedStyle(document.body).backgroundColor;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

function saveFile(blob, name, suffix) {
  const link = html("a", { href: URL.createObjectURL(blob), download: `${`${data.name}-${name}`.replace(/[^A-Za-z0-9._-]+/g, "_")}.${suffix}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
