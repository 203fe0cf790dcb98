"use strict";
// The state comes from the run twice a second; each part of the page shows its part of it.

const PARTS = [
  ["rows", "rows", "in files"],
  ["on_the_way", "way", "on the way"],
  ["dead_letters", "dead", "dead letters"],
  ["filtered", "filtered", "filtered"],
  ["dropped", "dropped", "left out by the transform"],
];

function showPhase(state) {
  const pill = byId("phase");
  pill.dataset.kind = state.kind;
  put(pill, state.ended ? state.over.verdict : state.phase);
  put(byId("elapsed"), elapsed(state.seconds));
  put(byId("source"), state.source);
  put(byId("said"), state.ended ? "" : state.said.join("\n"));
}

function showEvents(counts, over) {
  put(byId("received"), count(counts.received));
  const bar = byId("bar"), legend = byId("legend");
  const parts = PARTS.filter(([key]) => key === "on_the_way" ? !over : key !== "dropped" || counts.dropped);
  if (changed("parts", parts)) {
    bar.replaceChildren(...parts.map(([, css]) => make("span", "c-" + css)));
    legend.replaceChildren(...parts.map(([, css, name]) => {
      const part = make("div");
      part.append(make("i", "c-" + css), make("dt", "", name), make("dd", "figure"));
      return part;
    }));
  }
  parts.forEach(([key, css], n) => {
    bar.children[n].style.flexGrow = counts[key];
    bar.children[n].className = "c-" + css + (counts[key] ? " some" : "");
    put(legend.children[n].lastElementChild, count(counts[key]));
  });
  bar.setAttribute("aria-label", parts.map(([key, , name]) => count(counts[key]) + " " + name).join(", "));
}

function showLost(counts, over) {
  const lost = byId("lost");
  const gaps = counts ? counts.gaps : 0;
  put(lost, over ? count(over.lost) : gaps ? "?" : "0");
  lost.dataset.kind = (over ? over.lost === 0 || (over.ok && over.lost === null) : !gaps) ? "good" : "bad";
  put(byId("lost-note"), over ? over.lost_note
    : gaps ? "the source no longer had a part of the stream" : "known so far; counted at the end");
}

function showNow(counts, series) {
  const last = (name) => (series[name].length ? series[name][series[name].length - 1] : null);
  put(byId("now-in"), rate(last("in")));
  put(byId("now-out"), rate(last("out")));
  put(byId("now-lag"), seconds(counts.lag));
  put(byId("now-depth"), count(counts.depth));
  line(byId("line-in"), series.in, "events a second", rate, 1);
  line(byId("line-out"), series.out, "rows a second", rate, 1);
  line(byId("line-lag"), series.lag, "lag in seconds", seconds, 1);
  line(byId("line-depth"), series.depth, "messages in the queue", count, 10);
}

const NUMBER = /^-?[0-9]+(\.[0-9]+)?$/;

function showRows(rows) {
  if (!changed("rows", rows)) return;
  put(byId("rows-name"), rows.note ? rows.name + ": " + rows.note : rows.name || "none yet");
  byId("rows-box").hidden = !rows.rows.length;
  const numeric = rows.columns.map((_, n) => rows.rows.every((row) => row[n] === "" || NUMBER.test(row[n])));
  byId("rows-head").replaceChildren(...rows.columns.map((name, n) => {
    const head = foreign("th", numeric[n] ? "number" : "", name);
    head.scope = "col";
    return head;
  }));
  byId("rows-body").replaceChildren(...rows.rows.map((row) => {
    const tr = make("tr");
    tr.append(...row.map((text, n) => {
      const cell = foreign("td", numeric[n] ? "number" : "", text);
      if (text.length > 24) cell.title = text;
      return cell;
    }));
    return tr;
  }));
}

function showFiles(files, counts) {
  put(byId("files-sum"), counts.objects ? count(counts.objects) + " · " + bytes(counts.object_bytes) : "");
  byId("files-none").hidden = files.length > 0;
  if (!changed("files", files)) return;
  byId("files").replaceChildren(...files.map((file) => {
    const item = make("li");
    const path = foreign("span", "path");
    // A name breaks after a slash first.
    file.name.split(/(?<=\/)/).forEach((part, n) => path.append(...(n ? [make("wbr"), part] : [part])));
    item.append(make("span", "time", clock(file.at)), path, make("span", "", bytes(file.bytes)));
    return item;
  }));
}

function showDead(dead, counts) {
  put(byId("dead-sum"), counts.dead_letters ? count(counts.dead_letters) : "");
  byId("dead-none").hidden = dead.reasons.length + dead.some.length > 0;
  if (!changed("dead", dead)) return;
  byId("dead-reasons").replaceChildren(...dead.reasons.map((entry) => {
    const tr = make("tr");
    tr.append(foreign("td", "", entry.reason), make("td", "number", count(entry.count)));
    return tr;
  }));
  byId("dead-some").replaceChildren(...dead.some.map((letter) => {
    const item = make("li");
    item.append(foreign("b", "", letter.reason), " ", foreign("span", "", letter.detail), foreign("code", "", letter.body));
    return item;
  }));
}

function showAccount(over, ended) {
  if (!over || !changed("over", [over, ended])) return;
  const card = byId("account");
  card.hidden = false;
  card.classList.toggle("bad", !over.ok);
  put(byId("account-title"), (!ended ? "Account: " : over.ok ? "Done: " : "Ended: ") + over.verdict);
  byId("account-lines").replaceChildren(...over.lines.map((entry) => {
    const tr = make("tr");
    tr.append(make("td", "", entry.name), make("td", "number", count(entry.count)), make("td", "note", entry.note));
    return tr;
  }));
  put(byId("account-said"), over.said.join("\n"));
}

function show(state) {
  showPhase(state);
  showAccount(state.over, state.ended);
  showLost(state.counts, state.over);
  if (!state.counts) return;
  showEvents(state.counts, state.over);
  showNow(state.counts, state.series);
  showRows(state.rows);
  showFiles(state.files, state.counts);
  showDead(state.dead_letters, state.counts);
}

const stream = new EventSource("/api/events");
stream.onmessage = (message) => {
  const state = JSON.parse(message.data);
  show(state);
  if (state.ended) stream.close();
};
stream.onerror = () => {
  byId("phase").dataset.kind = "bad";
  put(byId("phase"), "the run does not answer");
};
