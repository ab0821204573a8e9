// The editor of workflow definitions. What it needs is large, so it comes in a piece of its own.

const root = document.getElementById("editor");
if (root) {
  void import("./editor/page.js").then(({ openEditor }) => openEditor(root));
}
