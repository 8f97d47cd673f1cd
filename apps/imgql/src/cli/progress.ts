/**
 * How far a run is, for who waits for it: on a terminal one line that is drawn over and over, below all that is printed;
 * elsewhere a plain line now and then, and none of a run that is over soon.
 */
import { clearLine, cursorTo } from "node:readline"
import type { OperationEvent, ShareChange } from "../engine/observer.ts"
import type { Output } from "./console.ts"
import type { Tally } from "./tally.ts"

export type ProgressStyle = "auto" | "live" | "plain" | "off"

/** As often as people can follow. */
const FRAME_MS = 100
/** Whoever reads it in a log wants to know that it lives, not more. */
const PLAIN_MS = 30_000
/** Of what does not say how wide it is. */
const USUAL_COLUMNS = 80

export interface ProgressOptions {
  readonly style: ProgressStyle
  readonly err: Output
  readonly tally: Tally
}

export class Progress {
  readonly #options: ProgressOptions
  readonly #style: "live" | "plain" | "off"
  #timer: NodeJS.Timeout | null = null
  #isDrawn = false

  constructor(options: ProgressOptions) {
    this.#options = options
    const { style, err } = options
    this.#style = style === "auto" ? (err.isTTY === true ? "live" : "plain") : style
  }

  /** From here on it is shown, until it is closed. */
  start(): void {
    if (this.#style === "off") return
    // Time passes while nothing happens, and only a timer sees it. It keeps no process alive and ends with the run.
    this.#timer = setInterval(() => this.#show(), this.#style === "live" ? FRAME_MS : PLAIN_MS)
    this.#timer.unref()
  }

  operation(event: OperationEvent): void {
    this.#options.tally.operation(event)
  }

  share(change: ShareChange): void {
    this.#options.tally.share(change)
  }

  /** Does something that prints, with the line out of its way. */
  around(print: () => void): void {
    this.#erase()
    print()
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    this.#erase()
  }

  #show(): void {
    const { err, tally } = this.#options
    const line = tally.describe()
    if (this.#style === "plain") {
      err.write(`${line.trimStart()}\n`)
      return
    }
    this.#erase()
    // One that does not fit would break into two, of which one would stay.
    const columns = err.columns ?? 0
    err.write(line.slice(0, (columns > 1 ? columns : USUAL_COLUMNS) - 1))
    this.#isDrawn = true
  }

  #erase(): void {
    if (!this.#isDrawn) return
    this.#isDrawn = false
    const { err } = this.#options
    cursorTo(err, 0)
    clearLine(err, 0)
  }
}
