// Draw each chart from the specification next to it.
for (const place of document.querySelectorAll(".chart")) {
  const spec = JSON.parse(place.parentElement.nextElementSibling.textContent);
  // No menu: an exported image would lose the colours, and the editor is a remote page.
  vegaEmbed(place, spec, {renderer: "svg", actions: false, ast: false})
    .then(() => { place.dataset.drawn = "yes"; })
    .catch(error => { place.textContent = `This chart could not be drawn: ${error.message}. Its figures are below.`; });
}
