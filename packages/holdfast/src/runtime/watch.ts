/**
 * Watching: an async iterable that is always at most one step behind.
 *
 * 1. It starts with the state at the moment it was registered, so nothing falls between looking and watching (C4).
 * 2. For each thing watched it keeps the newest state only: a slow reader skips, never goes back, and memory is bounded
 *    by what is watched.
 * 3. Leaving the loop, aborting, or closing the store ends it and withdraws the registration.
 */
import type { CellView, RequestId, RunId, RunView, WatchCells } from "../kernel/index.ts"
import type { StoreOutcome } from "../store/index.ts"
import { refusalError, unexpected } from "./refusal.ts"
import type { Session, WatchEvent } from "./session.ts"

/** What a watch gives: an async iterator that can be left at any time. */
export type Changes<T> = AsyncGenerator<T, void, undefined>

type Refusal = Extract<WatchEvent, { readonly kind: "requestRefused" }>

/** States not yet read, the newest one a key, and who waits for more. */
class Mailbox<State> {
  readonly #newest = new Map<string, State>()
  #wake: (() => void) | null = null
  isEnded = false
  /** Why what was watched is gone, where that is why it ended. */
  refusal: Refusal | null = null

  put(key: string, state: State): void {
    // Moved to the end: keys are read in the order of their newest change.
    this.#newest.delete(key)
    this.#newest.set(key, state)
    this.#wake?.()
  }

  /** Ends it: at once for a reader that leaves, after what is still unread where there will be no more. */
  end(refusal: Refusal | null = null): void {
    if (refusal === null) this.#newest.clear()
    this.refusal = refusal
    this.isEnded = true
    this.#wake?.()
  }

  take(): State | undefined {
    for (const [key, state] of this.#newest) {
      this.#newest.delete(key)
      return state
    }
    return undefined
  }

  async arrival(): Promise<void> {
    if (this.#newest.size > 0 || this.isEnded) return
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#wake = null
  }
}

interface WatchPlan<State> {
  readonly session: Session
  readonly signal: AbortSignal | undefined
  readonly register: (request: RequestId) => StoreOutcome | Promise<StoreOutcome>
  readonly initial: (outcome: StoreOutcome) => readonly State[] | undefined
  readonly fromEvent: (event: NonNullable<WatchEvent>) => State | undefined
  readonly keyOf: (state: State) => string
  readonly isNewer: (state: State, than: State) => boolean
  readonly isLast: (state: State) => boolean
}

/** Watches cells and turns each version into what the caller sees. */
export async function* watchCells<T>(
  session: Session,
  pattern: WatchCells["pattern"],
  options: { readonly signal?: AbortSignal },
  view: (cell: CellView) => T,
): Changes<T> {
  const states = watch<CellView>({
    session,
    signal: options.signal,
    register: (request) => session.execute({ kind: "watchCells", session: session.id, request, pattern }),
    initial: (outcome) => (outcome.kind === "cells" ? outcome.cells : undefined),
    fromEvent: (event) => (event.kind === "cellChanged" ? event.cell : undefined),
    keyOf: (cell) => cell.name,
    isNewer: (cell, than) => cell.version > than.version,
    isLast: () => false,
  })
  for await (const cell of states) yield view(cell)
}

/** Watches one run until it settles; the settled state is the last one given. */
export function watchRun(session: Session, run: RunId, options: { readonly signal?: AbortSignal }): Changes<RunView> {
  return watch<RunView>({
    session,
    signal: options.signal,
    register: (request) => session.execute({ kind: "watchRun", session: session.id, request, run }),
    initial: (outcome) => (outcome.kind === "run" && outcome.view !== null ? [outcome.view] : undefined),
    fromEvent: (event) => (event.kind === "runChanged" ? event.view : undefined),
    keyOf: (view) => view.run,
    // Events of one run come in order, and the first state is read before any of them can be.
    isNewer: () => true,
    isLast: (view) =>
      view.status === "completed" ||
      view.status === "canceled" ||
      view.status === "failed" ||
      view.status === "interrupted",
  })
}

async function* watch<State>(plan: WatchPlan<State>): Changes<State> {
  const { session, signal } = plan
  if (signal?.aborted === true) return
  const request = session.nextRequest()
  const mailbox = new Mailbox<State>()
  const seen = new Map<string, State>()
  const end = (): void => {
    mailbox.end()
  }
  signal?.addEventListener("abort", end, { once: true })
  session.watch(request, (event) => {
    const state = event === null ? undefined : plan.fromEvent(event)
    if (state !== undefined) mailbox.put(plan.keyOf(state), state)
    else mailbox.end(event?.kind === "requestRefused" ? event : null)
  })
  try {
    const outcome = await plan.register(request)
    const initial = plan.initial(outcome)
    if (initial === undefined) throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("watch", outcome)
    for (const state of initial) {
      seen.set(plan.keyOf(state), state)
      yield state
      if (plan.isLast(state)) return
    }
    for (;;) {
      for (let state = mailbox.take(); state !== undefined; state = mailbox.take()) {
        const key = plan.keyOf(state)
        const before = seen.get(key)
        if (before !== undefined && !plan.isNewer(state, before)) continue
        seen.set(key, state)
        yield state
        if (plan.isLast(state)) return
      }
      if (mailbox.isEnded) break
      await mailbox.arrival()
    }
    if (mailbox.refusal !== null) throw refusalError(mailbox.refusal)
  } finally {
    signal?.removeEventListener("abort", end)
    session.unwatch(request)
  }
}
