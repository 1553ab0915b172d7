// Prefills the time zone of a new project from the browser, unless the form comes back with what was chosen.

for (const holder of document.querySelectorAll('[data-browser-time-zone]:not([data-browser-time-zone="keep"])')) {
  const select = holder.querySelector("select");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if ([...select.options].some((option) => option.value === zone)) select.value = zone;
}
