// Posting to our own server with the page's token. A session ends while somebody writes: then a new
// one may have begun in another tab, whose token the page can ask for.

/** Nobody is signed in any more, or somebody else. */
export class SignedOut extends Error {}

export class Session {
  constructor(
    private token: string,
    private readonly namespace: string,
  ) {}

  /** `body` is asked for again with the new token where the old one is no good any more. */
  async post(
    address: string,
    body: (token: string) => string | URLSearchParams,
    signal?: AbortSignal,
  ): Promise<Response> {
    const answer = await this.send(address, body(this.token), signal);
    if (answer.status !== 401 && answer.status !== 403) return answer;
    await this.renew();
    const second = await this.send(address, body(this.token), signal);
    if (second.status === 401 || second.status === 403) throw new SignedOut();
    return second;
  }

  private send(
    address: string,
    body: string | URLSearchParams,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const headers = { "X-CSRF-Token": this.token };
    return fetch(address, { method: "POST", body, headers, signal: signal ?? null });
  }

  private async renew(): Promise<void> {
    const answer = await fetch(location.pathname + location.search);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const root = page.getElementById("editor");
    const isMine = root?.dataset["draft"]?.split("/")[0] === this.namespace;
    if (!root || !isMine) throw new SignedOut();
    this.token = root.dataset["csrf"] ?? "";
  }
}
