// Turn what is on the page into what the server sent, touching only what differs: so the focus, an open menu,
// typed text, the scroll position and a table's page survive an edit. Children are matched by id, else by place.
"use strict";

const Morph = (() => {
  // State that lives in the browser; the server does not know it and must not reset it.
  const KEPT = new Set(["open", "data-page", "data-sorted", "data-open", "data-low"]);

  function attributes(from, to) {
    for (const { name, value } of [...to.attributes]) {
      if (KEPT.has(name) || from.getAttribute(name) === value) continue;
      from.setAttribute(name, value);
    }
    for (const { name } of [...from.attributes]) {
      if (!KEPT.has(name) && !to.hasAttribute(name)) from.removeAttribute(name);
    }
  }

  function node(from, to) {
    if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName || (from.id || "") !== (to.id || "")) {
      from.replaceWith(to);
      return;
    }
    if (from.nodeType !== Node.ELEMENT_NODE) {
      if (from.data !== to.data) from.data = to.data;
      return;
    }
    if (from.dataset.open || from.isEqualNode(to)) return; // an open menu is left alone until it is closed
    attributes(from, to);
    if (from.nodeName === "TEXTAREA") return;
    children(from, to);
  }

  function children(from, to) {
    const byId = new Map();
    for (const child of from.children) if (child.id) byId.set(child.id, child);
    let at = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      const same = wanted.id && byId.get(wanted.id);
      if (same && same !== at) from.insertBefore(same, at);
      else if (!same && at && (at.id || wanted.id) && at.id !== wanted.id) {
        from.insertBefore(wanted, at);
        continue;
      }
      const here = same || at;
      if (!here) {
        from.appendChild(wanted);
        continue;
      }
      at = here.nextSibling;
      node(here, wanted);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  function parse(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content;
  }

  return {
    node,
    inside: (element, html) => children(element, parse(html)),
    element: (html) => parse(html).firstElementChild,
  };
})();
