/** Streams in the place of a terminal: they tell of keys as a terminal does. */
import { PassThrough, Writable } from "node:stream"
import type { Console } from "../../src/cli/console.ts"

export const CTRL_C = "\u0003"
export const CTRL_D = "\u0004"

export interface Terminal {
  readonly console: Console
  readonly type: (keys: string) => void
  /** Resolves once what was written since the last look matches. */
  readonly saw: (pattern: RegExp) => Promise<void>
  readonly text: () => string
}

export function makeTerminal(folder: string): Terminal {
  let text = ""
  let looked = 0
  let look = ignore
  const write = (piece: Buffer, _encoding: string, done: () => void): void => {
    text += piece.toString()
    look()
    done()
  }
  const shown = (): Console["out"] => Object.assign(new Writable({ write }), { isTTY: true, columns: 200 })
  const keys = Object.assign(new PassThrough(), { isTTY: true })
  const { signal } = new AbortController()
  const console = { in: keys, out: shown(), err: shown(), env: {}, folder, untilStopped: () => signal }
  const saw = async (pattern: RegExp): Promise<void> => {
    await new Promise<void>((resolve) => {
      look = () => {
        if (!pattern.test(text.slice(looked))) return
        looked = text.length
        look = ignore
        resolve()
      }
      look()
    })
  }
  return { console, type: (typed) => void keys.write(typed), saw, text: () => text }
}

function ignore(): void {
  // Nobody looks.
}
