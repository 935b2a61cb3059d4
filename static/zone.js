// Tells the server which time zone to show times in; reloads once where a page came in another.
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone || document.documentElement.dataset.zone === zone) return;
  document.cookie = `zone=${zone}; path=/; max-age=31536000; samesite=lax`;
  if (sessionStorage.getItem("zone") === zone) return; // the server does not know it: no second try
  sessionStorage.setItem("zone", zone);
  location.reload();
})();
