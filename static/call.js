// The page of a call under way asks now and then whether the call went on, and is then loaded anew; where somebody
// writes on it, it only says so.
(() => {
  const page = document.getElementById("call");
  const pause = 2000; // ms
  const writes = () => [...document.querySelectorAll("#main input, #main textarea")]
    .some(field => field === document.activeElement || field.value !== field.defaultValue);

  async function look() {
    const answer = await fetch(`/fresh?ids=${page.dataset.id}`, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (answer?.headers.has("HX-Redirect")) return location.reload(); // signed out meanwhile
    const template = document.createElement("template");
    if (answer?.ok) template.innerHTML = await answer.text();
    const row = template.content.getElementById(`call-${page.dataset.id}`);
    if (!row || +row.dataset.change <= +page.dataset.change) return setTimeout(look, pause);
    if (writes()) document.getElementById("changed").hidden = false;
    else location.reload();
  }

  if (page.dataset.live === "true") setTimeout(look, pause);
})();
