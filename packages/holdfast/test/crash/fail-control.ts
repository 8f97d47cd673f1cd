/** A process's control file of fail points, at the harness's end: one order at a time, and the record of what was hit. */
import { closeSync, openSync, readSync, writeSync } from "node:fs"
import {
  decodeFailHit,
  encodeFailOrder,
  FAIL_RECORD_BYTES,
  type FailOrder,
  type FailPoint,
} from "../../src/stores/embedded/fail-point.ts"

/** A point that was reached, and when by the machine's monotonic clock. */
export interface FailHit {
  readonly point: FailPoint
  readonly at: number
}

export class FailControl {
  readonly path: string
  readonly #descriptor: number
  readonly #buffer = Buffer.alloc(FAIL_RECORD_BYTES)
  #orders = 0
  #last: FailHit | null = null
  #isClosed = false

  constructor(path: string) {
    this.path = path
    this.#descriptor = openSync(path, "w+")
    this.disarm()
  }

  arm(order: Omit<FailOrder, "id">): void {
    if (this.#isClosed) return
    this.#orders += 1
    writeSync(this.#descriptor, encodeFailOrder({ id: this.#orders, ...order }), 0)
  }

  disarm(): void {
    if (this.#isClosed) return
    writeSync(this.#descriptor, " ".repeat(FAIL_RECORD_BYTES), 0)
  }

  /** What was hit of the last order. */
  read(): FailHit | null {
    if (this.#isClosed) return this.#last
    readSync(this.#descriptor, this.#buffer, 0, FAIL_RECORD_BYTES, 0)
    return decodeFailHit(this.#buffer.toString("latin1"))
  }

  /** What was hit last can still be read. */
  close(): void {
    this.#last = this.read()
    this.#isClosed = true
    closeSync(this.#descriptor)
  }
}
