// What htmx doesn't say by itself: that a request failed, and that the session has ended.

const notice = () => document.getElementById("request-failed");

function tell(text) {
  notice().textContent = text;
  notice().hidden = !text;
}

for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, () => tell(document.body.dataset.requestFailed));
}
document.addEventListener("htmx:beforeSwap", (event) => {
  tell("");
  // A request that was sent to the sign-in page must not put that page into a table.
  if (new URL(event.detail.xhr.responseURL).pathname === document.body.dataset.signIn) {
    event.preventDefault();
    location.reload();
  }
});
