/** `imgql` in the folder of a test, and gone with it. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Readable, Writable } from "node:stream"
import { onTestFinished } from "vitest"
import { CommandError, describeError } from "../../src/cli/command-error.ts"
import { runCommand } from "../../src/cli/program.ts"
import { type Ended as ProcessEnded, type Started, startImgql } from "../imgql-process.ts"

export interface Ended extends Omit<ProcessEnded, "out" | "text"> {
  /** All of stdout, and its lines. */
  readonly out: string
  readonly lines: readonly string[]
}

export function start(
  folder: string,
  ...words: readonly string[]
): Omit<Started, "ended"> & { readonly ended: Promise<Ended> } {
  const { child, ended, saw } = startImgql(folder, words)
  onTestFinished(() => void child.kill("SIGKILL"))
  const asText = async (): Promise<Ended> => {
    const { out, text, ...rest } = await ended
    return { ...rest, out: text, lines: out }
  }
  return { child, saw, ended: asText() }
}

export async function imgql(folder: string, ...words: readonly string[]): Promise<Ended> {
  const { child, ended } = start(folder, ...words)
  child.stdin.end()
  return await ended
}

/** The line that says why a command is refused, which ends with 2, without a process for it. */
export async function refusalOf(folder: string, ...words: readonly string[]): Promise<string> {
  let out = ""
  const shown = new Writable({
    write(piece: Buffer, _encoding, done) {
      out += piece.toString()
      done()
    },
  })
  const { signal } = new AbortController()
  const env = { XDG_CACHE_HOME: join(folder, "cache") }
  const refusal: unknown = await runCommand(words, {
    in: Readable.from([]),
    out: shown,
    err: shown,
    env,
    folder,
    untilStopped: () => signal,
  }).catch((error: unknown) => error)
  if (!(refusal instanceof CommandError) || out !== "") throw new Error(`not refused: ${out}`, { cause: refusal })
  return describeError(refusal)
}

export function write(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, name), text)
}
