/**
 * The live view of a store: drawn again when something changed, at most some times a second, until `q`, Ctrl-C or
 * SIGTERM. The keeper is asked once for each change that is drawn and says nothing in between.
 *
 *     the terminal taken ──▶ drawn ──changed, resized──▶ drawn … ──asked to end──▶ given back as it was
 *
 * Where the output is no terminal, each picture is printed below the other; as JSON, one a line.
 */
import { systemEnv } from "../env/index.ts"
import { isHoldfastError } from "../kernel/index.ts"
import { type KeeperLine, reportStore, type StorePicture } from "../stores/embedded/index.ts"
import { type Console, type Output, print } from "./console.ts"
import { drawPicture } from "./picture.ts"

/** As often as people can follow. */
const FRAME_MS = 250

/** While there is no keeper to ask, one is looked for this often. */
const AWAY_MS = 1_000

const TERMINAL = {
  /** The other screen, without a cursor. */
  take: "\u001B[?1049h\u001B[?25l",
  giveBack: "\u001B[?25h\u001B[?1049l",
  home: "\u001B[H",
  /** To the end of the line, of the screen. */
  clearLine: "\u001B[K",
  clearBelow: "\u001B[J",
} as const

/** Ctrl-C and Ctrl-D among them. */
const ENDING_KEYS: readonly string[] = ["q", "Q", "\u0003", "\u0004"]

const ROWS_OF_A_PIPE = 50

export async function watchStore(
  console: Console,
  line: KeeperLine,
  { json }: { readonly json: boolean },
): Promise<void> {
  const isTerminal = console.out.isTTY === true && !json
  const ended = endOf(console, isTerminal)
  const view = isTerminal ? new TerminalView(console.out, () => ended.isOver()) : null
  try {
    let since: number | null = null
    while (!ended.isOver()) {
      const picture: StorePicture | null = await ended.race(nextPicture(line, since))
      if (picture !== null) {
        if (view !== null) view.draw(picture, "")
        else if (since !== picture.revision) {
          await print(
            console.out,
            `${json ? JSON.stringify(picture) : drawPicture(picture, { width: null, rows: ROWS_OF_A_PIPE })}\n`,
          )
        }
      }
      if (picture === null && !ended.isOver()) view?.redraw("no keeper answers  ")
      since = picture?.revision ?? null
      await ended.race(pause(picture === null ? AWAY_MS : FRAME_MS))
    }
  } finally {
    view?.close()
    ended.close()
  }
}

/** Null while a keeper has gone and its successor has not come. */
async function nextPicture(line: KeeperLine, since: number | null): Promise<StorePicture | null> {
  try {
    return await reportStore(line, since)
  } catch (error) {
    if (isHoldfastError(error, "STORE_UNAVAILABLE")) return null
    throw error
  }
}

class TerminalView {
  readonly #out: Output
  readonly #resized: () => void
  #last: StorePicture | null = null

  constructor(out: Output, isOver: () => boolean) {
    this.#out = out
    this.#resized = () => {
      if (!isOver()) this.redraw("")
    }
    out.write(TERMINAL.take)
    out.on("resize", this.#resized)
  }

  /** The last picture again, in the terminal's size of now. */
  redraw(note: string): void {
    if (this.#last !== null) this.draw(this.#last, note)
  }

  draw(picture: StorePicture, note: string): void {
    this.#last = picture
    // A terminal that has no size says 0.
    const columns = this.#out.columns || 80
    const rows = this.#out.rows || 24
    const text = drawPicture(picture, { width: columns, rows: Math.max(3, Math.floor((rows - 14) / 3)) })
    const lines = text.split("\n").slice(0, rows - 1)
    const footer = `${note}${timeOfDay()}  q ends`
    const shown = [...lines, footer].map((each) => `${each}${TERMINAL.clearLine}`).join("\n")
    this.#out.write(`${TERMINAL.home}${shown}${TERMINAL.clearBelow}`)
  }

  close(): void {
    this.#out.off("resize", this.#resized)
    this.#out.write(TERMINAL.giveBack)
  }
}

function timeOfDay(): string {
  return new Date(systemEnv.clock.now()).toISOString().slice(11, 19)
}

interface End {
  isOver(): boolean
  /** What comes first; null where that is the end. */
  race<T>(work: Promise<T>): Promise<T | null>
  close(): void
}

/** The end is asked for by a signal, or by a key. */
function endOf(console: Console, isTerminal: boolean): End {
  const signal = console.interruptible()
  const keys = new AbortController()
  const { in: input } = console
  const hear = (chunk: Buffer): void => {
    // In raw mode Ctrl-C is a character like any other.
    if (ENDING_KEYS.some((key) => chunk.includes(key))) keys.abort()
  }
  const isRaw = isTerminal && input.isTTY === true
  if (isTerminal) input.on("data", hear)
  if (isRaw) input.setRawMode?.(true)
  const over = new Promise<null>((resolve) => {
    const end = (): void => resolve(null)
    if (signal.aborted) end()
    signal.addEventListener("abort", end, { once: true })
    keys.signal.addEventListener("abort", end, { once: true })
  })
  return {
    isOver: () => signal.aborted || keys.signal.aborted,
    race: async (work) => {
      work.catch(() => undefined)
      return await Promise.race([work, over])
    },
    close: () => {
      input.off("data", hear)
      if (isRaw) input.setRawMode?.(false)
      input.pause()
    },
  }
}

async function pause(ms: number): Promise<null> {
  return await new Promise((resolve) => {
    systemEnv.timers.after(ms, () => resolve(null))
  })
}
