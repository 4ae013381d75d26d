// The one connection to the process.

/** Reads events of the list, and of one cache, until it is closed. A hidden or paused page has none. */
export class Stream {
  #source = null;
  #wanted = "";
  /** What caches did before is told once; later the page knows. */
  #sketched = false;
  /** Says that the connection is lost, unless it is there again soon: each ends now and then. */
  #losing = null;

  /** `heard` is called with an event's name and data; `state` with "live", "lost" or "off". */
  constructor(heard, state) {
    this.heard = heard;
    this.state = state;
  }

  /** Listens for this cache (or none), as far back as `span`. */
  listen(key, span) {
    const wanted = new URLSearchParams(key === null ? {} : { cache: key, span });
    if (this.#source && this.#wanted === String(wanted)) return;
    this.close();
    this.#wanted = String(wanted);
    if (!this.#sketched) wanted.set("sketch", "true");
    const source = new EventSource(`events?${wanted}`);
    this.#source = source;
    for (const name of ["names", "sketches", "rows", "detail", "insight", "gone"]) {
      source.addEventListener(name, (event) => {
        if (this.#source !== source) return;
        this.#sketched ||= name === "sketches";
        this.heard(name, JSON.parse(event.data));
      });
    }
    source.addEventListener("open", () => {
      clearTimeout(this.#losing);
      this.state("live");
    });
    // The browser tries again by itself, unless it was refused.
    source.addEventListener("error", () => {
      if (this.#source !== source) return;
      clearTimeout(this.#losing);
      this.#losing = setTimeout(() => this.state("lost"), 5000);
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.#again(source, key, span), 3000);
    });
  }

  #again(source, key, span) {
    if (this.#source !== source) return;
    this.#source = null;
    this.listen(key, span);
  }

  close() {
    clearTimeout(this.#losing);
    this.#source?.close();
    this.#source = null;
    this.state("off");
  }
}
