// Saving: the server shows what would change, the author confirms, the form is sent. Whatever goes
// wrong is said in words, and the text stays where it is.

import { element } from "./elements.js";
import type { Session } from "./session.js";
import { SignedOut } from "./session.js";

export interface SavingHost {
  form: HTMLFormElement;
  session: Session;
  text: () => string;
  /** The server refuses the text: its findings are to be seen. */
  refused: () => Promise<void>;
  /** The page is about to be left with what is in the editor: keep it. */
  leaving: () => void;
  closed: () => void;
  say: (words: string) => void;
}

export class Saving {
  private isAsking = false;

  constructor(private readonly host: SavingHost) {}

  async begin(): Promise<void> {
    // Somebody who presses Ctrl S twice wants to save once.
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      await this.ask();
    } catch (error) {
      if (error instanceof SignedOut) this.signedOut();
      else this.host.say("Saving did not work: the server cannot be reached. Your text is kept here.");
    } finally {
      this.isAsking = false;
    }
  }

  private async ask(): Promise<void> {
    const { form, session } = this.host;
    const answer = await session.post(form.action, (token) => {
      const body = new URLSearchParams();
      for (const [name, value] of new FormData(form)) body.append(name, String(value));
      body.set("csrf_token", token);
      body.set("definition", this.host.text());
      return body;
    });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const review = page.getElementById("review");
    if (review) this.show(element("dialog", { class: "review", "aria-label": "Save" }), review);
    else if (answer.status === 400) await this.host.refused();
    else throw new Error(`${answer.status}`);
  }

  private show(dialog: HTMLDialogElement, content: HTMLElement): void {
    dialog.append(document.adoptNode(content));
    dialog.querySelector("[data-cancel-save]")?.addEventListener("click", (event) => {
      event.preventDefault();
      dialog.close();
    });
    dialog.addEventListener("submit", () => this.host.leaving());
    this.open(dialog);
    dialog.querySelector<HTMLElement>("[data-confirm-save]")?.focus();
  }

  private signedOut(): void {
    const here = location.pathname + location.search;
    const dialog = element(
      "dialog",
      { class: "review signed-out", "aria-labelledby": "signed-out-title" },
      element("h1", { id: "signed-out-title" }, "You are signed out"),
      element(
        "p",
        {},
        "Your text is kept in this browser. Sign in again and it is offered back to you here; or " +
          "sign in in another tab, then save once more.",
      ),
    );
    const close = element("button", { type: "button", class: "button" }, "Go on writing");
    close.addEventListener("click", () => dialog.close());
    const link = element("a", { class: "button primary", href: here }, "Sign in");
    link.addEventListener("click", () => this.host.leaving());
    dialog.append(element("div", { class: "actions" }, link, close));
    this.open(dialog);
  }

  private open(dialog: HTMLDialogElement): void {
    dialog.addEventListener("close", () => {
      dialog.remove();
      this.host.closed();
    });
    document.body.append(dialog);
    dialog.showModal();
  }
}
