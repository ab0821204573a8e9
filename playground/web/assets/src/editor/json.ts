// Reads a JSON text as a tree of places, whatever state it is in: somebody is typing. A string that
// does not end ends with its line, a bracket that is not closed ends with the text, a comma that is
// missing is not missed. What is before the cursor is therefore always understood.

export type Kind = "object" | "array" | "string" | "number" | "word";

export interface Value {
  kind: Kind;
  from: number;
  to: number;
  /** Whether the closing quote or bracket is there. */
  closed: boolean;
  entries: Entry[];
  items: Value[];
  /** The text of a string, unescaped; "" for everything else. */
  text: string;
}

export interface Entry {
  key: string;
  from: number;
  keyTo: number;
  keyClosed: boolean;
  /** Behind the colon, -1 without one. */
  valueFrom: number;
  value: Value | null;
}

const DEEPEST = 300;
const QUOTE = 34;
const BACKSLASH = 92;
const NEWLINE = 10;
const SPACE = 32;
const NUMBER = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;
const ENDS_WORD = /[\s,:{}[\]"]/;

export function readJson(text: string): Value | null {
  return new Reader(text).value(0);
}

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  value(depth: number): Value | null {
    this.skip();
    const first = this.text[this.at];
    if (first === undefined) return null;
    if (depth > DEEPEST) return this.rest();
    if (first === "{") return this.object(depth);
    if (first === "[") return this.array(depth);
    return first === '"' ? this.string() : this.word();
  }

  private skip(): void {
    while (this.text.charCodeAt(this.at) <= SPACE) this.at += 1;
  }

  private rest(): Value {
    const from = this.at;
    this.at = this.text.length;
    return place("word", from, this.at, false);
  }

  private string(): Value {
    const { text } = this;
    const from = this.at;
    this.at += 1;
    for (; this.at < text.length; this.at += 1) {
      const code = text.charCodeAt(this.at);
      if (code === NEWLINE) break;
      if (code === BACKSLASH && text.charCodeAt(this.at + 1) !== NEWLINE) this.at += 1;
      else if (code === QUOTE) {
        this.at += 1;
        const found = place("string", from, this.at, true);
        found.text = unquoted(text.slice(from, this.at));
        return found;
      }
    }
    this.at = Math.min(this.at, text.length);
    const found = place("string", from, this.at, false);
    found.text = text.slice(from + 1, this.at);
    return found;
  }

  private word(): Value {
    const from = this.at;
    // At least one character, so that reading always goes on.
    do this.at += 1;
    while (this.at < this.text.length && !ENDS_WORD.test(this.text[this.at] ?? ""));
    const kind = NUMBER.test(this.text.slice(from, this.at)) ? "number" : "word";
    return place(kind, from, this.at, true);
  }

  private array(depth: number): Value {
    const list = place("array", this.at, this.at, false);
    this.at += 1;
    for (;;) {
      this.skip();
      const next = this.text[this.at];
      if (next === "," || next === ":") this.at += 1;
      else if (next === undefined || next === "]" || next === "}") return this.end(list, "]");
      else {
        const item = this.value(depth + 1);
        if (item) list.items.push(item);
      }
    }
  }

  private object(depth: number): Value {
    const object = place("object", this.at, this.at, false);
    this.at += 1;
    for (;;) {
      this.skip();
      const next = this.text[this.at];
      if (next === "," || next === ":") this.at += 1;
      else if (next === undefined || next === "]" || next === "}") return this.end(object, "}");
      else if (next === "{" || next === "[") this.value(depth + 1);
      else object.entries.push(this.entry(depth));
    }
  }

  private entry(depth: number): Entry {
    const key = this.text[this.at] === '"' ? this.string() : this.word();
    const found: Entry = {
      key: key.kind === "string" ? key.text : this.text.slice(key.from, key.to),
      from: key.from,
      keyTo: key.to,
      keyClosed: key.kind === "string" && key.closed,
      valueFrom: -1,
      value: null,
    };
    this.skip();
    if (this.text[this.at] !== ":") return found;
    this.at += 1;
    found.valueFrom = this.at;
    this.skip();
    const next = this.text[this.at];
    if (next !== undefined && !",]}:".includes(next)) found.value = this.value(depth + 1);
    return found;
  }

  /** A bracket of the other kind belongs to something around. */
  private end(container: Value, bracket: string): Value {
    if (this.text[this.at] === bracket) {
      this.at += 1;
      container.closed = true;
    }
    container.to = this.at;
    return container;
  }
}

function place(kind: Kind, from: number, to: number, closed: boolean): Value {
  return { kind, from, to, closed, entries: [], items: [], text: "" };
}

function unquoted(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return text.slice(1, -1);
  }
}

// Where a cursor is

export interface Spot {
  part: "key" | "value";
  /** The string or word that the cursor stands in. */
  token: { from: number; to: number; closed: boolean; quoted: boolean } | null;
  /** The innermost object around, and the names of the properties around it, innermost first. */
  object: Value | null;
  around: string[];
  /** The objects around `object`, innermost first. */
  outer: Value[];
  /** The property whose value the cursor is in, "" where it is in none. */
  key: string;
  /** Whether the value stands in a list. */
  inList: boolean;
}

export function spotAt(root: Value | null, at: number): Spot {
  const spot: Spot = {
    part: "value",
    token: null,
    object: null,
    around: [],
    outer: [],
    key: "",
    inList: false,
  };
  let value = root;
  const names: string[] = [];
  while (value && isInside(value, at)) {
    if (value.kind === "array") {
      spot.inList = true;
      const item: Value | undefined = value.items.find((one) => isInside(one, at));
      if (!item) return spot;
      value = item;
    } else if (value.kind === "object") {
      if (spot.object) spot.outer.unshift(spot.object);
      spot.object = value;
      spot.around = [...names];
      spot.inList = false;
      const found = entryAround(value, at);
      if (!found || at <= found.keyTo) {
        const isBare = found && !found.keyClosed;
        const inKey = found && at > found.from && (at < found.keyTo || isBare);
        spot.part = "key";
        spot.key = "";
        spot.token = inKey
          ? { from: found.from, to: found.keyTo, closed: found.keyClosed, quoted: isQuoted(found) }
          : null;
        return spot;
      }
      names.unshift(found.key);
      spot.part = "value";
      spot.key = found.key;
      value = found.value;
    } else {
      const { from, to, closed, kind } = value;
      spot.token = { from, to, closed, quoted: kind === "string" };
      return spot;
    }
  }
  return spot;
}

/** The entry whose key or value a position is in, or behind whose colon it is. */
function entryAround(object: Value, at: number): Entry | null {
  for (const [index, one] of object.entries.entries()) {
    if (at < one.from) return null;
    if (at < one.keyTo || (at === one.keyTo && !one.keyClosed)) return one;
    if (one.value && isInside(one.value, at)) return one;
    const next = object.entries[index + 1];
    const isBehind = one.valueFrom >= 0 && at >= one.valueFrom;
    if (isBehind && !one.value && (!next || at < next.from)) return one;
    if (isBehind && one.value && at <= one.value.from) return one;
  }
  return null;
}

function isQuoted(entry: Entry): boolean {
  return entry.keyClosed || entry.keyTo - entry.from > entry.key.length;
}

function isInside(value: Value, at: number): boolean {
  if (value.kind === "number" || value.kind === "word") return value.from <= at && at <= value.to;
  return value.from < at && (value.closed ? at < value.to : at <= value.to);
}
