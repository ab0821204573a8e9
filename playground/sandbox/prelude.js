// Runs in every new JavaScript context before the script: binds console, and gives back the tools
// with which engines.py runs a script and collects its value. Everything the tools need is taken
// here, before a script can patch it.
globalThis.__prelude = (function () {
  'use strict';
  const { isArray } = Array, { keys, setPrototypeOf, defineProperty, create } = Object;
  const { stringify } = JSON;
  const apply = Reflect.apply, then = Promise.prototype.then, Promise_ = Promise;
  const wellFormed = String.prototype.toWellFormed, push = Array.prototype.push;
  const Map_ = Map, Set_ = Set, Date_ = Date, Error_ = Error;
  const toISOString = Date.prototype.toISOString;
  const mapEach = Map.prototype.forEach, setEach = Set.prototype.forEach, String_ = String;
  const getTime = Date.prototype.getTime, indirectEval = eval;
  const own = (object, key) => apply(Object.prototype.hasOwnProperty, object, [key]);

  function methods(target, table) {
    for (const name of keys(table)) {
      defineProperty(target, name, { value: table[name], writable: true, configurable: true });
    }
    return target;
  }
  const JavaList = methods(create(Array.prototype), {
    size() { return this.length; },
    isEmpty() { return this.length === 0; },
    get(index) { return this[index]; },
    contains(value) { return this.includes(value); },
    add(value) { this.push(value); return true; },
    addAll(others) { this.push(...others); return others.length > 0; },
    containsAll(values) { return values.every((value) => this.includes(value)); },
    set(index, value) { const before = this[index]; this[index] = value; return before; },
    remove(index) { return this.splice(index, 1)[0]; },
    subList(from, to) { return decorated(this.slice(from, to)); },
  });
  const JavaMap = methods(create(Object.prototype), {
    size() { return keys(this).length; },
    isEmpty() { return keys(this).length === 0; },
    get(key) { return own(this, key) ? this[key] : null; },
    getOrDefault(key, other) { return own(this, key) ? this[key] : other; },
    containsKey(key) { return own(this, key); },
    keySet() { return decorated(keys(this)); },
    values() { return decorated(keys(this).map((key) => this[key])); },
    put(key, value) { const before = this.get(key); this[key] = value; return before; },
    putAll(others) { for (const key of keys(others)) this[key] = others[key]; },
    remove(key) { const before = this.get(key); delete this[key]; return before; },
    containsValue(value) { return keys(this).some((key) => this[key] === value); },
    entrySet() {
      return decorated(keys(this).map((key) => {
        const value = this[key];
        return { key, value, getKey: () => key, getValue: () => value };
      }));
    },
  });
  function decorated(root) {
    const waiting = [root];
    for (let i = 0; i < waiting.length; i++) {
      const value = waiting[i];
      if (typeof value !== 'object' || value === null) continue;
      const members = isArray(value) ? value : keys(value).map((key) => value[key]);
      for (const member of members) {
        if (typeof member === 'object' && member !== null) apply(push, waiting, [member]);
      }
      setPrototypeOf(value, isArray(value) ? JavaList : JavaMap);
    }
    return root;
  }

  function plain(value, depth, above) {
    switch (typeof value) {
      case 'undefined': return null;
      case 'boolean': case 'number': return value;
      case 'string': return apply(wellFormed, value, []);
      case 'bigint': return Number(value);
      case 'symbol': return String_(value);
    }
    if (value === null) return null;
    if (depth > 100) throw new Error_('the result is nested more than 100 levels deep');
    if (above.includes(value)) throw new Error_('the result contains itself');
    const inside = [...above, value];
    if (value instanceof Date_) {
      const time = apply(getTime, value, []);
      return time === time ? apply(toISOString, value, []) : null;
    }
    if (isArray(value)) {
      const list = [];
      for (let i = 0; i < value.length; i++) list[i] = plain(value[i], depth + 1, inside);
      return list;
    }
    const object = create(null);
    if (value instanceof Map_) {
      apply(mapEach, value, [(member, key) => {
        object[String_(key)] = plain(member, depth + 1, inside);
      }]);
      return object;
    }
    if (value instanceof Set_) {
      const list = [];
      apply(setEach, value, [(member) => {
        list[list.length] = plain(member, depth + 1, inside);
      }]);
      return list;
    }
    if (value instanceof Error_) return apply(wellFormed, String_(value), []);
    for (const key of keys(value)) {
      object[apply(wellFormed, key, [])] = plain(value[key], depth + 1, inside);
    }
    return object;
  }

  const silent = () => undefined;
  const console = {};
  for (const name of ['log', 'info', 'warn', 'error', 'debug', 'trace', 'table', 'dir',
                      'group', 'groupEnd', 'time', 'timeEnd', 'assert', 'count']) {
    console[name] = silent;
  }
  defineProperty(globalThis, 'console', { value: console, writable: true, configurable: true });

  let state = null;
  // The value stays on this side: not every JavaScript value has a Python twin. (The script may
  // have patched what is called here; it harms nobody but itself.)
  function run(source) {
    const value = indirectEval(source);
    if (!(value instanceof Promise_)) { state = { value }; return; }
    apply(then, value, [
      (kept) => { state = { value: kept }; },
      (broken) => { state = { broken }; },
    ]);
  }
  // Parses without running: the whole source is read before its first statement ends it.
  function parse(source) {
    try { indirectEval('throw 0;' + source); } catch (end) { if (end !== 0) throw end; }
  }
  function collect() {
    if (state === null) throw new Error_('the promise was never settled');
    if ('broken' in state) throw state.broken;
    return stringify(plain(state.value, 0, []));
  }
  return { run, parse, collect, decorated };
})()
