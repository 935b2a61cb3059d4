// What the pages of admins do beyond htmx: copying, following a journal, moving rules by drag.
(() => {
  // copying: the button shows itself only where a script runs
  const show = root => root.querySelectorAll("[data-copy][hidden]").forEach(button => { button.hidden = false; });
  document.addEventListener("click", async event => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const field = document.getElementById(button.dataset.copy);
    field.select();
    let done = false;
    try {
      await navigator.clipboard.writeText(field.value);
      done = true;
    } catch {
      done = document.execCommand("copy"); // without https there is no clipboard
    }
    document.getElementById("copied").textContent = done ? "Copied." : "Select it and copy it.";
  });
  new MutationObserver(() => show(document)).observe(document.body, { childList: true, subtree: true });
  show(document);

  // a journal that goes on by itself
  const journal = document.getElementById("journal");
  async function follow() {
    if (!document.hidden && journal.isConnected) {
      const address = `${journal.dataset.url}&after=${journal.dataset.after}`;
      const answer = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
      if (answer?.headers.has("HX-Redirect")) return location.reload(); // signed out meanwhile
      if (answer?.ok) {
        const template = document.createElement("template");
        template.innerHTML = await answer.text();
        const fresh = template.content.querySelector("tbody");
        journal.dataset.after = fresh.dataset.after;
        if (fresh.rows.length) document.querySelector(".nothing")?.remove();
        journal.prepend(...fresh.rows);
        while (journal.rows.length > 500) journal.lastElementChild.remove();
      }
    }
    if (journal.isConnected) setTimeout(follow, 1000);
  }
  if (journal?.dataset.url) follow();
})();

// Rules that are put in order by drag; the buttons beside them do the same by keyboard.
(() => {
  let dragged = null;
  const row = event => event.target.closest?.("tr[data-place]");
  document.addEventListener("dragstart", event => {
    dragged = row(event);
    if (dragged) event.dataTransfer.effectAllowed = "move";
  });
  document.addEventListener("dragover", event => {
    const over = row(event);
    if (!dragged || !over || over === dragged) return;
    event.preventDefault();
    document.querySelectorAll("tr.over").forEach(other => other.classList.remove("over"));
    over.classList.add("over");
  });
  document.addEventListener("dragend", () => {
    document.querySelectorAll("tr.over").forEach(other => other.classList.remove("over"));
    dragged = null;
  });
  document.addEventListener("drop", async event => {
    const over = row(event);
    if (!dragged || !over || over === dragged) return;
    event.preventDefault();
    // downwards it is put behind what it is dropped on, upwards before it
    const down = dragged.compareDocumentPosition(over) & Node.DOCUMENT_POSITION_FOLLOWING;
    const position = +over.dataset.position + (down ? 1 : 0);
    await fetch(dragged.dataset.place, { method: "POST", body: new URLSearchParams({ position }), redirect: "manual" });
    location.reload();
  });
})();
