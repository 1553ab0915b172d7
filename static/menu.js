// <details class="menu"> opens by itself; this closes it again: on Escape, on a click elsewhere, when another opens.

function closeAll(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
}

document.addEventListener("click", (event) => closeAll(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.activeElement?.closest("details.menu[open]");
  closeAll();
  open?.querySelector("summary").focus();
});
