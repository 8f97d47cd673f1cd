/**
 * Scopes: one callback running under Holdfast each, in a tree that follows the program's asynchronous calls.
 *
 *     root ──lock.run──▶ scope (a grant) ──lock.run──▶ scope (another) …      a body's scope starts a tree of its own
 *
 * 1. A scope knows the tokens of everything its chain holds; requests and commits made inside carry them without being
 *    asked (L7, L8).
 * 2. A scope ends with its callback. What goes on inside afterwards was not awaited, and is refused with GRANT_LOST.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import { HoldfastError, type Token } from "../kernel/index.ts"
import type { Execution } from "./execution.ts"
import type { Session } from "./session.ts"

const NO_TOKENS: readonly Token[] = []

/** One storage for all stores of the process: each one costs every promise of the program a little. */
const current = new AsyncLocalStorage<Scope | undefined>()

export class Scope {
  readonly session: Session
  /** The scope around this one; a body's scope has none. */
  readonly outer: Scope | undefined
  /** Tokens held by this scope and those around it in the same store, outermost first. */
  readonly holding: readonly Token[]
  /** The run whose body this scope is in, if any. */
  readonly execution: Execution | null
  isEnded = false

  private constructor(session: Session, outer: Scope | undefined, token: Token, execution: Execution | null) {
    const around = outer === undefined ? NO_TOKENS : tokensFor(outer, session)
    this.session = session
    this.outer = outer
    this.holding = around.length === 0 ? [token] : [...around, token]
    this.execution = execution
  }

  /** A scope inside `outer`, for a grant. */
  static inside(outer: Scope | undefined, session: Session, token: Token): Scope {
    return new Scope(session, outer, token, outer === undefined ? null : outer.execution)
  }

  /** The root scope of a body: it inherits no caller's locks (O8). */
  static ofBody(session: Session, token: Token, execution: Execution): Scope {
    return new Scope(session, undefined, token, execution)
  }

  /** Runs `fn` inside this scope. */
  run<Args extends unknown[], T>(fn: (...args: Args) => T, ...args: Args): T {
    return current.run(this, fn, ...args)
  }
}

/** Runs `fn` in no scope: what it starts holds nothing and may outlive the caller's scope. */
export function detached<T>(fn: () => T): T {
  return current.run(undefined, fn)
}

/**
 * Tokens the running code holds in this session's store.
 *
 * @throws HoldfastError GRANT_LOST when the code's scope has ended.
 */
export function currentHolding(session: Session): readonly Token[] {
  return holdingOf(currentScope(), session)
}

/**
 * The scope of the running code.
 *
 * @throws HoldfastError GRANT_LOST when it has ended.
 */
export function currentScope(): Scope | undefined {
  const scope = current.getStore()
  if (scope !== undefined) assertLive(scope)
  return scope
}

/** Tokens that code in `scope` holds in this session's store, also through another session of it. */
export function holdingOf(scope: Scope | undefined, session: Session): readonly Token[] {
  if (scope === undefined) return NO_TOKENS
  return scope.session === session ? scope.holding : tokensFor(scope, session)
}

/** The body the running code is part of, in this session's store. */
export function currentExecution(session: Session): Execution | null {
  const execution = current.getStore()?.execution ?? null
  return execution !== null && execution.session.storeId === session.storeId ? execution : null
}

function tokensFor(scope: Scope, { storeId }: Session): readonly Token[] {
  for (let each: Scope | undefined = scope; each !== undefined; each = each.outer) {
    if (each.session.storeId === storeId) return each.holding
  }
  return NO_TOKENS
}

function assertLive(scope: Scope): void {
  for (let each: Scope | undefined = scope; each !== undefined; each = each.outer) {
    if (!each.isEnded) continue
    throw new HoldfastError(
      "GRANT_LOST",
      "this code runs in a scope that has ended: its callback returned before this was done; await it there, or start it with detached()",
    )
  }
}
