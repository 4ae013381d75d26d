// The connection to the process.

/** The stream of events of the list and of one cache. A hidden or paused page has no connection. */
export class Stream {
  #source = null;
  #query = "";
  /** Sparklines are requested once; later the page has them. */
  #hasSparklines = false;
  /** Reports a lost connection after a delay: each connection ends after a while, and is opened again. */
  #lostTimer = null;

  /** Calls `receive` with an event's name and data, and `showState` with "live", "lost" or "off". */
  constructor(receive, showState) {
    this.receive = receive;
    this.showState = showState;
  }

  /** Opens the stream for this cache, or without a cache, with the time range `span`. */
  listen(key, span) {
    const query = new URLSearchParams(key === null ? {} : { cache: key, span });
    if (this.#source && this.#query === String(query)) return;
    this.close();
    this.#query = String(query);
    if (!this.#hasSparklines) query.set("sketch", "true");
    const source = new EventSource(`events?${query}`);
    this.#source = source;
    for (const name of ["names", "sketches", "rows", "detail", "insight", "gone"]) {
      source.addEventListener(name, (event) => {
        if (this.#source !== source) return;
        this.#hasSparklines ||= name === "sketches";
        this.receive(name, JSON.parse(event.data));
      });
    }
    source.addEventListener("open", () => {
      clearTimeout(this.#lostTimer);
      this.showState("live");
    });
    // The browser reconnects by itself, unless the connection was refused.
    source.addEventListener("error", () => {
      if (this.#source !== source) return;
      clearTimeout(this.#lostTimer);
      this.#lostTimer = setTimeout(() => this.showState("lost"), 5000);
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.#reconnect(source, key, span), 3000);
    });
  }

  #reconnect(source, key, span) {
    if (this.#source !== source) return;
    this.#source = null;
    this.listen(key, span);
  }

  close() {
    clearTimeout(this.#lostTimer);
    this.#source?.close();
    this.#source = null;
    this.showState("off");
  }
}
