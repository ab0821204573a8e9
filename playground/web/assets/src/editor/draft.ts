// What somebody typed is kept in their browser until it is saved, and offered back.

export interface Draft {
  text: string;
  at: number;
}

const PREFIX = "draft:";
const MOST = 30;

export class Drafts {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly key: string;

  constructor(name: string) {
    this.key = PREFIX + name;
  }

  read(): Draft | null {
    try {
      const found = localStorage.getItem(this.key);
      return found ? (JSON.parse(found) as Draft) : null;
    } catch {
      return null;
    }
  }

  soon(text: () => string): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(text()), 400);
  }

  keep(text: string): void {
    clearTimeout(this.timer);
    try {
      localStorage.setItem(this.key, JSON.stringify({ text, at: Date.now() }));
      tidy();
    } catch {
      // Without room or permission there is no draft; the guard against leaving remains.
    }
  }

  forget(): void {
    clearTimeout(this.timer);
    try {
      localStorage.removeItem(this.key);
    } catch {
      // There was none, then.
    }
  }
}

/** The oldest drafts go: nobody comes back to thirty of them. */
function tidy(): void {
  const keys = Object.keys(localStorage).filter((one) => one.startsWith(PREFIX));
  if (keys.length <= MOST) return;
  const age = (key: string) => (JSON.parse(localStorage.getItem(key) ?? "{}") as Draft).at || 0;
  keys.sort((one, other) => age(one) - age(other));
  for (const key of keys.slice(0, keys.length - MOST)) localStorage.removeItem(key);
}

export function ago(at: number): string {
  const minutes = Math.round((at - Date.now()) / 60_000);
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (minutes > -1) return "a moment ago";
  if (minutes > -60) return words.format(minutes, "minute");
  if (minutes > -24 * 60) return words.format(Math.round(minutes / 60), "hour");
  return words.format(Math.round(minutes / 60 / 24), "day");
}
