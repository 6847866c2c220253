// Draws each chart into its place from the description that stands beside it.
for (const place of document.querySelectorAll(".chart")) {
  const spec = JSON.parse(place.parentElement.nextElementSibling.textContent);
  // Exports would lose the colours, and the editor is on another machine: neither is offered.
  vegaEmbed(place, spec, {renderer: "svg", actions: false, ast: false})
    .then(() => { place.dataset.drawn = "yes"; })
    .catch(error => { place.textContent = `This chart could not be drawn: ${error.message}. Its figures are below.`; });
}
