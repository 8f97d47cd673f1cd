/** Cells as users hold them: a named value that changes over time and never loses an update. */
import type { StandardSchemaV1 } from "@standard-schema/spec"
import {
  type CellView,
  checkName,
  encodeValue,
  freezeValue,
  HoldfastError,
  type Merge,
  sameValue,
  type Value,
} from "../kernel/index.ts"
import { checkFunction, checkOptions } from "./bounds.ts"
import type { CellUpdates } from "./cell-updates.ts"
import type { Committer } from "./committer.ts"
import { currentHolding } from "./scope.ts"
import type { Session } from "./session.ts"
import { type Changes, watchCells } from "./watch.ts"

/** How a cell is declared. Two declarations of one name should agree; the store keeps values, not declarations. */
export interface CellOptions<T> {
  /** Any Standard Schema (Zod, Valibot, ArkType), synchronous; every value written passes through it. */
  readonly schema?: StandardSchemaV1<unknown, T>
  /** What an absent cell reads as. */
  readonly initial?: T
  /**
   * Gives up conflict detection for speed: writes with {@link Cell.merge} combine by `max`, `counter` (sum) or `last`.
   * For progress and counts.
   */
  readonly relaxed?: Merge
}

/** A value with the version that wrote it; version 0 is a cell that never was. */
export interface Versioned<T> {
  readonly value: T
  readonly version: number
}

/** What all cells of a session share. */
export interface CellHome {
  readonly session: Session
  readonly updates: CellUpdates
  readonly committer: Committer
}

/** A named, versioned value. `T` includes undefined where the cell has no initial value: absent reads as undefined. */
export class Cell<T> {
  readonly name: string
  readonly #home: CellHome
  readonly #options: CellOptions<T>
  readonly #initial: Value | null

  /** @internal Made by `hf.cell`. */
  constructor(home: CellHome, name: string, options: CellOptions<T>) {
    checkName(name, "the name of a cell")
    checkOptions(options)
    const { relaxed } = options
    if (relaxed !== undefined) checkMerge(relaxed)
    this.name = name
    this.#home = home
    this.#options = options
    this.#initial = options.initial === undefined ? null : this.encode(options.initial)
    if (relaxed !== undefined && relaxed !== "last") checkStart(name, relaxed, this.#initial)
  }

  /** The value now; the initial one, or undefined, where there is none. A copy: changing it changes nothing. */
  async get(): Promise<T> {
    return (await this.read()).value
  }

  /** The value now and its version. */
  async read(): Promise<Versioned<T>> {
    const { session } = this.#home
    session.metrics.cell(this.name).reads += 1
    const view = await this.#home.committer.read(this.name, { head: false })
    return { value: this.decode(view), version: view.version }
  }

  /**
   * Writes the value whatever was there; returns the version it made.
   *
   * @throws HoldfastError VALUE_INVALID, VALUE_NOT_ENCODABLE, FENCED, CLOSED
   */
  async set(value: T): Promise<number> {
    const encoded = this.encode(value)
    return await this.#home.committer.write(
      { kind: "put", name: this.name, value: encoded },
      currentHolding(this.#home.session),
    )
  }

  /** Deletes the value; the deletion is a version too, which is returned. */
  async delete(): Promise<number> {
    return await this.#home.committer.write({ kind: "delete", name: this.name }, currentHolding(this.#home.session))
  }

  /**
   * Replaces the value by `fn` of it, atomically: of concurrent updates none is lost, and none ends in a conflict (C2).
   *
   * `fn` is synchronous, may run more than once, and must not change its input. Returns what was written.
   *
   * @throws HoldfastError VALUE_INVALID (`fn` was asynchronous, returned undefined or changed its input, or the schema
   *   rejected), VALUE_NOT_ENCODABLE, FENCED, CLOSED
   * @throws what `fn` throws; nothing is written then
   * @example await hf.cell("visits", { initial: 0 }).update((count) => count + 1)
   */
  async update(fn: (value: T) => T): Promise<T> {
    checkFunction(fn, "the function of update")
    const holding = currentHolding(this.#home.session)
    const written = await this.#home.updates.update(this.name, (current) => this.apply(fn, current), holding)
    return this.decodeValue(written)
  }

  /**
   * Merges a value into a relaxed cell. Merges of one tick travel together; progress is one commit, not a thousand.
   *
   * @throws HoldfastError ARGUMENT_INVALID when the cell was not declared `relaxed`, VALUE_INVALID for a NaN
   */
  async merge(value: T): Promise<void> {
    const { relaxed } = this.#options
    if (relaxed === undefined) {
      throw new HoldfastError(
        "ARGUMENT_INVALID",
        `cell "${this.name}" merges only when declared relaxed; declare it, or use update`,
      )
    }
    const encoded = this.encode(value)
    if (relaxed !== "last" && !isMergeable(relaxed, encoded)) {
      const wants = relaxed === "max" ? "numbers" : "finite numbers"
      throw this.#invalid(
        `it merges by ${relaxed}, which takes ${wants}, found ${typeof value === "number" ? String(value) : typeof value}`,
      )
    }
    // An absent cell reads as its initial value, and a maximum never falls below what was read.
    const least = relaxed === "max" && typeof encoded === "number" && typeof this.#initial === "number"
    const merged = least ? Math.max(encoded, this.#initial) : encoded
    await this.#home.updates.merge(this.name, relaxed, merged, currentHolding(this.#home.session))
  }

  /**
   * Every version from now on, in order, starting with the current one; a slow reader skips to the latest (C4).
   * Ends when `signal` is aborted, the loop is left, or the store closes.
   *
   * @example for await (const { value, version } of cell.watch()) console.log(version, value)
   */
  watch(options: { readonly signal?: AbortSignal } = {}): Changes<Versioned<T>> {
    const pattern = { kind: "name", name: this.name } as const
    return watchCells(this.#home.session, pattern, options, (view) => ({
      value: this.decode(view),
      version: view.version,
    }))
  }

  /** @internal Validates and encodes a value for this cell. */
  encode(value: unknown): Value {
    return this.#home.session.encode(this.#validate(value), `the value of cell "${this.name}"`)
  }

  /** @internal The value a stored version reads as. */
  decode(view: CellView): T {
    const value = view.value ?? this.#initial
    // Absent and without an initial value: T includes undefined by the declaration of hf.cell.
    return value === null ? (undefined as T) : this.decodeValue(value)
  }

  /** @internal */
  decodeValue(value: Value): T {
    // What is stored under the name was written through a declaration of it; the schema was applied then.
    return this.#home.session.decode(value) as T
  }

  /** @internal Applies an update function to a stored version and encodes what it returns. */
  apply(fn: (value: T) => T, current: CellView): Value {
    const stored = current.value ?? this.#initial
    const input = this.decode(current)
    const isFrozen = freezeValue(input)
    const output: unknown = this.#call(fn, input)
    if (isThenable(output)) {
      ignoreRejection(output)
      throw this.#invalid("the function of update is asynchronous; compute first, then update, or use transact")
    }
    if (output === undefined)
      throw this.#invalid("the function of update returned undefined; return the new value, or use delete")
    // Maps, Dates and typed arrays cannot be frozen: a change to them shows in their encoding.
    if (!isFrozen && stored !== null && !isStill(input, stored)) throw this.#mutated(undefined)
    return this.encode(output)
  }

  #call(fn: (value: T) => T, input: T): T {
    try {
      return fn(input)
    } catch (error) {
      throw error instanceof TypeError && FROZEN_WRITE.test(error.message) ? this.#mutated(error) : error
    }
  }

  #validate(value: unknown): unknown {
    const { schema } = this.#options
    if (schema === undefined) return value
    const result = schema["~standard"].validate(value)
    if (isThenable(result)) {
      ignoreRejection(result)
      throw this.#invalid("its schema validates asynchronously; cells need a synchronous one")
    }
    if (result.issues === undefined) return result.value
    const issues = result.issues.map((issue) => `${describePath(issue.path)}${issue.message}`)
    throw new HoldfastError("VALUE_INVALID", `cell "${this.name}" refuses the value: ${issues.join("; ")}`, {
      details: { cell: this.name, issues: result.issues },
    })
  }

  #invalid(what: string): HoldfastError {
    return new HoldfastError("VALUE_INVALID", `cell "${this.name}": ${what}`, { details: { cell: this.name } })
  }

  #mutated(cause: unknown): HoldfastError {
    const message = `cell "${this.name}": the function of update changed its input; return a new value instead, as in ({ ...value, done: true })`
    return new HoldfastError("VALUE_INVALID", message, { cause, details: { cell: this.name } })
  }
}

/** What V8 says when strict code writes to a frozen object or array. */
const FROZEN_WRITE = /read only property|not extensible|Cannot (?:add|delete|define|redefine) property/

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function"
}

/** What is refused for being a promise must not end the process when it rejects later. */
function ignoreRejection(promise: PromiseLike<unknown>): void {
  promise.then(ignore, ignore)
}

function ignore(): void {
  // See the call.
}

/** Whether a decoded value still has the encoding it was decoded from. */
function isStill(input: unknown, stored: Value): boolean {
  try {
    return sameValue(encodeValue(input, "the input of update"), stored)
  } catch {
    return false
  }
}

function isMergeable(merge: "max" | "counter", value: Value): boolean {
  return typeof value === "number" && (merge === "max" ? !Number.isNaN(value) : Number.isFinite(value))
}

function checkMerge(merge: unknown): void {
  if (merge === "max" || merge === "counter" || merge === "last") return
  const found = typeof merge === "string" ? JSON.stringify(merge) : typeof merge
  throw new HoldfastError("ARGUMENT_INVALID", `relaxed must be "max", "counter" or "last", found ${found}`)
}

/** The store adds to what is stored, and knows no initial values. */
function checkStart(name: string, merge: "max" | "counter", initial: Value | null): void {
  if (initial === null || (merge === "counter" ? initial === 0 : isMergeable(merge, initial))) return
  const wanted = merge === "counter" ? "0: set another start once, with set" : "a number"
  throw new HoldfastError(
    "ARGUMENT_INVALID",
    `the initial value of cell "${name}", which merges by ${merge}, must be ${wanted}`,
  )
}

function describePath(path: StandardSchemaV1.Issue["path"]): string {
  if (path === undefined || path.length === 0) return ""
  return `at ${path.map((segment) => String(typeof segment === "object" ? segment.key : segment)).join(".")}: `
}
