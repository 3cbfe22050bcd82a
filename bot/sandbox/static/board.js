// The Jira board: cards are dragged or moved by their menu; a move is a transition over the REST API.
"use strict";

(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const { user, stream } = document.body.dataset;
  const headers = { Authorization: `Basic ${btoa(`${user}@example.com:sandbox`)}`, "Content-Type": "application/json" };
  let dragged = "";

  function toast(text) {
    const line = document.createElement("div");
    line.className = "toast bad";
    line.textContent = text;
    $("#toasts").append(line);
    setTimeout(() => line.remove(), 6000);
  }

  async function move(key, status) {
    const address = `/jira/rest/api/3/issue/${key}/transitions`;
    const answer = await fetch(address, { headers });
    const { transitions = [] } = answer.ok ? await answer.json() : {};
    const found = transitions.find((one) => one.to?.name === status || one.name === status);
    if (!found) return toast(`${key} cannot be moved to ${status} now.`);
    const body = JSON.stringify({ transition: { id: found.id } });
    const moved = await fetch(address, { method: "POST", headers, body });
    if (!moved.ok) toast(`Jira refused to move ${key} (${moved.status}).`);
  }

  const source = new EventSource(stream);
  source.onmessage = (event) => Morph.inside($("#board"), JSON.parse(event.data));

  document.addEventListener("change", ({ target }) => {
    if (target.dataset.move) move(target.dataset.move, target.value);
  });
  document.addEventListener("dragstart", (event) => {
    const card = event.target.closest("[data-issue]");
    if (!card) return;
    dragged = card.dataset.issue;
    event.dataTransfer.setData("text/plain", dragged);
    card.classList.add("dragged");
  });
  document.addEventListener("dragend", () => {
    for (const card of document.querySelectorAll(".dragged, .over")) card.classList.remove("dragged", "over");
  });
  document.addEventListener("dragover", (event) => {
    const column = event.target.closest(".column");
    if (!column || !dragged) return;
    event.preventDefault();
    for (const other of document.querySelectorAll(".over")) if (other !== column) other.classList.remove("over");
    column.classList.add("over");
  });
  document.addEventListener("drop", (event) => {
    const list = $("[data-drop]", event.target.closest(".column") || document.createElement("p"));
    if (!list) return;
    event.preventDefault();
    move(dragged, list.dataset.drop);
    dragged = "";
  });
})();
