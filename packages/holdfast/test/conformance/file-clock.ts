/** Moves a clock that keepers in any process read (see src/env/file-clock.ts). */
import { closeSync, openSync, writeSync } from "node:fs"

export class FileClock {
  readonly path: string
  readonly #file: number
  #nowMs: number

  /** Whole milliseconds, so that sums of them are exact. */
  constructor(path: string, startMs: number) {
    this.path = path
    this.#file = openSync(path, "w", 0o600)
    this.#nowMs = startMs
    this.#write()
  }

  now(): number {
    return this.#nowMs
  }

  advance(ms: number): void {
    this.#nowMs += ms
    this.#write()
  }

  close(): void {
    closeSync(this.#file)
  }

  /** In one write: no reader sees half of a time. */
  #write(): void {
    const time = new Float64Array([this.#nowMs])
    writeSync(this.#file, time, 0, time.byteLength, 0)
  }
}
