/** What a command has of the outside: streams, and the wish of whoever started it that it should end. */
import type { Readable, Writable } from "node:stream"

export interface Console {
  readonly in: Input
  readonly out: Output
  readonly err: Writable
  /** Called once: from then on, SIGINT and SIGTERM abort the signal instead of ending the process. */
  readonly interruptible: () => AbortSignal
}

/** Where keys and files come from. */
export type Input = Readable & {
  readonly isTTY?: boolean
  /** There where it is a terminal. */
  readonly setRawMode?: (isRaw: boolean) => unknown
}

/** Where results go. */
export type Output = Writable & {
  /** Set where it is a terminal. */
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

/** Writes, and waits while the reader is slower. */
export async function print(out: Writable, text: string): Promise<void> {
  if (out.write(text) || out.destroyed) return
  await new Promise<void>((resolve) => {
    const go = (): void => {
      out.off("drain", go)
      out.off("close", go)
      resolve()
    }
    out.on("drain", go)
    out.on("close", go)
  })
}
