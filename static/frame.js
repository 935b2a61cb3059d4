// What each page says where a request of it failed. What is no answer of ours, as a proxy's error page, is not shown in
// the place of ours.
(() => {
  const line = document.createElement("p");
  line.className = "message bad";

  function say(text) {
    line.textContent = text;
    document.getElementById("messages").replaceChildren(line);
  }

  document.addEventListener("htmx:before:response", event => {
    const { response, hx } = event.detail.ctx;
    if (response.status < 400 || hx.retarget) return line.remove(); // ours; our errors say where they belong
    event.preventDefault();
    say(`That did not reach the server (${response.status}). Try again.`);
  });

  document.addEventListener("htmx:error", event => {
    const { ctx } = event.detail;
    if (ctx && !ctx.response) say("That did not reach the server. Try again.");
  });
})();
