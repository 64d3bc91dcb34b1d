// Comfort for who has scripts: keys, and how far a file has come. Every page works without.
"use strict";

let goes = false;

document.addEventListener("keydown", (event) => {
  const writes = event.target.closest("input, select, textarea");
  if (writes || event.ctrlKey || event.altKey || event.metaKey) return;
  if (goes) {
    goes = false;
    const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
    if (link) link.click();
  } else if (event.key === "g") {
    goes = true;
  } else if (event.key === "?") {
    location.assign("/help");
  } else if (event.key === "/") {
    const search = document.querySelector("main form[method=get] input:not([type=hidden])");
    if (!search) return;
    event.preventDefault();
    search.focus();
  }
});

for (const form of document.querySelectorAll('form[enctype="multipart/form-data"]')) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const told = form.querySelector("[role=status]");
    const bar = told.querySelector("progress");
    const button = form.querySelector("button");
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.responseType = "document";
    request.upload.addEventListener("progress", (step) => {
      told.hidden = false;
      if (step.lengthComputable) bar.value = step.loaded / step.total;
    });
    request.addEventListener("load", () => {
      const alert = request.response && request.response.querySelector("main [role=alert]");
      if (request.status < 400) location.assign(request.responseURL);
      else stop(alert ? alert.textContent : "The file was not taken. Send it again.");
    });
    request.addEventListener("error", () => stop("The connection broke. Send the file again."));
    const stop = (words) => {
      button.disabled = false;
      told.hidden = true;
      let trouble = form.querySelector(".trouble");
      if (!trouble) {
        trouble = document.createElement("p");
        trouble.className = "trouble";
        trouble.setAttribute("role", "alert");
        form.prepend(trouble);
      }
      trouble.textContent = words;
    };
    button.disabled = true;
    request.send(new FormData(form));
  });
}
