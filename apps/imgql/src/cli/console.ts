/** What commands have of the outside: streams, the environment, and where they run. */
import type { Readable, Writable } from "node:stream"

export interface Console {
  readonly in: Readable & { readonly isTTY?: boolean }
  readonly out: Output
  readonly err: Output
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where files are found and written. */
  readonly folder: string
  /** Called once: from then on whoever wants this process to end aborts the signal, with a {@link Stopped}. */
  readonly untilStopped: () => AbortSignal
}

export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number }

/** What stops a process: somebody at the keyboard, somebody else, or that nobody reads any more. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGPIPE"

/** 128 and the number of the signal, as shells have it. */
export const STOP_CODES: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143, SIGPIPE: 141 }

/** The reason of a signal that is aborted because the process is to end. */
export class Stopped extends Error {
  readonly by: StopSignal

  constructor(by: StopSignal) {
    super(`stopped by ${by}`)
    this.name = "Stopped"
    this.by = by
  }
}
