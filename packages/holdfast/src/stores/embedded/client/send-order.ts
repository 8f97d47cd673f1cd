/**
 * The order in which a client's commands leave, where some have to wait for their large values to be written: what may
 * depend on one that waits stays behind it, and the rest goes ahead.
 */
import type { Command, Token } from "../../../kernel/index.ts"

/** Something to be sent. */
export interface Sendable {
  readonly command: Command
  /** True until its large values are written. */
  isWriting: boolean
}

export class SendOrder<Item extends Sendable> {
  readonly #waiting: Item[] = []

  /** Keeps the item back where it must wait, for its own values or for what was asked before it. */
  keep(item: Item): boolean {
    if (!item.isWriting && this.#waiting.every((before) => mayOvertake(item.command, before.command))) return false
    this.#waiting.push(item)
    return true
  }

  has(item: Item): boolean {
    return this.#waiting.includes(item)
  }

  /** What may leave by now, in order. */
  take(): Item[] {
    const count = this.#waiting.findIndex((item) => item.isWriting)
    return this.#waiting.splice(0, count < 0 ? this.#waiting.length : count)
  }

  /** It will not be sent. */
  drop(item: Item): void {
    const at = this.#waiting.indexOf(item)
    if (at >= 0) this.#waiting.splice(at, 1)
  }
}

/** Locks know nothing of values: only what ends a wait or grant that the other command is about stays behind it. */
function mayOvertake(command: Command, before: Command): boolean {
  switch (command.kind) {
    case "acquireLock":
    case "renewLock":
    case "inspect":
    case "holdBlobs":
    case "discardResult":
      return true
    case "withdrawRequest":
      return !("request" in before) || before.request !== command.request
    case "releaseLock":
      return !tokensOf(before).includes(command.token)
    default:
      return false
  }
}

/** What the command rests on. */
function tokensOf(command: Command): readonly Token[] {
  return "holding" in command ? command.holding : []
}
