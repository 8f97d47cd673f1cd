/**
 * What a command touches, and what a timeline calls it. Commands that are known to be about some names touch those; a
 * command nobody looked into touches anything, which costs schedules and is never wrong.
 *
 * Whoever asks for a lock or a run while holding something also touches the waiting graph, through which requests for
 * other names decide who is refused with DEADLOCK (L7).
 */
import {
  type Command,
  type Identity,
  type RequestId,
  runIdentityOf,
  type RunSpec,
  type StoreEvent,
  type Token,
} from "../kernel/index.ts"
import type { StoreOutcome } from "../store/index.ts"
import { type Access, ANY_ACCESS, reads, writes } from "./access.ts"
import { showStored } from "./outcome-label.ts"

/** A command as a step. */
export interface CommandStep {
  readonly label: string
  readonly touched: readonly Access[]
}

const NOTHING: readonly Access[] = []
const WAITING_GRAPH = writes("holdfast waiting graph")

/** What is known of an identity from those who asked for it. */
interface KnownRun {
  readonly operation: string
  /** The run, and the limit that lets runs of other identities decide whether this one may start. */
  readonly touched: readonly Access[]
}

export class CommandAccesses {
  readonly #runs = new Map<Identity, KnownRun>()
  readonly #namesOfRequest = new Map<RequestId, readonly string[]>()
  readonly #watches = new Set<RequestId>()
  readonly #namesOfToken = new Map<Token, readonly string[]>()
  readonly #runOfToken = new Map<Token, Identity>()

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
        // Nobody but the watcher can tell whether a watch is there.
        if (this.#watches.has(command.request)) return { label: "stops watching", touched: [] }
        return this.#ofNames("withdraws its request for", this.#namesOfRequest.get(command.request))
      case "readCells":
        return {
          label: `reads ${command.names.join(", ")}`,
          touched: command.names.map((name) => reads(`cell ${name}`)),
        }
      case "commitCells":
        return this.#ofCommit(command)
      case "watchCells": {
        const { pattern, request } = command
        this.#watches.add(request)
        if (pattern.kind === "prefix") return { label: `watches ${pattern.prefix}…`, touched: [ANY_ACCESS] }
        return { label: `watches ${pattern.name}`, touched: [reads(`cell ${pattern.name}`)] }
      }
      case "claimRun": {
        const { operation, touched } = this.#know(command.spec)
        return { label: `calls ${operation}`, touched: [...touched, ...graphOf(command.holding)] }
      }
      case "putResult": {
        const { operation, touched } = this.#know(command.spec)
        return { label: `puts a result of ${operation}`, touched }
      }
      case "awaitRun":
        return this.#ofIdentity("awaits", runIdentityOf(command.run), graphOf(command.holding))
      case "forgetResult":
        return this.#ofIdentity("forgets", command.identity)
      case "readRun":
      case "peekRun": {
        const known = this.#runs.get(command.identity)
        return { label: `looks at ${nameOf(known)}`, touched: [reads(`run ${command.identity}`)] }
      }
      case "completeRun":
        return this.#ofIdentity("completes", this.#runOfToken.get(command.token))
      case "failRun":
        return this.#ofIdentity("fails", this.#runOfToken.get(command.token))
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

  /** As {@link learnOutcome}, from what arrives later; answers what was handed on by whatever event it was. */
  learn(event: StoreEvent): readonly Access[] {
    if (event.kind === "lockGranted") {
      const names = this.#namesOfRequest.get(event.request)
      if (names === undefined) return [ANY_ACCESS]
      this.#namesOfToken.set(event.token, names)
      return names.map(lockWrite)
    }
    if (event.kind === "runAssigned") {
      this.#runOfToken.set(event.claim.token, event.claim.identity)
      return this.#runs.get(event.claim.identity)?.touched ?? [ANY_ACCESS]
    }
    return NOTHING
  }

  #ofNames(what: string, names: readonly string[] | undefined): CommandStep {
    if (names === undefined) return { label: what, touched: [ANY_ACCESS] }
    return { label: `${what} ${names.join(", ")}`, touched: names.map(lockWrite) }
  }

  /** A command that changes a run of this identity. */
  #ofIdentity(what: string, identity: Identity | undefined, besides: readonly Access[] = []): CommandStep {
    const known = identity === undefined ? undefined : this.#runs.get(identity)
    // Of an identity nobody asked for by its arguments, the limits are unknown.
    return {
      label: `${what} ${nameOf(known)}`,
      touched: known === undefined ? [ANY_ACCESS] : [...known.touched, ...besides],
    }
  }

  #know({ identity, operation, concurrency, keyed }: RunSpec): KnownRun {
    const known = this.#runs.get(identity)
    if (known !== undefined) return known
    const limit = concurrency === null && keyed === null ? [] : [writes(`operation ${operation}`)]
    const run = { operation, touched: [writes(`run ${identity}`), ...limit] }
    this.#runs.set(identity, run)
    return run
  }

  #ofCommit({ holding, reads: read, writes: written, starts, complete }: CommitCells): CommandStep {
    // A run that completes with its commit wakes whoever awaits it, and may free its operation's limit.
    if (starts.length > 0 || complete !== null) return { label: "commits, with runs", touched: [ANY_ACCESS] }
    const names = written.map(({ name }) => name)
    // It is refused where the claim it is made under has ended (L8): others can cancel, forget or put the run.
    const claims = holding.map((token) => this.#runOfToken.get(token)).filter((run) => run !== undefined)
    const touched = [
      ...claims.map((identity) => reads(`run ${identity}`)),
      ...read.map(({ name }) => reads(`cell ${name}`)),
      ...written.map((write): Access => {
        const value = write.kind === "delete" ? "deleted" : showStored(write.value)
        return { resource: `cell ${write.name}`, mode: "write", value }
      }),
    ]
    return { label: `commits ${names.join(", ")}`, touched }
  }
}

type CommitCells = Extract<Command, { readonly kind: "commitCells" }>

function nameOf(known: KnownRun | undefined): string {
  return known?.operation ?? "a run"
}

function lockWrite(name: string): Access {
  return writes(`lock ${name}`)
}

function graphOf(holding: readonly Token[]): Access[] {
  return holding.length === 0 ? [] : [WAITING_GRAPH]
}
