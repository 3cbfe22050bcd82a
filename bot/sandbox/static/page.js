// The page's script: sends what a person does to the sandbox, and puts what the server pushes in its place.
// All HTML is made on the server; nothing here builds markup from messages.
"use strict";

(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const state = document.body.dataset;
  const drafts = new Map();
  let source = null;
  let fresh = 0;

  // -- talking to the server ------------------------------------------------------------------------------

  function toast(text, kind = "") {
    const line = document.createElement("div");
    line.className = `toast ${kind}`;
    line.textContent = text;
    $("#toasts").append(line);
    setTimeout(() => line.remove(), 6000);
  }

  async function send(path, body, method = "POST") {
    let answer;
    try {
      const response = await fetch(path, {
        method,
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      answer = await response.json();
    } catch {
      answer = { ok: false, error: "no_connection" };
    }
    return answer;
  }

  const PLAIN = {
    no_connection: "The sandbox does not answer.",
    operation_timeout: "The app did not answer within 3 seconds.",
    dispatch_failed: "The app is not connected, so nobody heard that.",
    unknown_command: "There is no such command.",
    http_error: "The app answered with an error.",
  };

  async function act(path, body, control) {
    control?.setAttribute("aria-busy", "true");
    const answer = await send(path, { user: state.user, ...body });
    control?.removeAttribute("aria-busy");
    if (answer.ok === false && !answer.errors && !answer.ephemerals?.length) {
      toast(PLAIN[answer.error] || `That was refused: ${answer.error}`, "bad");
    }
    return answer;
  }

  // -- pushes ---------------------------------------------------------------------------------------------

  const stream = () => new URL(state.stream, location.href).href;

  function connect() {
    source?.close();
    source = new EventSource(`${stream()}&after=${encodeURIComponent(state.version)}`);
    source.onopen = () => ($("#lost").hidden = true);
    source.onerror = () => ($("#lost").hidden = false);
    source.onmessage = (event) => apply(JSON.parse(event.data));
  }

  function apply(push) {
    for (const id of ["log", "thread-log"]) if (push[id]) rows($(`#${id}`), push[id]);
    for (const [id, html] of Object.entries(push.regions || {})) {
      const region = document.getElementById(id);
      if (region) Morph.inside(region, html);
    }
    settle();
  }

  function rows(pane, push) {
    if (!pane) return;
    const list = $(".rows", pane);
    const low = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 80;
    let added = 0;
    for (const id of push.gone) document.getElementById(id)?.remove();
    if (push.full) {
      const kept = new Set(push.rows.map(([id]) => id));
      for (const row of [...list.children]) if (!kept.has(row.id)) row.remove();
    }
    for (const [id, html] of push.rows) {
      const row = Morph.element(html);
      const old = document.getElementById(id);
      if (!old) {
        insert(list, row);
        added += 1;
      } else if (!old.isEqualNode(row)) {
        const before = $(".main", old)?.textContent;
        Morph.node(old, row);
        if ($(".main", old)?.textContent !== before) flash(old);
      }
    }
    if (low) lowest(pane);
    else if (added && pane.id === "log") remind(added);
  }

  function insert(list, row) {
    let after = list.lastElementChild;
    while (after && after.dataset.ts > row.dataset.ts) after = after.previousElementSibling;
    if (after) after.after(row);
    else list.prepend(row);
    row.classList.add("new");
  }

  function flash(row) {
    row.classList.remove("changed");
    void row.offsetWidth; // start the animation anew
    row.classList.add("changed");
  }

  function remind(added) {
    fresh += added;
    const button = $("[data-bottom]");
    if (!button) return;
    button.textContent = `↓ ${fresh} new ${fresh === 1 ? "message" : "messages"}`;
    button.hidden = false;
  }

  // Rows get their real height when they are first drawn, cards grow: who was at the end stays at the end.
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const pane = target.closest(".pane");
      if (pane.dataset.low) pane.scrollTop = pane.scrollHeight;
    }
  });

  function watch() {
    sizes.disconnect();
    for (const pane of $$("#log, #thread-log")) {
      sizes.observe($(".rows", pane));
      sizes.observe(pane);
    }
  }

  function lowest(pane) {
    if (!pane) return;
    pane.dataset.low = "1";
    pane.scrollTop = pane.scrollHeight;
  }

  function bottom() {
    lowest($("#log"));
    fresh = 0;
    const button = $("[data-bottom]");
    if (button) button.hidden = true;
  }

  // What follows from the page's content and is not in the server's HTML.
  function settle() {
    const modal = $("#modal");
    const form = $("form", modal);
    if (form && !modal.open) modal.showModal();
    if (!form && modal.open) modal.close();
    if (form && form.dataset.seen !== form.id) {
      form.dataset.seen = form.id;
      ($("[autofocus]", form) || $(".view-blocks :is(input, select, textarea, button)", form) || $("[data-submit]", form))?.focus();
    }
    const wrong = form && $(".invalid :is(input, select, textarea)", form);
    if (wrong && !wrong.closest(".invalid").dataset.told) {
      wrong.closest(".invalid").dataset.told = "1";
      wrong.focus();
    }
    unread();
    $$("table[data-page-size]").forEach(turnPage);
  }

  function unread() {
    const key = `seen:${state.user}`;
    const stored = localStorage.getItem(key);
    const seen = JSON.parse(stored || "{}");
    for (const item of $$("[data-key]")) {
      const { key: id, latest } = item.dataset;
      if (item.classList.contains("here") || !stored) seen[id] = latest;
      const dot = Boolean(latest) && latest > (seen[id] || "");
      item.classList.toggle("unread", dot);
      $(".says-unread", item).hidden = !dot;
    }
    localStorage.setItem(key, JSON.stringify(seen));
  }

  // -- moving between channels ----------------------------------------------------------------------------

  async function visit(address, push = true) {
    const box = $("#composer-text");
    if (box) drafts.set(`${state.user}/${state.channel}`, box.value);
    let html;
    try {
      const response = await fetch(address);
      html = await response.text();
      address = response.url;
    } catch {
      toast(PLAIN.no_connection, "bad");
      return;
    }
    const page = new DOMParser().parseFromString(html, "text/html");
    const moved = page.body.dataset.channel !== state.channel || page.body.dataset.home !== state.home;
    const asked = page.body.dataset.home && (!state.home || page.body.dataset.user !== state.user);
    const thread = page.body.dataset.thread && page.body.dataset.thread !== state.thread;
    source?.close();
    if (moved) $("#log, .home-pane")?.remove();
    Morph.node(document.body, page.body);
    document.title = page.title;
    if (push) history.pushState(null, "", address);
    document.body.classList.remove("nav");
    connect();
    settle();
    if (moved) bottom();
    const next = $("#composer-text");
    if (next && moved) {
      next.value = drafts.get(`${state.user}/${state.channel}`) || "";
      grow(next);
    }
    watch();
    if (thread) {
      lowest($("#thread-log"));
      $("#thread-text").focus();
    }
    if (asked) act("/_sandbox/home", {});
    point();
  }

  // A permalink leads to one message.
  function point() {
    const ts = new URL(location.href).searchParams.get("at");
    const row = ts && [`t-${ts}`, `m-${ts}`].map((id) => document.getElementById(id)).find(Boolean);
    if (!row) return;
    delete row.closest(".pane").dataset.low;
    row.scrollIntoView({ block: "center" });
    flash(row);
  }

  // Where a link leads in this window, or nothing: a permalink that the app got from the API is one of ours.
  function inside(link) {
    if (link.dataset.visit !== undefined) return link.href;
    const to = new URL(link.href);
    if (to.origin !== location.origin) return null;
    if (!to.searchParams.has("user")) to.searchParams.set("user", new URL(stream()).searchParams.get("user"));
    if (/^\/($|archives\/)/.test(to.pathname)) return to.href;
    link.href = to.href; // the ticket opens beside this page, for the same person
    return null;
  }

  addEventListener("popstate", () => visit(location.href, false));

  // -- acting ---------------------------------------------------------------------------------------------

  // Where an element of Block Kit stands: in a message, in App Home or in a modal.
  function place(element) {
    const article = element.closest("article[data-ts]");
    if (article) return { channel: article.dataset.channel, ts: article.dataset.ts };
    const view = element.closest("[data-view]");
    return view ? { view_id: view.dataset.view } : {};
  }

  function ask(raw) {
    const { title, html, confirm, deny, style } = JSON.parse(raw);
    const dialog = $("#confirm");
    $("h2", dialog).textContent = title;
    $(".text", dialog).innerHTML = html; // rendered and escaped by the server
    const [no, yes] = $$("button", dialog);
    no.textContent = deny;
    yes.textContent = confirm;
    yes.className = `btn ${style === "danger" ? "danger" : "primary"}`;
    dialog.returnValue = "";
    dialog.showModal();
    (style === "danger" ? no : yes).focus();
    return new Promise((done) => {
      dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true });
    });
  }

  async function action(element, value) {
    closeMenus();
    if (element.dataset.confirm && !(await ask(element.dataset.confirm))) return;
    const where = place(element);
    const body = { ...where, action_id: element.dataset.actionId, block_id: element.dataset.blockId, value };
    if (where.view_id) body.values = values($(`[data-view="${where.view_id}"]`));
    act("/_sandbox/action", body, element);
  }

  // -- fields ---------------------------------------------------------------------------------------------

  const option = (element) => JSON.parse(element.dataset.option || "null");
  const checked = (field) => $$("input:checked", field);
  const text = (field) => field.value || null;
  const WHAT = { users: "user", channels: "channel", conversations: "conversation" };

  // One field as Slack keeps it in view.state.values; https://docs.slack.dev/reference/interaction-payloads
  function value(field) {
    const type = field.dataset.field;
    const kind = /^(multi_)?(users|channels|conversations)_select$/.exec(type);
    if (kind?.[1]) return { type, [`selected_${kind[2]}`]: checked(field).map((box) => box.value) };
    if (kind) return { type, [`selected_${WHAT[kind[2]]}`]: text(field) };
    if (type.startsWith("multi_") || type === "checkboxes") return { type, selected_options: checked(field).map(option) };
    if (type === "radio_buttons") return { type, selected_option: checked(field).map(option)[0] || null };
    if (type.endsWith("_select")) return { type, selected_option: option(field.selectedOptions[0]) };
    if (type === "datepicker") return { type, selected_date: text(field) };
    if (type === "timepicker") return { type, selected_time: text(field) };
    if (type === "datetimepicker") return { type, selected_date_time: epoch(field.value) };
    if (type === "rich_text_input") return { type, rich_text_value: rich(field.value) };
    return { type, value: text(field) };
  }

  function simple(field) {
    const found = value(field);
    const key = Object.keys(found).find((name) => name !== "type");
    const plain = (item) => (item && typeof item === "object" ? item.value : item);
    return Array.isArray(found[key]) ? found[key].map(plain) : plain(found[key]);
  }

  function values(view) {
    const found = {};
    for (const field of $$("[data-field]:not([data-field=file_input])", view)) {
      const { blockId, actionId } = field.dataset;
      (found[blockId] ||= {})[actionId] = value(field);
    }
    return found;
  }

  function rich(typed) {
    if (!typed) return null;
    const section = { type: "rich_text_section", elements: [{ type: "text", text: typed }] };
    return { type: "rich_text", elements: [section] };
  }

  // A date and hour typed in the reader's zone, which need not be the browser's.
  function epoch(local) {
    if (!local) return null;
    const wanted = Date.parse(`${local}Z`);
    const shown = (at) => {
      const parts = new Intl.DateTimeFormat("sv", { timeZone: state.zone, dateStyle: "short", timeStyle: "medium" });
      return Date.parse(`${parts.format(at).replace(" ", "T")}Z`);
    };
    let guess = wanted - (shown(wanted) - wanted);
    guess += wanted - shown(guess);
    return Math.round(guess / 1000);
  }

  async function submit(form) {
    let first = null;
    for (const block of $$("[data-required=true], [data-required='']", form)) {
      const field = $("[data-field]", block);
      const found = field && field.dataset.field !== "file_input" ? simple(field) : true;
      if (found !== null && found !== undefined && found !== "" && !(Array.isArray(found) && !found.length)) continue;
      complain(block, "Please complete this required field.");
      first ||= field;
    }
    if (first) return first.focus();
    await act("/_sandbox/submit", { view_id: form.dataset.view, values: values(form) }, $("[data-submit]", form));
  }

  function complain(block, message) {
    let line = $(".error", block);
    if (!line) {
      line = document.createElement("p");
      line.className = "error";
      line.setAttribute("role", "alert");
      line.id = `${$("[data-field]", block)?.id}-error`;
      block.append(line);
    }
    line.textContent = message;
    block.classList.add("invalid");
  }

  function cancel() {
    const form = $("#modal form");
    if (form) act("/_sandbox/close", { view_id: form.dataset.view });
  }

  $("#modal").addEventListener("cancel", (event) => {
    event.preventDefault();
    cancel();
  });

  // -- menus ----------------------------------------------------------------------------------------------

  function openMenu(button, list) {
    closeMenus();
    button.setAttribute("aria-expanded", "true");
    button.parentElement.dataset.open = "1";
    list.hidden = false;
    const box = list.getBoundingClientRect();
    list.classList.toggle("up", box.bottom > innerHeight - 8);
    list.classList.toggle("left", box.right > innerWidth - 8);
    $("[role=menuitem]", list)?.focus();
  }

  function closeMenus(focus = false) {
    for (const open of $$("[data-open]")) {
      delete open.dataset.open;
      const button = $("[aria-haspopup]", open);
      button?.setAttribute("aria-expanded", "false");
      if (focus) button?.focus();
      const list = $("[role=menu]", open);
      if (list?.classList.contains("message-menu")) list.remove();
      else if (list) list.hidden = true;
    }
  }

  function messageMenu(button) {
    const list = document.createElement("span");
    list.setAttribute("role", "menu");
    list.className = "message-menu";
    const add = (label, run) => {
      const item = document.createElement("button");
      item.type = "button";
      item.textContent = label;
      item.setAttribute("role", "menuitem");
      item.tabIndex = -1;
      item.addEventListener("click", () => (closeMenus(true), run()));
      list.append(item);
    };
    const where = place(button);
    for (const { id, name } of JSON.parse(state.shortcuts)) {
      add(name, () => act("/_sandbox/shortcut", { ...where, callback_id: id }));
    }
    add("Copy as JSON", () => copyJson(where));
    add("Copy link", () => copy(new URL($(".time", button.closest("article")).href).href, "Link copied."));
    if (button.closest("article").dataset.mine !== undefined) add("Delete message", () => act("/_sandbox/delete", where));
    button.parentElement.append(list);
    openMenu(button, list);
  }

  async function copyJson({ channel, ts }) {
    const response = await fetch(`/_sandbox/page/message?channel=${channel}&ts=${ts}`);
    const json = JSON.stringify(await response.json(), null, 2);
    $("#source pre").textContent = json;
    $("#source").showModal();
    await copy(json, "Message copied as JSON.");
  }

  async function copy(content, told) {
    try {
      await navigator.clipboard.writeText(content);
      toast(told);
    } catch {
      toast("The browser does not let me copy; select the text instead.");
    }
  }

  // -- the message box ------------------------------------------------------------------------------------

  const history_ = [];
  const hintsOf = JSON.parse(state.hints);

  function grow(box) {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 200)}px`;
  }

  async function say(form) {
    const box = $("textarea", form);
    const typed = box.value.trim();
    if (!typed) return;
    const thread = form.dataset.thread;
    const channel = state.channel;
    if (typed.startsWith("/") && thread) {
      toast(`${typed.split(" ")[0]} does not work in threads. Mention the app instead.`, "bad");
      return;
    }
    history_.push(typed);
    box.value = "";
    grow(box);
    suggest(box);
    bottom();
    const body = { channel, text: typed, ...(thread ? { thread_ts: thread } : {}) };
    const answer = await act(typed.startsWith("/") ? "/_sandbox/command" : "/_sandbox/message", body);
    if (answer.ok === false && !box.value) box.value = typed;
  }

  function suggest(box) {
    const form = box.closest("form");
    const list = $(".hints", form);
    const before = box.value.slice(0, box.selectionStart);
    const word = /(^\/\S*|(?:^|\s)[@#]\S*)$/.exec(before)?.[0].trimStart() || "";
    const usable = word && !(word[0] === "/" && form.dataset.thread);
    const found = usable ? (hintsOf[word[0]] || []).filter((hint) => hint.text.startsWith(word) && hint.text !== word) : [];
    const command = /^(\/\S+)\s*$/.exec(before)?.[1];
    const usage = command && (hintsOf["/"] || []).find((hint) => hint.text === command && (hint.hint || hint.about));
    list.replaceChildren();
    for (const hint of found.length ? found.slice(0, 8) : usage ? [usage] : []) {
      const item = document.createElement("div");
      item.id = `${list.id}-${list.children.length}`;
      item.setAttribute("role", "option");
      item.dataset.text = hint === usage ? "" : hint.text;
      for (const [name, part] of [["b", hint.text], ["span", hint.hint], ["small", hint.about]]) {
        if (!part) continue;
        const piece = document.createElement(name);
        piece.textContent = part;
        item.append(piece);
      }
      list.append(item);
    }
    list.hidden = !list.children.length;
    box.setAttribute("aria-expanded", String(!list.hidden));
    choose(box, found.length ? 0 : -1);
  }

  function choose(box, at) {
    const items = $$("[role=option]", box.closest("form"));
    items.forEach((item, place_) => item.setAttribute("aria-selected", String(place_ === at)));
    if (items[at]) box.setAttribute("aria-activedescendant", items[at].id);
    else box.removeAttribute("aria-activedescendant");
  }

  function complete(box, item) {
    const before = box.value.slice(0, box.selectionStart).replace(/\S*$/, `${item.dataset.text} `);
    box.value = before + box.value.slice(box.selectionStart);
    box.setSelectionRange(before.length, before.length);
    suggest(box);
    box.focus();
  }

  function typing(event) {
    const box = event.target;
    const items = $$("[role=option]", box.closest("form")).filter((item) => item.dataset.text);
    const at = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
    if (items.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      choose(box, (at + (event.key === "ArrowDown" ? 1 : items.length - 1)) % items.length);
    } else if (items[at] && (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey))) {
      event.preventDefault();
      complete(box, items[at]);
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      say(box.closest("form"));
    } else if (event.key === "ArrowUp" && !box.value && history_.length) {
      event.preventDefault();
      box.value = history_.at(-1);
    }
  }

  // -- tables ---------------------------------------------------------------------------------------------

  function sortBy(button) {
    const table = button.closest("table");
    const column = Number(button.dataset.sortColumn);
    const down = table.dataset.sorted === `${column}+`;
    table.dataset.sorted = `${column}${down ? "-" : "+"}`;
    table.dataset.page = "0";
    turnPage(table);
  }

  function turnPage(table) {
    const body = table.tBodies[0];
    const all = [...body.rows];
    if (table.dataset.sorted) {
      const column = parseInt(table.dataset.sorted, 10);
      const sign = table.dataset.sorted.endsWith("-") ? -1 : 1;
      const key = (row) => row.cells[column];
      all.sort((one, other) => {
        const [a, b] = [key(one), key(other)];
        const numbers = a?.dataset.number !== undefined && b?.dataset.number !== undefined;
        if (numbers) return sign * (Number(a.dataset.number) - Number(b.dataset.number));
        return sign * (a?.textContent || "").localeCompare(b?.textContent || "", "en", { numeric: true });
      });
      all.forEach((row, at) => body.rows[at] !== row && body.insertBefore(row, body.rows[at]));
      [...table.tHead.rows[0].cells].forEach((cell, at) => {
        if (at === column) cell.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
        else cell.removeAttribute("aria-sort");
      });
    }
    const size = Number(table.dataset.pageSize);
    const pages = Math.max(1, Math.ceil(all.length / size));
    const page = Math.min(Number(table.dataset.page || 0), pages - 1);
    all.forEach((row, at) => (row.hidden = Math.floor(at / size) !== page));
    const pager = $(".pager", table.closest("figure"));
    if (!pager) return;
    $("[data-pages]", pager).textContent = `${page * size + 1}–${Math.min((page + 1) * size, all.length)} of ${all.length}`;
    $("[data-turn='-1']", pager).disabled = page === 0;
    $("[data-turn='1']", pager).disabled = page === pages - 1;
  }

  // -- events ---------------------------------------------------------------------------------------------

  const CLICKS = {
    "[data-bottom]": bottom,
    "[data-menu]": (button) => {
      if (button.getAttribute("aria-expanded") === "true") closeMenus(true);
      else openMenu(button, button.nextElementSibling);
    },
    "[data-message-menu]": (button) => {
      if (button.getAttribute("aria-expanded") === "true") closeMenus(true);
      else messageMenu(button);
    },
    "[data-act]": (button) => action(button, button.dataset.value),
    "[data-cancel]": cancel,
    "[data-react]": (button) => {
      const name = button.dataset.react;
      const given = $(`.pill.mine[data-react="${name}"]`, button.closest("article"));
      act("/_sandbox/react", { ...place(button), name, remove: Boolean(given) }, button);
    },
    "[data-sort-column]": sortBy,
    "[data-turn]": (button) => {
      const table = $("table", button.closest("figure"));
      table.dataset.page = Number(table.dataset.page || 0) + Number(button.dataset.turn);
      turnPage(table);
    },
    "[data-fault]": async (button) => {
      const answer = await send("/_sandbox/faults", JSON.parse(button.dataset.fault), "PUT");
      if (answer.error) toast(`That was refused: ${answer.error}`, "bad");
      else if ("drop_sockets" in JSON.parse(button.dataset.fault)) toast("All sockets were closed; the app connects again.");
    },
    "[data-clock]": (button) => send("/_sandbox/clock", JSON.parse(button.dataset.clock)),
    "[data-story]": (button) => send("/_sandbox/story", { go: Number(button.dataset.story) }),
    "[data-kill]": (button) => send("/_sandbox/story", { kill: true }),
    "[data-nav]": (button) => document.body.classList.toggle("nav", button.dataset.nav === "open"),
    "[role=option]": (item) => item.dataset.text && complete($("textarea", item.closest("form")), item),
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      const address = inside(link);
      if (address) {
        event.preventDefault();
        if (link.dataset.act !== undefined) action(link, link.dataset.value);
        visit(address);
        return;
      }
    }
    if (!event.target.closest("[data-open]")) closeMenus();
    for (const [selector, run] of Object.entries(CLICKS)) {
      const found = event.target.closest(selector);
      if (found) return void run(found);
    }
  });

  document.addEventListener("change", (event) => {
    const field = event.target.closest("[data-field]");
    if (!field) return;
    const summary = $("summary", field);
    if (summary) summary.textContent = checked(field).map((box) => box.labels[0].textContent).join(", ") || summary.dataset.hint;
    if (field.dataset.live !== undefined) action(field, simple(field));
  });

  document.addEventListener("submit", (event) => {
    if (event.target.method === "dialog") return;
    event.preventDefault();
    if (event.target.matches("[data-composer]")) say(event.target);
    if (event.target.matches("#modal form")) submit(event.target);
  });

  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-composer] textarea")) return;
    grow(event.target);
    suggest(event.target);
  });

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (target.matches("[data-composer] textarea")) typing(event);
    const menu = target.closest("[role=menu]");
    if (key === "Escape") {
      const hints = $(".hints:not([hidden])");
      if ($("[data-open]")) closeMenus(true);
      else if (hints) hints.hidden = true;
      else if (document.body.classList.contains("nav")) document.body.classList.remove("nav");
      else if (!$("dialog[open]")) $("[data-close-thread]")?.click();
      return;
    }
    if (menu && ["ArrowDown", "ArrowUp", "Home", "End"].includes(key)) {
      event.preventDefault();
      step($$("[role=menuitem]", menu), target, key);
    }
    const pane = target.closest(".pane");
    if (pane && (target === pane || target.matches("article")) && ["ArrowDown", "ArrowUp", "Home", "End"].includes(key)) {
      const articles = $$("article", pane);
      articles.forEach((article) => (article.tabIndex = -1));
      event.preventDefault();
      step(articles, target, target === pane ? "End" : key, false);
    }
  });

  function step(items, from, key, around = true) {
    const at = items.indexOf(from);
    const last = items.length - 1;
    let to = { Home: 0, End: last, ArrowDown: at + 1, ArrowUp: at - 1 }[key];
    if (around) to = (to + items.length) % items.length;
    items[Math.max(0, Math.min(last, to))]?.focus();
  }

  document.addEventListener("scroll", (event) => {
    const pane = event.target;
    if (pane.id !== "log" && pane.id !== "thread-log") return;
    const low = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 80;
    if (low) pane.dataset.low = "1";
    else delete pane.dataset.low;
    if (low && pane.id === "log") {
      fresh = 0;
      $("[data-bottom]").hidden = true;
    }
  }, true);

  // The sandbox's clock goes on between two pushes.
  const seen = { text: "", at: 0 };
  setInterval(() => {
    const time = $("#clock time");
    if (!time) return;
    if (seen.text !== time.dataset.now) Object.assign(seen, { text: time.dataset.now, at: performance.now() });
    const now = Number(time.dataset.now) * 1000 + (performance.now() - seen.at) * Number(time.dataset.speed);
    const format = { timeZone: state.zone, weekday: "short", day: "numeric", month: "short" };
    const day = new Intl.DateTimeFormat("en-GB", format).format(now).replace(",", "");
    time.textContent = `${day} ${new Intl.DateTimeFormat("en-GB", { timeZone: state.zone, timeStyle: "medium" }).format(now)}`;
  }, 500);

  connect();
  settle();
  bottom();
  lowest($("#thread-log"));
  watch();
  point();
  if (state.home) act("/_sandbox/home", {});
  else if (matchMedia("(hover: hover)").matches) $("#composer-text")?.focus({ preventScroll: true });
})();
