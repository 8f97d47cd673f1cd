/** `imgql` in the folder of a test, and gone with it. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { onTestFinished } from "vitest"
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

export function write(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, name), text)
}
