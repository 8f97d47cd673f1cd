/**
 * The lock table: exclusive and shared grants, permits, several names at once, one arrival order.
 *
 * A request's life:
 *
 *     asked ──eligible in every queue──▶ granted ──release, lease over, session ends──▶ gone
 *       │
 *       ├──not waiting──▶ busy          parked ──withdrawn, session ends──▶ gone, no trace (L4)
 *       └──must wait────▶ parked ──eligible in every queue──▶ granted
 *
 * 1. A request is eligible in a queue when it is the first there and compatible with the holders; only eligible
 *    requests are granted, so nothing later passes anything (L1, L3).
 * 2. Every change that can make a first request eligible (a holder gone, a first request gone, a limit raised) pumps that
 *    queue before the command ends; an eligible request is never left standing.
 * 3. A lock without holders and without a queue is in the table only as one of a few spares; its limit, if any, is a
 *    stored row.
 */
import { assertInvariant } from "./assert.ts"
import type { AcquireLock, LockMode, RenewLock, ResizeLock } from "./command.ts"
import type { Context } from "./context.ts"
import type { Token } from "./ids.ts"
import type { GrantRow, TicketRow } from "./live-state.ts"
import { describeMs } from "./duration.ts"
import { describeName } from "./names.ts"
import type { LockView, Outcome, Refused } from "./outcome.ts"
import { refuse } from "./refuse.ts"
import {
  type Grant,
  type Holder,
  holdersOf,
  type Lock,
  type LockRequest,
  type Session,
  type Ticket,
  unregister,
} from "./state.ts"
import { findDeadlock } from "./waiting-graph.ts"
import type { WorkingSet } from "./working-set.ts"

/** A picture lists this many waiters; a queue of a million is counted, not printed. */
const LISTED_WAITERS = 100

/**
 * Idle locks kept for reuse: a program that takes the same few locks again and again then changes no table. Small beside
 * what a process holds anyway, and no name stays longer than this many others take to come by.
 */
const SPARE_LOCKS = 64

const NO_NAMES: readonly string[] = []

export class LockTable {
  readonly #context: Context
  readonly #limits: WorkingSet<number>
  readonly #locks = new Map<string, Lock>()
  /** Locks that were idle when they came in, in a ring; see {@link SPARE_LOCKS}. */
  readonly #spares: Lock[] = []
  #nextSpare = 0

  constructor(context: Context, limits: WorkingSet<number>) {
    this.#context = context
    this.#limits = limits
  }

  acquire(session: Session, command: AcquireLock): Outcome {
    const holders = this.#context.resolve(command.holding)
    const refused = this.#validate(session, command, holders)
    if (refused !== null) return refused
    const limited =
      command.limit === null ? NO_NAMES : command.names.filter((name) => this.#limits.get(name) === undefined)
    const misfit = this.#limit(limited, command)
    if (misfit !== null) return misfit
    const obstacle = this.#inTheWay(command)
    if (obstacle === undefined) {
      const grant = this.#grant(session, command, this.#open(command))
      if (this.#context.observe !== null) this.#observeGranted(grant, command, 0)
      return { kind: "granted", token: grant.token, at: grant.at }
    }
    if (!command.wait) {
      const lock = this.view(obstacle)
      this.#unlimit(limited)
      return { kind: "busy", lock }
    }
    const request = this.#park(session, command, holders)
    if (holders.length > 0) {
      const cycle = findDeadlock(request, this.#context.now)
      if (cycle !== null) {
        this.#unlimit(limited)
        this.#remove(request)
        this.#context.observe?.({
          kind: "deadlock.refused",
          at: this.#context.now,
          session: session.id,
          message: cycle.message,
        })
        return refuse("DEADLOCK", cycle.message, { cycle: cycle.steps })
      }
    }
    this.#context.observe?.({
      kind: "lock.waiting",
      at: this.#context.now,
      session: session.id,
      names: command.names,
      mode: command.mode,
      token: null,
      waitedMs: 0,
    })
    return { kind: "parked" }
  }

  /** Ends a wait and wakes whoever it was in the way of; O(names) plus the grants it enables (L4). */
  withdraw(request: LockRequest, reason: "timeout" | "abort" | "done"): LockView[] {
    const locks = reason === "timeout" ? request.tickets.map((ticket) => this.view(ticket.lock)) : []
    this.#remove(request)
    this.#observeWithdrawn(request, reason)
    return locks
  }

  /** Ends every wait of a session that ends, all of them before any queue moves on: none of them is granted. */
  withdrawAll(requests: readonly LockRequest[]): void {
    for (const request of requests) this.#unlink(request)
    for (const request of requests) {
      for (const ticket of request.tickets) this.#pump(ticket.lock)
      this.#observeWithdrawn(request, "ended")
    }
  }

  #observeWithdrawn(request: LockRequest, reason: "timeout" | "abort" | "done" | "ended"): void {
    this.#context.observe?.({
      kind: reason === "timeout" ? "lock.timeout" : "lock.withdrawn",
      at: this.#context.now,
      session: request.session.id,
      names: request.command.names,
      waitedMs: this.#context.now - request.since,
    })
  }

  release(session: Session, token: Token): Outcome {
    const holder = this.#context.holders.get(token)
    if (holder === undefined) return { kind: "unheld" }
    if (holder.session !== session || holder.kind !== "grant") return refuseStranger(token, holder)
    const heldMs = this.#context.now - holder.at
    this.end(holder, "released")
    return { kind: "released", heldMs }
  }

  renew(session: Session, command: RenewLock): Outcome {
    const holder = this.#context.holders.get(command.token)
    if (holder === undefined) return { kind: "unheld" }
    if (holder.session !== session || holder.kind !== "grant") return refuseStranger(command.token, holder)
    if (!isDuration(command.leaseMs)) return refuse("ARGUMENT_INVALID", "a lease is a number of milliseconds above 0")
    this.#context.cancel(holder.lease)
    holder.lease = this.#context.schedule(this.#context.now + command.leaseMs, { kind: "lease", grant: holder })
    this.#context.live?.renewed(holder)
    return { kind: "done" }
  }

  /** Sets another limit. Grants above a lowered limit stay; nothing new is granted until they are within it. */
  resize(command: ResizeLock): Outcome {
    const { name, limit } = command
    const stored = this.#limits.get(name)
    if (stored === undefined) {
      return refuse("LIMIT_MISMATCH", `"${name}" has no limit to resize; ask for it with one first`, { name })
    }
    if (!isCount(limit))
      return refuse("ARGUMENT_INVALID", `a limit must be a whole number from 1, found ${String(limit)}`)
    const lock = this.#locks.get(name)
    const blocked = lock === undefined ? null : this.#tryLimit(lock, limit)
    if (blocked !== null) return blocked
    if (lock !== undefined) lock.shrunk = lock.exclusive === null && lock.used > limit
    this.#limits.set(name, limit)
    this.#context.observe?.({ kind: "lock.resized", at: this.#context.now, name, limit })
    if (lock !== undefined) this.#pump(lock)
    return { kind: "done" }
  }

  /** Takes a grant back: its names are free for the next in line. */
  end(grant: Grant, how: "released" | "lost"): void {
    this.#context.holders.delete(grant)
    grant.session.grants.delete(grant)
    this.#context.cancel(grant.lease)
    this.#context.live?.grantEnded(grant)
    for (const lock of grant.locks) {
      lock.used -= grant.permits
      if (lock.shrunk && lock.limit !== null && lock.used <= lock.limit) lock.shrunk = false
      if (lock.exclusive === grant) lock.exclusive = null
      else lock.shared?.delete(grant)
    }
    this.#context.observe?.({
      kind: how === "lost" ? "lock.lost" : "lock.released",
      at: this.#context.now,
      session: grant.session.id,
      names: grant.locks.map((lock) => lock.name),
      token: grant.token,
      heldMs: this.#context.now - grant.at,
    })
    for (const lock of grant.locks) this.#pump(lock)
  }

  /** A grant of before this kernel, its limits loaded; dropped where its session is gone. */
  restoreGrant(session: Session | undefined, row: GrantRow): void {
    if (session === undefined) return
    const locks = row.names.map((name) => this.#openOne(name))
    for (const [at, lock] of locks.entries()) {
      const limit = row.limits[at] ?? null
      if (lock.limit !== null || limit === null) continue
      lock.limit = limit
      this.#limits.set(lock.name, limit)
    }
    const { token, request, mode, permits, at } = row
    const grant: Grant = { kind: "grant", token, session, request, locks, mode, permits, at, waits: null, lease: null }
    this.#hold(grant)
    for (const lock of locks) lock.shrunk = lock.exclusive === null && lock.limit !== null && lock.used > lock.limit
    if (row.leaseAt !== null) grant.lease = this.#context.schedule(row.leaseAt, { kind: "lease", grant })
    this.#context.live?.granted(grant)
  }

  /** A place in the queues of before this kernel, behind those that were restored before it. */
  restoreTicket(session: Session | undefined, { command, arrival, since }: TicketRow): void {
    if (session === undefined) return
    const holders = this.#context.resolve(command.holding)
    this.#enqueue({ kind: "lock", session, command, since, arrival, tickets: [], holders })
  }

  /** Grants what is eligible by now in any queue. */
  pumpAll(): void {
    for (const lock of this.#locks.values()) this.#pump(lock)
  }

  /** The token that holds `name` exclusively, if any. */
  exclusiveHolder(name: string): Token | undefined {
    return this.#locks.get(name)?.exclusive?.token
  }

  isInUse(name: string): boolean {
    const lock = this.#locks.get(name)
    return lock !== undefined && !isIdle(lock)
  }

  /** Locks that are held or waited for. */
  *locks(): Generator<Lock, void, undefined> {
    for (const lock of this.#locks.values()) if (!isIdle(lock)) yield lock
  }

  view(lock: Lock): LockView {
    const now = this.#context.now
    const waiters = []
    for (let ticket = lock.head; ticket !== null && waiters.length < LISTED_WAITERS; ticket = ticket.next) {
      const { session, command, since } = ticket.request
      waiters.push({ session: session.id, label: session.label, mode: command.mode, sinceMs: now - since })
    }
    const holders = holdersOf(lock).map((grant) => ({
      session: grant.session.id,
      label: grant.session.label,
      token: grant.token,
      mode: grant.mode,
      permits: grant.permits,
      sinceMs: now - grant.at,
    }))
    return { name: lock.name, limit: lock.limit, holders, waiters, waiterCount: lock.waiting }
  }

  #validate(session: Session, command: AcquireLock, holders: readonly Holder[]): Refused | null {
    const { names, permits } = command
    if (names.length !== 1 && (names.length === 0 || new Set(names).size !== names.length)) {
      return refuse("ARGUMENT_INVALID", "a lock request names one or several distinct locks")
    }
    if (!isCount(permits) || (command.limit !== null && !isCount(command.limit))) {
      return refuse("ARGUMENT_INVALID", "permits and limits are whole numbers from 1")
    }
    if (command.mode === "exclusive" && permits !== 1) {
      return refuse("ARGUMENT_INVALID", "an exclusive grant takes the lock whole; permits are asked of its shared side")
    }
    if (command.leaseMs !== null && !isDuration(command.leaseMs)) {
      return refuse("ARGUMENT_INVALID", "a lease is a number of milliseconds above 0")
    }
    if (command.wait && session.requests.has(command.request)) {
      return refuse("ARGUMENT_INVALID", `request ${String(command.request)} is already waiting`)
    }
    for (const name of names) {
      const stored = this.#limits.get(name)
      if (command.limit !== null && stored !== undefined && stored !== command.limit) {
        return refuse(
          "LIMIT_MISMATCH",
          `${describeName(name)} has the limit ${String(stored)}, asked for with ${String(command.limit)}; use the stored limit, or resize it`,
          { name, stored, asked: command.limit },
        )
      }
      const limit = stored ?? command.limit
      if (command.mode === "shared" && limit !== null && permits > limit) {
        return refuse(
          "ARGUMENT_INVALID",
          `${String(permits)} permits of ${describeName(name)} can never be granted: its limit is ${String(limit)}`,
        )
      }
    }
    return holders.length === 0 ? null : this.#refuseReentry(session, command, holders)
  }

  /** Locks are not re-entrant: a scope that asks for what it holds would wait for itself (L7). */
  #refuseReentry(session: Session, command: AcquireLock, holders: readonly Holder[]): Refused | null {
    for (const holder of holders) {
      if (holder.kind !== "grant") continue
      const lock = holder.locks.find((held) => command.names.includes(held.name))
      if (lock === undefined) continue
      const message = `${describeName(lock.name)} is already held by this scope or one around it (token ${String(holder.token)}, for ${describeMs(this.#context.now - holder.at)}); locks are not re-entrant: pass the work in, or leave the scope with detached()`
      this.#context.observe?.({ kind: "deadlock.refused", at: this.#context.now, session: session.id, message })
      return refuse("DEADLOCK", message, { cycle: [{ lock: lock.name, token: holder.token }] })
    }
    return null
  }

  /** The first of its locks that a new request would have to wait for. */
  #inTheWay(command: AcquireLock): Lock | undefined {
    for (const name of command.names) {
      const lock = this.#locks.get(name)
      if (lock !== undefined && (lock.head !== null || !isCompatible(lock, command))) return lock
    }
    return undefined
  }

  /** The locks of a request that was accepted, in the table and with their limits stored. */
  #open(command: AcquireLock): Lock[] {
    const locks: Lock[] = []
    for (const name of command.names) {
      const lock = this.#openOne(name)
      if (command.limit !== null && this.#limits.get(name) === undefined) {
        lock.limit = command.limit
        this.#limits.set(name, command.limit)
      }
      locks.push(lock)
    }
    return locks
  }

  #openOne(name: string): Lock {
    let lock = this.#locks.get(name)
    if (lock === undefined) {
      lock = {
        name,
        limit: this.#limits.get(name) ?? null,
        shared: null,
        used: 0,
        shrunk: false,
        exclusive: null,
        head: null,
        tail: null,
        waiting: 0,
        isSpare: false,
        joint: null,
      }
      this.#locks.set(name, lock)
    } else if (isIdle(lock)) {
      // Its row may have changed or left memory while nobody used the lock.
      lock.limit = this.#limits.get(name) ?? null
    }
    return lock
  }

  #grant(session: Session, command: AcquireLock, locks: readonly Lock[]): Grant {
    const { now } = this.#context
    const grant: Grant = {
      kind: "grant",
      token: this.#context.nextToken(),
      session,
      request: command.request,
      locks,
      mode: command.mode,
      permits: command.permits,
      at: now,
      waits: null,
      lease: null,
    }
    // A constant message: this assertion is on the hot path, and text is made only for who reads it.
    for (const lock of locks) {
      assertInvariant(isCompatible(lock, command), "L1", "a lock is granted beside an incompatible holder")
    }
    this.#hold(grant)
    if (command.leaseMs !== null) {
      grant.lease = this.#context.schedule(now + command.leaseMs, { kind: "lease", grant })
    }
    this.#context.live?.granted(grant)
    return grant
  }

  #hold(grant: Grant): void {
    for (const lock of grant.locks) {
      lock.used += grant.permits
      if (grant.mode === "exclusive") lock.exclusive = grant
      else (lock.shared ??= new Set()).add(grant)
    }
    this.#context.holders.add(grant)
    grant.session.grants.add(grant)
  }

  #park(session: Session, command: AcquireLock, holders: readonly Holder[]): LockRequest {
    const { now } = this.#context
    const arrival = this.#context.nextArrival()
    return this.#enqueue({ kind: "lock", session, command, since: now, arrival, tickets: [], holders })
  }

  /** Puts a request at the end of its queues. */
  #enqueue(request: LockRequest): LockRequest {
    const { session, command, tickets, holders } = request
    for (const lock of this.#open(command)) {
      const ticket: Ticket = { request, lock, previous: lock.tail, next: null }
      if (lock.tail === null) lock.head = ticket
      else lock.tail.next = ticket
      lock.tail = ticket
      lock.waiting += 1
      if (command.names.length > 1) (lock.joint ??= new Set()).add(request)
      tickets.push(ticket)
    }
    session.requests.set(command.request, request)
    for (const holder of holders) (holder.waits ??= new Set()).add(request)
    this.#context.live?.parked(request)
    return request
  }

  /** Takes a parked request out of everything it stands in, and wakes whoever stood behind it. */
  #remove(request: LockRequest): void {
    this.#unlink(request)
    for (const ticket of request.tickets) this.#pump(ticket.lock)
  }

  #unlink(request: LockRequest): void {
    const { session, command } = request
    unregister(session, command.request, request)
    this.#context.live?.unparked(request)
    for (const holder of request.holders) holder.waits?.delete(request)
    for (const ticket of request.tickets) {
      const { lock } = ticket
      if (ticket.previous === null) lock.head = ticket.next
      else ticket.previous.next = ticket.next
      if (ticket.next === null) lock.tail = ticket.previous
      else ticket.next.previous = ticket.previous
      lock.waiting -= 1
      lock.joint?.delete(request)
      if (lock.joint?.size === 0) lock.joint = null
    }
  }

  /** Grants from the front of the queue as long as the front is eligible; drops the lock when nothing is left of it. */
  #pump(start: Lock): void {
    if (start.head === null) {
      this.#retire(start)
      return
    }
    // A grant of several names frees the way in each of its queues, so those are pumped in turn.
    const pending: Lock[] = [start]
    for (let lock = pending.pop(); lock !== undefined; lock = pending.pop()) {
      while (lock.head !== null && this.#isEligible(lock.head.request)) {
        const request: LockRequest = lock.head.request
        const locks = request.tickets.map((ticket) => ticket.lock)
        this.#unlink(request)
        this.#announce(request, this.#grant(request.session, request.command, locks))
        for (const other of locks) if (other !== lock) pending.push(other)
      }
      this.#retire(lock)
    }
  }

  /** An idle lock becomes a spare; the oldest spare that is still idle leaves the table. */
  #retire(lock: Lock): void {
    if (!isIdle(lock) || lock.isSpare) return
    lock.isSpare = true
    const oldest = this.#spares[this.#nextSpare]
    this.#spares[this.#nextSpare] = lock
    this.#nextSpare = (this.#nextSpare + 1) % SPARE_LOCKS
    if (oldest === undefined) return
    oldest.isSpare = false
    if (isIdle(oldest)) this.#locks.delete(oldest.name)
  }

  #isEligible(request: LockRequest): boolean {
    for (const ticket of request.tickets) {
      if (ticket.previous !== null || !isCompatible(ticket.lock, request.command)) return false
    }
    return true
  }

  #announce(request: LockRequest, grant: Grant): void {
    this.#context.emit({
      kind: "lockGranted",
      session: request.session.id,
      request: request.command.request,
      token: grant.token,
      at: grant.at,
    })
    this.#observeGranted(grant, request.command, grant.at - request.since)
  }

  #observeGranted(grant: Grant, { names, mode }: AcquireLock, waitedMs: number): void {
    const { token, at, session } = grant
    this.#context.observe?.({ kind: "lock.granted", at, session: session.id, names, mode, token, waitedMs })
  }

  /** Gives locks that are in use without a limit their first one, as a resize would: all of them or none. */
  #limit(names: readonly string[], command: AcquireLock): Refused | null {
    for (const name of names) {
      const lock = this.#locks.get(name)
      if (lock === undefined || command.limit === null) continue
      const refused = this.#tryLimit(lock, command.limit)
      if (refused !== null) {
        this.#unlimit(names)
        return refused
      }
      lock.shrunk = lock.exclusive === null && lock.used > command.limit
    }
    return null
  }

  /** Takes back limits a request brought along that was turned down. */
  #unlimit(names: readonly string[]): void {
    for (const name of names) {
      if (this.#limits.get(name) !== undefined) this.#limits.delete(name)
      const lock = this.#locks.get(name)
      if (lock === undefined) continue
      lock.limit = null
      lock.shrunk = false
    }
  }

  /** Sets the limit of a lock in use, unless that would leave a waiter without any hope (L7). */
  #tryLimit(lock: Lock, limit: number): Refused | null {
    const before = lock.limit
    lock.limit = limit
    if (before !== null && limit >= before) return null
    for (let ticket = lock.head; ticket !== null; ticket = ticket.next) {
      const { request } = ticket
      const asks = request.command.mode === "shared" ? request.command.permits : 1
      // A request for several names may have waits of others behind it in its other queues, though it holds nothing.
      const isWaitedFor = request.holders.length > 0 || request.tickets.length > 1
      const cycle = asks <= limit && isWaitedFor ? findDeadlock(request, this.#context.now) : null
      if (asks <= limit && cycle === null) continue
      lock.limit = before
      if (cycle !== null) return refuse("DEADLOCK", cycle.message, { cycle: cycle.steps })
      return refuse(
        "LIMIT_MISMATCH",
        `${describeName(lock.name)} cannot shrink to ${String(limit)}: a request for ${String(asks)} permits is waiting`,
        { name: lock.name },
      )
    }
    return null
  }

  /** Asserts L1, L3 and L4 over the whole table. */
  check(sessions: Iterable<Session>): void {
    for (const lock of this.#locks.values()) {
      checkHolders(this.#context, lock)
      checkQueue(lock)
      const head = lock.head?.request
      assertInvariant(
        head === undefined || !this.#isEligible(head),
        "L3",
        `an eligible request stands in ${describeName(lock.name)}`,
      )
      assertInvariant(!isIdle(lock) || lock.isSpare, "L4", `${describeName(lock.name)} is idle and still in the table`)
      assertInvariant(
        isIdle(lock) || lock.limit === (this.#limits.get(lock.name) ?? null),
        "L1",
        `${describeName(lock.name)} does not have its stored limit`,
      )
    }
    for (const session of sessions) {
      for (const grant of session.grants.values()) {
        assertInvariant(
          this.#context.holders.get(grant.token) === grant,
          "L2",
          "a session's grant is not known by its token",
        )
      }
      for (const registration of session.requests.values()) {
        if (registration.kind !== "lock") continue
        for (const { lock } of registration.tickets) {
          assertInvariant(
            this.#locks.get(lock.name) === lock,
            "L4",
            "a request waits for a lock that is not in the table",
          )
        }
      }
    }
  }
}

function isIdle(lock: Lock): boolean {
  return lock.head === null && lock.used === 0
}

function isCompatible(lock: Lock, asked: { readonly mode: LockMode; readonly permits: number }): boolean {
  if (lock.exclusive !== null) return false
  if (asked.mode === "exclusive") return lock.used === 0
  return lock.limit === null || lock.used + asked.permits <= lock.limit
}

function isDuration(value: number): boolean {
  return value > 0 && value < Number.POSITIVE_INFINITY
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1
}

function refuseStranger(token: Token, holder: Holder): Refused {
  return refuse(
    "GRANT_LOST",
    `token ${String(token)} is held by another session or is no grant; only the grant itself releases`,
    {
      token,
      session: holder.session.id,
    },
  )
}

function checkHolders(context: Context, lock: Lock): void {
  const holders = holdersOf(lock)
  const used = holders.reduce((sum, grant) => sum + grant.permits, 0)
  assertInvariant(
    used === lock.used,
    "L1",
    `${describeName(lock.name)} counts ${String(lock.used)} permits, holders have ${String(used)}`,
  )
  assertInvariant(
    lock.exclusive === null || (lock.shared?.size ?? 0) === 0,
    "L1",
    `${describeName(lock.name)} is held exclusively and shared at once`,
  )
  assertInvariant(
    lock.limit === null || lock.exclusive !== null || lock.shrunk || used <= lock.limit,
    "L1",
    `${describeName(lock.name)} has ${String(used)} permits out, its limit is ${String(lock.limit)}`,
  )
  for (const grant of holders) {
    assertInvariant(
      grant.mode === (lock.exclusive === grant ? "exclusive" : "shared"),
      "L1",
      "a grant is held in another mode than it was given",
    )
    assertInvariant(context.holders.get(grant.token) === grant, "L5", "a holder is not known by its token")
    assertInvariant(grant.session.grants.get(grant.token) === grant, "L6", "a holder is not among its session's grants")
    assertInvariant(grant.token <= context.lastToken, "L2", "a token is ahead of its sequence")
  }
}

function checkQueue(lock: Lock): void {
  let count = 0
  let arrival = 0
  let joint = 0
  let previous: Ticket | null = null
  for (let ticket = lock.head; ticket !== null; ticket = ticket.next) {
    const { request } = ticket
    assertInvariant(request.arrival > arrival, "L3", `the queue of ${describeName(lock.name)} is out of order`)
    assertInvariant(ticket.previous === previous, "L4", `the queue of ${describeName(lock.name)} is broken`)
    assertInvariant(
      request.session.requests.get(request.command.request) === request,
      "L4",
      `a withdrawn request stands in ${describeName(lock.name)}`,
    )
    assertInvariant(
      lock.limit === null || request.command.mode === "exclusive" || request.command.permits <= lock.limit,
      "L1",
      `a request in ${describeName(lock.name)} asks for more than the limit`,
    )
    arrival = request.arrival
    previous = ticket
    count += 1
    if (request.tickets.length > 1) joint += 1
  }
  assertInvariant(
    lock.tail === previous && lock.waiting === count,
    "L4",
    `the queue of ${describeName(lock.name)} is miscounted`,
  )
  assertInvariant(
    (lock.joint?.size ?? 0) === joint,
    "L7",
    `joint requests of ${describeName(lock.name)} are miscounted`,
  )
}
