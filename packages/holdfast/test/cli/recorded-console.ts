/** A console whose output is kept, and commands run on it inside this process. */
import { PassThrough, Readable, Writable } from "node:stream"
import type { Console } from "../../src/cli/console.ts"
import { runCommand } from "../../src/cli/run-command.ts"

export interface CommandResult {
  readonly exitCode: number
  readonly out: string
  readonly err: string
}

/** Runs a command to its end; `input` is its stdin. */
export async function run(words: readonly string[], input: string | Uint8Array = ""): Promise<CommandResult> {
  const { console, text } = recordConsole(Readable.from([Buffer.from(input)]))
  const exitCode = await runCommand(words, console)
  return { exitCode, out: text.out(), err: text.err() }
}

export interface RecordedConsole {
  readonly console: Console
  readonly text: { readonly out: () => string; readonly err: () => string }
  /** As SIGTERM would. */
  readonly interrupt: () => void
  /** Resolves once the output holds it. */
  readonly whenPrinted: (text: string) => Promise<void>
}

export function recordConsole(input: Readable = new PassThrough()): RecordedConsole {
  const interrupted = new AbortController()
  const out: string[] = []
  const err: string[] = []
  const looks = new Set<() => void>()
  const keep = (into: string[]): Writable =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        into.push(chunk.toString())
        done()
        for (const look of looks) look()
      },
    })
  const console: Console = { in: input, out: keep(out), err: keep(err), interruptible: () => interrupted.signal }
  return {
    console,
    text: { out: () => out.join(""), err: () => err.join("") },
    interrupt: () => interrupted.abort(),
    whenPrinted: async (text) =>
      await new Promise((resolve) => {
        const look = (): void => {
          if (!out.join("").includes(text)) return
          looks.delete(look)
          resolve()
        }
        looks.add(look)
        look()
      }),
  }
}
