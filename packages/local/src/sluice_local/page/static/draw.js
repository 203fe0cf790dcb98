"use strict";
// Small things to draw with. Text only ever goes in as text.

const byId = (id) => document.getElementById(id);

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// A stranger's text: it is laid out in its own direction, apart from its neighbours.
function foreign(tag, className, text) {
  const element = make(tag, className, text);
  element.dir = "auto";
  return element;
}

// Draws again only what has changed, so that a selection and a scroll position stay.
const drawn = new Map();
function changed(name, value) {
  const text = JSON.stringify(value);
  if (drawn.get(name) === text) return false;
  drawn.set(name, text);
  return true;
}

const whole = new Intl.NumberFormat("en");
const one = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const count = (n) => (n === null || n === undefined ? "–" : whole.format(n));
const rate = (n) => (n === null || n === undefined ? "–" : n < 10 ? one.format(n) : whole.format(Math.round(n)));
const seconds = (n) => (n === null || n === undefined ? "–" : one.format(n));

function bytes(n) {
  let size = n || 0;
  for (const unit of ["B", "KiB", "MiB"]) {
    if (size < 1024) return (unit === "B" ? whole : one).format(size) + " " + unit;
    size /= 1024;
  }
  return one.format(size) + " GiB";
}

function clock(epoch) {
  return epoch === null ? "" : new Date(epoch * 1000).toLocaleTimeString("en-GB");
}

function elapsed(total) {
  const s = Math.floor(total);
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  return (hours ? hours + ":" + two(Math.floor(s / 60) % 60) : String(Math.floor(s / 60))) + ":" + two(s % 60);
}

// A line from zero to its own greatest value, `least` at least, so that noise stays small; a gap where nothing is known.
function line(svg, values, what, format, least) {
  const width = Math.max(values.length - 1, 29), height = 36;
  svg.setAttribute("viewBox", "0 0 " + width + " " + height);
  svg.setAttribute("preserveAspectRatio", "none");
  const known = values.filter((v) => v !== null);
  const top = Math.max(...known, least);
  let path = "", under = "", open = false, last = 0;
  values.forEach((value, n) => {
    const x = width - (values.length - 1 - n);
    if (value === null) { if (open) under += "L" + last + " " + height + "Z"; open = false; return; }
    const y = (height - 1 - (value / top) * (height - 2)).toFixed(1);
    path += (open ? "L" : "M") + x + " " + y;
    under += open ? "L" + x + " " + y : "M" + x + " " + height + "L" + x + " " + y;
    open = true;
    last = x;
  });
  if (open) under += "L" + last + " " + height + "Z";
  while (svg.childElementCount < 2) svg.append(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  svg.children[0].setAttribute("class", "under");
  svg.children[0].setAttribute("d", under);
  svg.children[1].setAttribute("d", path);
  const said = known.length ? "between " + format(Math.min(...known)) + " and " + format(Math.max(...known)) : "not known";
  svg.setAttribute("aria-label", what + " in the last two minutes: " + said);
}
