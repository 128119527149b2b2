// Cards of reviewed pictures: filter, sort, judge, save, load. Verdicts are the file's (`run.verdicts`) and, over them, this browser's changes.
(() => {
  "use strict";
  const AT_ONCE = 48, LONGEST_NOTE = 2000;
  const by = (id) => document.getElementById(id);
  const run = JSON.parse(by("run").textContent);
  by("run").remove();
  const place = `atelier3d align ${run.key}`;
  const filed = new Map(Object.entries(run.verdicts));
  const pictures = run.pictures.map((picture, index) => ({ ...picture, index, byRule: new Map(picture.scores.map((score) => [score.rule, score])) }));
  const pictureOf = new Map(pictures.map((picture) => [picture.id, picture])), cards = new Map();
  let changes = new Map(), order = [], built = 0, ascending = true;

  // What was said, and keeping it.
  const same = (one, other) => (one && other ? one.verdict === other.verdict && one.note === other.note : !one && !other);
  const judgement = (id) => (changes.has(id) ? changes.get(id) : filed.get(id)) ?? null;
  const everything = () => {
    const all = new Map(filed);
    for (const [id, said] of changes) said ? all.set(id, said) : all.delete(id);
    return new Map([...all].sort(([one], [other]) => (one < other ? -1 : 1)));
  };
  const note = (id, said) => (same(filed.get(id), said) ? changes.delete(id) : changes.set(id, said));
  const remember = () => {
    try {
      localStorage.setItem(place, JSON.stringify([...changes]));
    } catch {
      say("This browser keeps nothing for this page: save before you leave it.", true);
    }
  };
  const recall = () => {
    try {
      for (const [id, said] of JSON.parse(localStorage.getItem(place) ?? "[]")) note(id, said);
    } catch {
      changes = new Map();
    }
  };
  const judge = (id, said) => {
    note(id, said);
    remember();
    if (cards.has(id)) paint(id);
    count();
  };
  const say = (text, trouble = false) => {
    by("said").textContent = text;
    by("said").classList.toggle("trouble", trouble);
  };

  // Cards. Names and captions are strangers' words: they enter as text, never as markup.
  const made = (tag, className = "", text = "") => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text) element.textContent = text;
    return element;
  };
  const rounded = (value) => {
    if (Number.isInteger(value)) return String(value);
    return Math.abs(value) < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  };
  const fails = ({ rule, score, threshold }) => {
    const keep = run.rules[rule]?.keep;
    if (threshold === null) return false;
    return keep === "at_least" ? score < threshold : keep === "at_most" && score > threshold;
  };
  const scoreRow = (score) => {
    const row = made("tr", fails(score) ? "fails" : "");
    const sign = { at_least: "\u2265 ", at_most: "\u2264 " }[run.rules[score.rule]?.keep] ?? "";
    row.title = run.rules[score.rule]?.meaning ?? "";
    const limit = score.threshold === null ? "" : sign + rounded(score.threshold);
    row.append(...[score.rule, rounded(score.score), limit].map((text) => made("td", "", text)));
    return row;
  };
  const unmeasuredRow = (rule) => {
    const row = made("tr");
    row.title = "not measured: another rule had dropped the picture";
    row.append(...[rule, "\u2013", ""].map((text) => made("td", "", text)));
    return row;
  };
  const shot = (picture) => {
    if (!picture.jpeg) return made("div", "shot", "no preview");
    const image = made("img", "shot");
    image.loading = "lazy";
    image.decoding = "async";
    image.alt = `${picture.item || picture.id}, ${picture.verdict}`;
    image.src = `data:image/jpeg;base64,${picture.jpeg}`;
    image.addEventListener("click", () => enlarge(picture));
    return image;
  };
  const status = (picture) => {
    const line = made("p", `status ${picture.verdict}`);
    line.append(made("b", "", picture.verdict === "kept" ? "kept" : `dropped by ${picture.rule}`));
    if (picture.message) line.append(`: ${picture.message}`);
    return line;
  };
  const judging = (picture) => {
    const box = made("div", "judge");
    for (const verdict of ["keep", "drop"]) {
      const button = made("button", `says-${verdict}`, { keep: "Keep", drop: "Drop" }[verdict]);
      button.type = "button";
      button.addEventListener("click", () => toggle(picture.id, verdict));
      box.append(button);
    }
    const words = made("input");
    words.placeholder = "note";
    words.maxLength = LONGEST_NOTE;
    words.setAttribute("aria-label", `Note on ${picture.item || picture.id}`);
    words.addEventListener("input", () => judge(picture.id, { verdict: judgement(picture.id).verdict, note: words.value }));
    box.append(words);
    return box;
  };
  const card = (picture) => {
    if (cards.has(picture.id)) return cards.get(picture.id);
    const element = made("article", "card");
    element.tabIndex = -1;
    element.dataset.id = picture.id;
    const name = made("h2", "", picture.item || "(no name)");
    const caption = made("p", "caption", picture.caption);
    name.dir = caption.dir = "auto";
    [name.title, caption.title] = [picture.item, picture.caption];
    const table = made("table");
    table.append(...picture.scores.map(scoreRow), ...picture.unmeasured.map(unmeasuredRow));
    const origin = made("p", "origin", [picture.source, picture.licence, picture.attribution].filter(Boolean).join(" \u00b7 "));
    const id = made("code", "", picture.id);
    origin.append(made("br"), id);
    caption.hidden = !picture.caption;
    element.append(shot(picture), name, judging(picture), made("p", "unheeded"), status(picture), table, caption, origin);
    cards.set(picture.id, element);
    paint(picture.id);
    return element;
  };
  const paint = (id) => {
    const element = cards.get(id), said = judgement(id), picture = pictureOf.get(id);
    for (const verdict of ["keep", "drop"]) {
      element.classList.toggle(verdict, said?.verdict === verdict);
      element.querySelector(`.says-${verdict}`).setAttribute("aria-pressed", String(said?.verdict === verdict));
    }
    const words = element.querySelector("input");
    words.disabled = !said;
    if (words.value !== (said?.note ?? "")) words.value = said?.note ?? "";
    const unheeded = said?.verdict === "keep" && picture.missing;
    element.querySelector(".unheeded").hidden = !unheeded;
    element.querySelector(".unheeded").textContent = unheeded ? "A rerun cannot keep it: there is nothing to keep." : "";
  };
  const toggle = (id, verdict) => {
    const said = judgement(id);
    judge(id, said?.verdict === verdict ? null : { verdict, note: said?.note ?? "" });
  };
  const enlarge = (picture) => {
    if (!picture.jpeg) return;
    by("large").firstElementChild.src = `data:image/jpeg;base64,${picture.jpeg}`;
    by("large").showModal();
  };
  by("large").addEventListener("click", () => by("large").close());

  // Which pictures, in which order.
  const wanted = (picture) => {
    const said = judgement(picture.id)?.verdict ?? "none", words = by("search").value.trim().toLowerCase();
    const against = (said === "keep" && picture.verdict === "dropped") || (said === "drop" && picture.verdict === "kept");
    return (
      (!by("verdict").value || picture.verdict === by("verdict").value) &&
      (!by("rule").value || picture.rule === by("rule").value) &&
      (!by("human").value || (by("human").value === "against" ? against : said === by("human").value)) &&
      (!words || `${picture.id} ${picture.item} ${picture.caption}`.toLowerCase().includes(words))
    );
  };
  const compared = (one, other) => {
    const rule = by("order").value, turned = ascending ? 1 : -1;
    if (!rule) return turned * (one.index - other.index);
    if (rule === "name") return turned * one.item.localeCompare(other.item, "en") || one.index - other.index;
    const [left, right] = [one.byRule.get(rule.slice(6)), other.byRule.get(rule.slice(6))];
    if (!left || !right) return !left - !right || one.index - other.index;
    return turned * (left.score - right.score) || one.index - other.index;
  };
  const ends = new IntersectionObserver((seen) => seen[0].isIntersecting && build(built + AT_ONCE), { rootMargin: "1200px" });
  const build = (count) => {
    const next = order.slice(built, count);
    built += next.length;
    by("grid").append(...next.map(card));
    ends.unobserve(by("more"));
    if (built < order.length) ends.observe(by("more"));
  };
  const arrange = () => {
    order = pictures.filter(wanted).sort(compared);
    built = 0;
    by("grid").replaceChildren();
    build(AT_ONCE);
    if (built) by("grid").firstElementChild.tabIndex = 0;
    by("nothing").hidden = order.length > 0;
    by("shown").textContent = `${order.length.toLocaleString("en")} of ${pictures.length.toLocaleString("en")} shown`;
    const directions = { "": ["last to first", "first to last"], name: ["Z to A", "A to Z"] }[by("order").value] ?? ["highest first", "lowest first"];
    by("direction").textContent = directions[+ascending];
    for (const button of document.querySelectorAll(".funnel button")) {
      button.setAttribute("aria-pressed", String(button.dataset.verdict === by("verdict").value && button.dataset.rule === by("rule").value));
    }
  };
  const count = () => {
    const all = [...everything().values()], keeps = all.filter((said) => said.verdict === "keep").length;
    const unsaved = changes.size ? `, ${changes.size} ${changes.size > 1 ? "changes" : "change"} since the file of this run` : "";
    const nothing = !all.length && !changes.size;
    by("judged").textContent = nothing ? "nothing judged yet" : `${all.length} judged: ${keeps} keep, ${all.length - keeps} drop${unsaved}`;
  };

  // The file.
  by("save").addEventListener("click", () => {
    const all = everything(), link = made("a");
    const text = `${JSON.stringify({ version: 1, verdicts: Object.fromEntries(all) }, null, 1)}\n`;
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = "verdicts.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    say(`Saved ${all.size} verdicts as verdicts.json.`);
  });
  const readVerdicts = (text) => {
    const content = JSON.parse(text);
    const right = content?.version === 1 && typeof content.verdicts === "object" && content.verdicts !== null;
    if (!right) throw new Error("it is no file of verdicts of version 1");
    return Object.entries(content.verdicts).map(([id, entry]) => {
      const words = entry?.note ?? "";
      if (!["keep", "drop"].includes(entry?.verdict)) throw new Error(`entry "${id}": the verdict must be keep or drop`);
      if (typeof words !== "string" || words.length > LONGEST_NOTE) throw new Error(`entry "${id}": the note is no text, or too long`);
      return [id, { verdict: entry.verdict, note: words }];
    });
  };
  by("load").addEventListener("change", async () => {
    const [file] = by("load").files;
    try {
      const loaded = readVerdicts(await file.text()), here = loaded.filter(([id]) => pictureOf.has(id));
      for (const [id, said] of loaded) note(id, said);
      remember();
      arrange();
      [...cards.keys()].forEach(paint);
      count();
      say(`Loaded ${loaded.length} verdicts, ${here.length} on pictures of this page.`);
    } catch (error) {
      say(`${file.name} was not loaded: ${error.message}. Nothing has changed.`, true);
    }
    by("load").value = "";
  });

  // Keys.
  const focused = () => document.activeElement?.closest?.(".card");
  const walk = (steps) => {
    const all = by("grid").children, from = focused();
    const to = from ? [...all].indexOf(from) + steps : 0;
    if (to >= built) build(to + AT_ONCE);
    const next = all[Math.min(Math.max(to, 0), built - 1)];
    if (!next) return;
    for (const other of by("grid").querySelectorAll('.card[tabindex="0"]')) other.tabIndex = -1;
    next.tabIndex = 0;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };
  const columns = () => getComputedStyle(by("grid")).gridTemplateColumns.split(" ").length;
  const decide = (verdict) => {
    const id = focused().dataset.id;
    if (judgement(id)?.verdict !== verdict) toggle(id, verdict);
    walk(1);
  };
  const keys = { ArrowRight: () => walk(1), ArrowLeft: () => walk(-1), ArrowDown: () => walk(columns()), ArrowUp: () => walk(-columns()) };
  const cardKeys = {
    k: () => decide("keep"),
    d: () => decide("drop"),
    u: () => judge(focused().dataset.id, null),
    n: () => focused().querySelector("input").focus(),
    Enter: () => enlarge(pictureOf.get(focused().dataset.id)),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || by("large").open) return;
    if (event.target.matches("input, select, textarea")) {
      if (event.key === "Escape") event.target.closest(".card")?.focus();
      return;
    }
    if (event.key === "Enter" && event.target.matches("button, a")) return;
    const action = keys[event.key] ?? (focused() ? cardKeys[event.key] : undefined);
    if (!action) return;
    event.preventDefault();
    action();
  });
  by("grid").addEventListener("focusin", (event) => {
    const now = event.target.closest(".card");
    for (const other of by("grid").querySelectorAll('.card[tabindex="0"]')) if (other !== now) other.tabIndex = -1;
    now.tabIndex = 0;
  });

  // Lists, and the start.
  const rules = [...document.querySelectorAll(".funnel .dropped button")].map((button) => button.dataset.rule);
  const measured = new Set(pictures.flatMap((picture) => [...picture.byRule.keys()]));
  by("rule").append(...rules.map((rule) => new Option(rule, rule)));
  by("order").append(...[...measured].map((rule) => new Option(`score ${rule}`, `score:${rule}`)));
  by("all-scores").addEventListener("change", () => by("grid").classList.toggle("failing-alone", !by("all-scores").checked));
  for (const id of ["verdict", "rule", "human", "order"]) by(id).addEventListener("change", arrange);
  by("search").addEventListener("input", arrange);
  by("direction").addEventListener("click", () => {
    ascending = !ascending;
    arrange();
  });
  for (const button of document.querySelectorAll(".funnel button")) {
    button.addEventListener("click", () => {
      by("verdict").value = button.dataset.verdict;
      by("rule").value = button.dataset.rule;
      arrange();
    });
  }
  recall();
  arrange();
  count();
})();
