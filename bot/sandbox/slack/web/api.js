// The page's side of the server's `/_page/` interface.

async function call(path, body) {
  const response = await fetch(`/_page/${path}`, {
    method: body ? "POST" : "GET",
    headers: body ? { "content-type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
  });
  if (!response.ok) throw new Error(`The workspace answered ${response.status}.`);
  return response.json();
}

/** A POST whose every end is an answer `{ok, error?}`: a person sees an error in place, never nothing. */
async function post(path, body) {
  try {
    const answer = await call(path, body);
    // `options` answers without `ok`; whatever names no error went well.
    return { ok: !answer.error && !answer.errors, ...answer, error: WORDS[answer.error] ?? answer.error };
  } catch (error) {
    const lost = error instanceof TypeError;
    return {
      ok: false,
      error: lost ? "The workspace cannot be reached. Is the demo still running?" : error.message,
    };
  }
}

/** Slack's codes that a person may meet, in words. */
const WORDS = {
  operation_timeout: "The app did not answer within three seconds.",
  dispatch_failed: "The app could not be reached.",
  not_in_channel: "You are not a member of this channel.",
  is_archived: "This channel is archived.",
  message_not_found: "This message is no longer there.",
  not_found: "This form is no longer open.",
  invalid_action: "This has changed meanwhile. Look again before you click.",
};

export const api = {
  boot: (as) => call(`boot?${new URLSearchParams(as ? { as } : {})}`),
  history: (as, channel) => call(`history?${new URLSearchParams({ as, channel })}`),
  post: (body) => post("post", body),
  action: (body) => post("action", body),
  submit: (body) => post("view_submit", body),
  close: (body) => post("view_close", body),
  options: (body) => post("options", body),
  home: (body) => post("home", body),
  dismiss: (body) => post("dismiss", body),
};

const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 5_000;

/**
 * The live stream of one person: calls `onFrame(frame)`, `onOpen(again)` (`again`: it had been open before, so
 * frames may have been missed) and `onLost()`. Reconnects until `close()`.
 */
export class Live {
  #socket = null;
  #timer = 0;
  #wait = FIRST_WAIT_MS;
  #closed = false;
  #opened = false;

  constructor(as, { onFrame, onOpen, onLost }) {
    this.as = as;
    this.on = { onFrame, onOpen, onLost };
    this.#connect();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #connect() {
    const address = new URL(`/_page/live?${new URLSearchParams({ as: this.as })}`, location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      if (this.#closed) return;
      this.#wait = FIRST_WAIT_MS;
      this.on.onOpen(this.#opened);
      this.#opened = true;
    });
    socket.addEventListener("message", ({ data }) => {
      if (!this.#closed) this.on.onFrame(JSON.parse(data));
    });
    socket.addEventListener("close", () => {
      if (this.#closed) return;
      this.on.onLost();
      this.#timer = setTimeout(() => this.#connect(), this.#wait);
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
    });
  }
}
