/**
 * What a command touches, and what a timeline calls it. Commands that are known to be about some names touch those; a
 * command nobody looked into touches anything, which costs schedules and is never wrong.
 *
 * Whoever asks for a lock or a run while holding something also touches the waiting graph, through which requests for
 * other names decide who is refused with DEADLOCK (L7).
 */
import type { Command, RequestId, StoreEvent, Token } from "../kernel/index.ts"
import type { StoreOutcome } from "../store/index.ts"
import { type Access, ANY_ACCESS, reads, showValue, writes } from "./access.ts"

/** A command as a step. */
export interface CommandStep {
  readonly label: string
  readonly touched: readonly Access[]
}

const WAITING_GRAPH = writes("holdfast waiting graph")

export class CommandAccesses {
  readonly #namesOfRequest = new Map<RequestId, readonly string[]>()
  readonly #namesOfToken = new Map<Token, readonly string[]>()
  readonly #runOfToken = new Map<Token, string>()

  of(command: Command): CommandStep {
    switch (command.kind) {
      case "openSession":
        return { label: "opens a session", touched: [] }
      case "acquireLock": {
        this.#namesOfRequest.set(command.request, command.names)
        const touched = [...command.names.map(lockWrite), ...graphOf(command.holding)]
        return { label: `asks for lock ${command.names.join(", ")}`, touched }
      }
      case "releaseLock":
        return this.#ofNames("releases lock", this.#namesOfToken.get(command.token))
      case "renewLock":
        return this.#ofNames("renews lock", this.#namesOfToken.get(command.token))
      case "withdrawRequest":
        return this.#ofNames("withdraws its request for", this.#namesOfRequest.get(command.request))
      case "readCells":
        return {
          label: `reads ${command.names.join(", ")}`,
          touched: command.names.map((name) => reads(`cell ${name}`)),
        }
      case "commitCells":
        return commitStep(command)
      case "claimRun": {
        const { operation, identity, concurrency, keyed } = command.spec
        // A limit lets runs of other identities decide whether this one may start.
        const limit = concurrency === null && keyed === null ? [] : [writes(`operation ${operation}`)]
        return {
          label: `calls ${operation}`,
          touched: [writes(`run ${identity}`), ...limit, ...graphOf(command.holding)],
        }
      }
      case "completeRun":
        return this.#ofRun("completes its run", command.token)
      case "failRun":
        return this.#ofRun("fails its run", command.token)
      default:
        return { label: command.kind, touched: [ANY_ACCESS] }
    }
  }

  /** Learns whose request became which token. */
  learnOutcome(command: Command, outcome: StoreOutcome): void {
    if (command.kind === "acquireLock" && outcome.kind === "granted")
      this.#namesOfToken.set(outcome.token, command.names)
    if (outcome.kind === "claimed") this.#runOfToken.set(outcome.claim.token, outcome.claim.identity)
  }

  /** As {@link learnOutcome}, from what arrives later. */
  learn(event: StoreEvent): void {
    if (event.kind === "lockGranted") {
      const names = this.#namesOfRequest.get(event.request)
      if (names !== undefined) this.#namesOfToken.set(event.token, names)
    }
    if (event.kind === "runAssigned") this.#runOfToken.set(event.claim.token, event.claim.identity)
  }

  #ofNames(what: string, names: readonly string[] | undefined): CommandStep {
    if (names === undefined) return { label: what, touched: [ANY_ACCESS] }
    return { label: `${what} ${names.join(", ")}`, touched: names.map(lockWrite) }
  }

  #ofRun(label: string, token: Token): CommandStep {
    const run = this.#runOfToken.get(token)
    return { label, touched: run === undefined ? [ANY_ACCESS] : [writes(`run ${run}`)] }
  }
}

function lockWrite(name: string): Access {
  return writes(`lock ${name}`)
}

function graphOf(holding: readonly Token[]): Access[] {
  return holding.length === 0 ? [] : [WAITING_GRAPH]
}

function commitStep(command: Extract<Command, { readonly kind: "commitCells" }>): CommandStep {
  const { reads: read, writes: written, starts, complete } = command
  // A run that completes with its commit wakes whoever awaits it, and may free its operation's limit.
  if (starts.length > 0 || complete !== null) return { label: "commits, with runs", touched: [ANY_ACCESS] }
  const names = written.map(({ name }) => name)
  const touched = [
    ...read.map(({ name }) => reads(`cell ${name}`)),
    ...written.map((write): Access => {
      const value = write.kind === "delete" ? "deleted" : showValue(write.value)
      return { resource: `cell ${write.name}`, mode: "write", value }
    }),
  ]
  return { label: `commits ${names.join(", ")}`, touched }
}
