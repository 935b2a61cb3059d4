// The page of calls keeps itself up to date: it hears which calls changed and asks the server for their rows.
(() => {
  const $ = id => document.getElementById(id);
  const gather = 150; // ms; calls that change together are asked for together
  const most = 100; // calls at once
  const again = 5000; // ms until what failed is tried again
  const title = document.title;
  const waiting = new Set();
  let timer = null;
  let stream = null;
  let doubt = null;
  let heard = 0; // the newest change that was told

  const parse = html => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content;
  };

  // one question at a time: answers that overtake each other would bring back calls that are over
  async function refresh() {
    const ids = [...waiting].slice(0, most);
    ids.forEach(id => waiting.delete(id));
    const upto = waiting.size ? 0 : heard;
    const query = $("log").dataset.query;
    const answer = await ask(ids, query).catch(() => null);
    timer = null;
    if (!answer || query !== $("log").dataset.query) { // of the list that was there before
      ids.forEach(id => waiting.add(id));
      return later(answer ? gather : again);
    }
    const fresh = parse(answer);
    for (const id of ids) {
      try { // one call that fails must not keep the others from being shown
        show(id, fresh.querySelector(`#now-${id}`));
        list(id, fresh.querySelector(`#call-${id}`), !!fresh.querySelector(`[data-meant="call-${id}"]`));
      } catch (e) {
        console.error(e);
      }
    }
    if (!ids.some(id => waiting.has(id))) knows(upto);
    badge();
    if (waiting.size) later();
  }

  async function ask(ids, query = "") {
    const answer = await fetch(`/fresh?ids=${ids.join(",")}${query && `&${query}`}`, { headers: { "HX-Request": "true" } });
    if (answer.headers.has("HX-Redirect")) location.reload(); // signed out meanwhile
    return answer.ok ? answer.text() : null;
  }

  const later = (pause = gather) => { timer ??= setTimeout(refresh, pause); };

  // "Tick all" ticks what was shown: nothing that changed later
  function knows(change) {
    const known = $("log").querySelector("[name=known]");
    known.value = Math.max(known.value, change);
  }

  // a card of a call under way
  function show(id, card) {
    const old = $(`now-${id}`);
    if (!card) return old?.remove();
    if (old) return old.replaceWith(card);
    $("now").append(card);
    card.classList.add("new");
    tell(card);
  }

  // a row of the log; one that is older than what is listed comes when one scrolls there
  function list(id, row, meant) {
    const old = $(`call-${id}`);
    if (!row || +row.dataset.change < +old?.dataset.change) return; // it was ticked since
    // somebody just ticks it, or other rows are on their way, which may know nothing of it: that answer comes first
    if (old?.querySelector(".htmx-request") || document.querySelector("#filter.htmx-request, #more .htmx-request")) {
      waiting.add(id);
      return later();
    }
    if (old) {
      const at = old.contains(document.activeElement) && document.activeElement.id;
      old.replaceWith(row);
      if (at) $(at)?.focus({ preventScroll: true }); // somebody goes through the list by keyboard
    } else if (meant) {
      const rows = [...$("rows").querySelectorAll("tr[data-at]")];
      const before = rows.find(other => +other.dataset.at <= +row.dataset.at);
      if (!before && rows.length && $("more")) return;
      $("rows").insertBefore(row, before ?? $("rows").lastElementChild); // which says whether there is more
      row.classList.add("new");
    } else return;
    htmx.process(row);
  }

  // how many ring, in the tab's title and on the program's icon
  function badge() {
    const ringing = document.querySelectorAll("#now [data-state=ringing]").length;
    document.title = ringing ? `(${ringing}) ${title}` : title;
    if (ringing) navigator.setAppBadge?.(ringing).catch(() => {});
    else navigator.clearAppBadge?.().catch(() => {});
  }

  function tell(card) {
    const { state, direction, caller, line } = card.dataset;
    if (state !== "ringing" || direction !== "in" || !document.hidden) return;
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    try {
      const note = new Notification(caller, { body: `calls ${line}`, tag: card.id });
      note.onclick = () => { window.focus(); note.close(); };
    } catch { /* Chrome for Android has it and throws */ }
  }

  function tick() {
    const now = Date.now();
    for (const timer of document.querySelectorAll(".timer")) {
      const s = Math.max(0, Math.floor((now - timer.dataset.since) / 1000));
      const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
      const two = n => String(n).padStart(2, "0");
      timer.textContent = h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
    }
  }

  function follow() {
    stream = new EventSource(`/api/v1/stream?after=${$("live").dataset.change}`);
    const hear = event => {
      waiting.add(JSON.parse(event.data).id);
      heard = Math.max(heard, event.lastEventId);
      later();
    };
    for (const kind of ["ringing", "connected", "ended", "changed"]) stream.addEventListener(`call.${kind}`, hear);
    stream.addEventListener("open", () => {
      follows(true);
      if (waiting.size) later();
    });
    stream.addEventListener("error", () => {
      follows(false);
      // a browser does not try again after a refusal: the session ended, or a proxy says that the server is not there
      if (stream.readyState === EventSource.CLOSED) setTimeout(comeBack, again);
    });
  }

  // Loads the page anew once the server itself answers: before that a proxy's error page would come in its place.
  async function comeBack() {
    if (await ask([]).catch(() => null) !== null) return location.reload();
    setTimeout(comeBack, again);
  }

  // Says so where the page is not live for longer than a browser takes to connect again.
  function follows(does) {
    $("live").toggleAttribute("data-follows", does);
    if (does) {
      clearTimeout(doubt);
      doubt = null;
      $("away").hidden = true;
    } else doubt ??= setTimeout(() => { $("away").hidden = false; }, again);
  }

  function offer() {
    const button = $("notify");
    if (!("Notification" in window) || Notification.permission !== "default") return;
    button.hidden = false;
    button.addEventListener("click", async () => { await Notification.requestPermission(); button.hidden = true; });
  }

  badge();
  offer();
  follows(false);
  follow();
  setInterval(tick, 1000);
})();
