/**
 * Brings nodes to their normal form, as far as somebody wants them: a constant, a list of nodes, or an image that is named
 * but not computed. Everything else is rewritten: calls to what their bodies come to, loops to lists of calls, scalar
 * arithmetic to its value. Names of images are enough to know what would be computed, and whether it has been.
 *
 *     new ──wanted──▶ underway ──its inputs are normal──▶ rewritten ──▶ normal
 *                        │  └──one of them waits──▶ waiting ──the last of them is normal──▶ underway
 *                        └──one of them failed, or the rewriting did──▶ failed
 *
 * 1. Each node is rewritten at most once, and its normal form is normal.
 * 2. A step costs what a node has of inputs, however many nodes there are.
 * 3. Nothing calls itself: what is underway lies on a stack, so that graphs may be as deep as memory reaches.
 * 4. Whoever waits is woken by what it waits for, once; a failure wakes like a normal form does.
 */
import { type Graph, type Handle, type Site } from "../graph/graph.ts"
import { type Computed, Rewriting } from "./rewrite.ts"

/** Why a node has no value. */
export interface Failure {
  readonly message: string
  /** Where the program asked for what failed. */
  readonly site: Site
  readonly cause: unknown
}

const NEW = 0
const UNDERWAY = 1
const WAITING = 2
const NORMAL = 3
const FAILED = 4

export class Evaluation {
  readonly #graph: Graph
  readonly #rewriting: Rewriting
  #states = new Uint8Array(0)
  /** The next input to look at. */
  #cursors = new Int32Array(0)
  /** What a node was rewritten to, and then the normal form of that; plus one, so that 0 is nothing. */
  #targets = new Int32Array(0)
  /** Of those that wait, how many they wait for. */
  #missing = new Int32Array(0)
  readonly #waiters = new Map<Handle, Handle[]>()
  readonly #failures = new Map<Handle, Failure>()
  readonly #callers = new Map<Handle, (() => void)[]>()
  readonly #stack: Handle[] = []
  #isDriving = false

  constructor(graph: Graph, rewriting: Rewriting) {
    this.#graph = graph
    this.#rewriting = rewriting
  }

  /** The normal form of a node, known at once where nothing outside has to be asked. @throws EvaluationFailed */
  normalize(handle: Handle): Handle | Promise<Handle> {
    this.#want(handle)
    this.#drive()
    const state = this.#states[handle]
    if (state === NORMAL || state === FAILED) return this.#settled(handle)
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        try {
          resolve(this.#settled(handle))
        } catch (error) {
          reject(error)
        }
      }
      const callers = this.#callers.get(handle)
      if (callers === undefined) this.#callers.set(handle, [settle])
      else callers.push(settle)
    })
  }

  /** What a node was rewritten to last, however far that has come: for a normal one its normal form. */
  furthest(handle: Handle): Handle {
    let at = handle
    for (;;) {
      const next = (this.#targets[at] ?? 0) - 1
      if (next < 0 || next === at) return at
      at = next as Handle // What it was rewritten to.
    }
  }

  #settled(handle: Handle): Handle {
    const failure = this.#failures.get(handle)
    if (failure !== undefined) throw new EvaluationFailed(failure)
    return this.#normalOf(handle)
  }

  #normalOf(handle: Handle): Handle {
    return ((this.#targets[handle] ?? 0) - 1) as Handle // Set when it became normal.
  }

  #want(handle: Handle): void {
    if (handle >= this.#states.length) this.#grow()
    if (this.#states[handle] !== NEW) return
    this.#states[handle] = UNDERWAY
    this.#stack.push(handle)
  }

  #grow(): void {
    const capacity = Math.max(1_024, 2 * this.#graph.size)
    this.#states = copied(this.#states, new Uint8Array(capacity))
    this.#cursors = copied(this.#cursors, new Int32Array(capacity))
    this.#targets = copied(this.#targets, new Int32Array(capacity))
    this.#missing = copied(this.#missing, new Int32Array(capacity))
  }

  #drive(): void {
    if (this.#isDriving) return
    this.#isDriving = true
    try {
      for (let top = this.#stack.at(-1); top !== undefined; top = this.#stack.at(-1)) this.#step(top)
    } finally {
      this.#isDriving = false
    }
  }

  /** Goes on with the topmost node: to its next input, to its rewriting, or off the stack. */
  #step(handle: Handle): void {
    const target = this.#targets[handle] ?? 0
    if (target !== 0) return this.#follow(handle, (target - 1) as Handle)
    const count = this.#rewriting.neededInputs(handle)
    for (let at = this.#cursors[handle] ?? 0; at < count; at += 1) {
      const input = this.#graph.input(handle, at)
      if (input >= this.#states.length) this.#grow()
      if (this.#states[input] === NEW) {
        this.#cursors[handle] = at + 1
        this.#want(input)
        return
      }
    }
    this.#cursors[handle] = count
    let missing = 0
    for (let at = 0; at < count; at += 1) {
      const input = this.#graph.input(handle, at)
      const state = this.#states[input]
      if (state === FAILED) return this.#fail(handle, this.#failures.get(input))
      if (state !== NORMAL) {
        missing += 1
        this.#addWaiter(input, handle)
      }
    }
    if (missing > 0) return this.#park(handle, missing)
    this.#rewrite(handle, count)
  }

  #rewrite(handle: Handle, count: number): void {
    const normals: Handle[] = []
    for (let at = 0; at < count; at += 1) normals.push(this.#normalOf(this.#graph.input(handle, at)))
    try {
      const rewritten = this.#rewriting.rewrite(handle, normals)
      switch (rewritten.kind) {
        case "normal":
          return this.#finish(handle, rewritten.handle)
        case "becomes":
          this.#targets[handle] = rewritten.handle + 1
          return
        case "computed":
          this.#park(handle, 1)
          void this.#await(handle, rewritten)
      }
    } catch (error) {
      this.#fail(handle, this.#failureOf(handle, error))
    }
  }

  async #await(handle: Handle, { handle: computed }: Computed): Promise<void> {
    try {
      const found = await computed
      this.#targets[handle] = found + 1
      this.#missing[handle] = 0
      this.#states[handle] = UNDERWAY
      this.#stack.push(handle)
    } catch (error) {
      this.#settleLate(handle, this.#failureOf(handle, error))
    }
    this.#drive()
  }

  /** A node that was rewritten has the normal form of what it was rewritten to. */
  #follow(handle: Handle, target: Handle): void {
    if (target >= this.#states.length) this.#grow()
    switch (this.#states[target]) {
      case NEW:
        return this.#want(target)
      case NORMAL:
        return this.#finish(handle, this.#normalOf(target))
      case FAILED:
        return this.#fail(handle, this.#failures.get(target))
      default:
        this.#addWaiter(target, handle)
        return this.#park(handle, 1)
    }
  }

  #addWaiter(of: Handle, waiter: Handle): void {
    const waiters = this.#waiters.get(of)
    if (waiters === undefined) this.#waiters.set(of, [waiter])
    else waiters.push(waiter)
  }

  #park(handle: Handle, missing: number): void {
    this.#states[handle] = WAITING
    this.#missing[handle] = missing
    this.#stack.pop()
  }

  #finish(handle: Handle, normal: Handle): void {
    this.#stack.pop()
    if (normal >= this.#states.length) this.#grow()
    this.#targets[handle] = normal + 1
    this.#states[handle] = NORMAL
    // A normal form is its own.
    this.#targets[normal] = normal + 1
    this.#states[normal] = NORMAL
    this.#wake(handle)
  }

  #fail(handle: Handle, failure: Failure | undefined): void {
    this.#stack.pop()
    this.#settleLate(handle, failure ?? this.#failureOf(handle, undefined))
  }

  #settleLate(handle: Handle, failure: Failure): void {
    this.#failures.set(handle, failure)
    this.#states[handle] = FAILED
    this.#wake(handle)
  }

  #wake(handle: Handle): void {
    const waiters = this.#waiters.get(handle)
    if (waiters !== undefined) {
      this.#waiters.delete(handle)
      for (const waiter of waiters) {
        const missing = (this.#missing[waiter] ?? 1) - 1
        this.#missing[waiter] = missing
        if (missing > 0) continue
        this.#states[waiter] = UNDERWAY
        this.#stack.push(waiter)
      }
    }
    const callers = this.#callers.get(handle)
    if (callers === undefined) return
    this.#callers.delete(handle)
    for (const settle of callers) settle()
  }

  #failureOf(handle: Handle, cause: unknown): Failure {
    if (cause instanceof EvaluationFailed) return cause.failure
    const message = cause instanceof Error ? cause.message : String(cause)
    return { message, site: this.#graph.siteOf(handle), cause }
  }
}

/** A node has no value. */
export class EvaluationFailed extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.message, { cause: failure.cause })
    this.name = "EvaluationFailed"
    this.failure = failure
  }
}

function copied<T extends Uint8Array | Int32Array>(from: T, to: T): T {
  to.set(from)
  return to
}
