/**
 * What went wrong in a schedule, as far as its accesses show it: who overwrote what, and who acted on what was no longer so.
 * Each finding is a statement about order that can be read off the trace. Nothing is said about a resource nobody named,
 * and nothing about what orders others: locks and runs of Holdfast are written by everybody who asks for them.
 */
import { type Access, ANYTHING } from "../access.ts"
import type { Row } from "./rows.ts"

/** What a finding is, the surest first. */
export type FindingKind =
  | "lost-update"
  | "check-then-act"
  | "overwritten-before-use"
  | "crossed-writes"
  | "torn-read"
  | "stale-read"
  | "overwritten-unread"

/** An access that takes part in a finding. */
export interface FoundAccess {
  /** The number of the row it happened in. */
  readonly row: number
  readonly actor: string
  readonly mode: Access["mode"]
  readonly resource: string
  /** What was read or written; null where nobody knows. */
  readonly value: string | null
  /** What it has to do with the others, in a few words. */
  readonly note: string
}

/** Something that went wrong. */
export interface Finding {
  readonly kind: FindingKind
  readonly text: string
  /** In the order in which they happened. */
  readonly accesses: readonly FoundAccess[]
}

/**
 * Finds what went wrong, the surest first. Of findings about the same two accesses only the first is given, and those that
 * may well be meant (what was read and written in between, what nobody read) only where there is no other.
 */
export function findRaces(rows: readonly Row[]): Finding[] {
  const touches = collectTouches(rows)
  const byResource = groupBy(touches, ({ resource }) => resource)
  const sure = [
    ...findLostUpdates(byResource),
    ...findChecksThenActs(touches, byResource),
    ...findOverwrittenBeforeUse(byResource),
    ...findCrossedWrites(byResource),
  ]
  if (sure.length > 0) return tellOnce(sure)
  return tellOnce([
    ...findTornReads(byResource),
    ...findStaleReads(rows, byResource),
    ...findOverwrittenUnread(byResource),
  ])
}

function tellOnce(found: readonly Found[]): Finding[] {
  const told = new Set<string>()
  return found.flatMap(({ kind, text, accesses, conflict }) => {
    const key = JSON.stringify(conflict.map(({ at }) => at))
    if (told.has(key)) return []
    told.add(key)
    return [{ kind, text, accesses }]
  })
}

/** An access and where in the schedule it is. */
interface Touch {
  /** Its place among all touches. */
  readonly at: number
  readonly row: number
  readonly actor: string
  readonly mode: Access["mode"]
  readonly resource: string
  readonly value: string | null
}

interface Found extends Finding {
  /** The accesses of two actors whose order went wrong. */
  readonly conflict: readonly Touch[]
}

function collectTouches(rows: readonly Row[]): Touch[] {
  const touches: Touch[] = []
  for (const { number, actor, accesses, result } of rows) {
    if (actor === "") continue
    for (const { resource, mode, value } of accesses) {
      if (resource === ANYTHING || ORDERING.test(resource)) continue
      // What a call of one access answered is what it read.
      const read = mode === "read" && accesses.length === 1 ? result : null
      const effective = mode === "write" && value === null && isRefusal(result) ? "read" : mode
      touches.push({ at: touches.length, row: number, actor, mode: effective, resource, value: value ?? read })
    }
  }
  return touches
}

/** A write that was declared but answered so may not have taken place, as an insert of what is there already. */
function isRefusal(result: string | null): boolean {
  return result === "false" || (result !== null && /^(?:\w*Error|thrown): /.test(result))
}

/** What Holdfast's own commands touch beside cells: `command-access.ts`. */
const ORDERING = /^(?:lock|run|operation|holdfast) /

function findLostUpdates(byResource: ReadonlyMap<string, readonly Touch[]>): Found[] {
  return [...byResource.values()].flatMap((touches) =>
    touches.flatMap((overwrite, index): Found[] => {
      if (overwrite.mode !== "write") return []
      const read = touches.findLastIndex(({ actor }, at) => at < index && actor === overwrite.actor)
      const before = touches[read]
      const lost = touches.slice(read + 1, index).findLast(isWriteOfOthers(overwrite.actor))
      if (before === undefined || lost === undefined) return []
      // Of writes alone, only their values tell that one is not an addition to the other.
      if (before.mode === "write" && (overwrite.value === null || lost.value === null)) return []
      const earlier = before.mode === "read" ? "had read it before" : "had not read it since its own write"
      return [
        {
          kind: "lost-update",
          text: `Lost update of ${lost.resource}: ${valueThat(lost)} wrote (T${lost.row}) was overwritten by ${overwrite.actor} (T${overwrite.row}), which ${earlier} (T${before.row})`,
          accesses: [
            note(before, before.mode === "read" ? `read before T${lost.row}` : `not read since, T${overwrite.row}`),
            note(lost, `LOST at T${overwrite.row}`),
            note(overwrite, `overwrites T${lost.row}`),
          ],
          conflict: [lost, overwrite],
        },
      ]
    }),
  )
}

function findOverwrittenBeforeUse(byResource: ReadonlyMap<string, readonly Touch[]>): Found[] {
  return [...byResource.values()].flatMap((touches) =>
    touches.flatMap((lost, index): Found[] => {
      if (lost.mode !== "write") return []
      const back = touches.findIndex(({ actor }, at) => at > index && actor === lost.actor)
      const use = touches[back]
      // Whoever had read it before may well have taken it up, and so may a write of nobody knows what.
      const overwrite = touches[index + 1]
      if (use === undefined || overwrite === undefined || !isWriteOfOthers(lost.actor)(overwrite)) return []
      if (lost.value === null || overwrite.value === null) return []
      return [
        {
          kind: "overwritten-before-use",
          text: `Overwritten before use: ${valueThat(lost)} wrote to ${lost.resource} (T${lost.row}) was overwritten by ${overwrite.actor} (T${overwrite.row}) before ${lost.actor} came back to it (T${use.row})`,
          accesses: [
            note(lost, `LOST at T${overwrite.row}`),
            note(overwrite, `overwrites T${lost.row}`),
            note(use, `not what T${lost.row} wrote`),
          ],
          conflict: [lost, overwrite],
        },
      ]
    }),
  )
}

function findChecksThenActs(touches: readonly Touch[], byResource: ReadonlyMap<string, readonly Touch[]>): Found[] {
  return touches.flatMap((check): Found[] => {
    if (check.mode !== "read") return []
    const same = byResource.get(check.resource) ?? []
    const again = same.find(({ at, actor }) => at > check.at && actor === check.actor)?.at ?? Infinity
    const change = same.find((touch) => touch.at > check.at && isWriteOfOthers(check.actor)(touch))
    if (change === undefined) return []
    const act = touches.find(
      ({ at, row, actor, mode }) =>
        at > change.at && at < again && row > change.row && actor === check.actor && mode === "write",
    )
    if (act === undefined) return []
    return [
      {
        kind: "check-then-act",
        text: `Write between check and act: ${check.actor} read ${check.resource} (T${check.row}) and wrote ${act.resource} (T${act.row}); in between, ${change.actor} wrote ${valueTo(change)} (T${change.row})`,
        accesses: [
          note(check, `checked before T${change.row}`),
          note(change, `between T${check.row} and T${act.row}`),
          note(act, `acts on T${check.row}`),
        ],
        conflict: [check, change],
      },
    ]
  })
}

/** Two resources that two actors both wrote, each of which ends with what another one wrote. */
function findCrossedWrites(byResource: ReadonlyMap<string, readonly Touch[]>): Found[] {
  const ends = [...byResource.values()].flatMap((touches) => {
    const last = touches.findLast(({ mode }) => mode === "write")
    return last === undefined ? [] : [{ last, touches }]
  })
  return ends.flatMap((one, index) =>
    ends.slice(index + 1).flatMap((other): Found[] => {
      const under = one.touches.findLast(({ actor, mode }) => mode === "write" && actor === other.last.actor)
      const beneath = other.touches.findLast(({ actor, mode }) => mode === "write" && actor === one.last.actor)
      if (under === undefined || beneath === undefined || one.last.actor === other.last.actor) return []
      // Whoever read what it overwrote may well have taken it up.
      if (isRead(one.touches, under, one.last) || isRead(other.touches, beneath, other.last)) return []
      const [first, second] = one.last.at < other.last.at ? [one.last, other.last] : [other.last, one.last]
      const accesses = [
        note(under, `overwritten at T${one.last.row}`),
        note(beneath, `overwritten at T${other.last.row}`),
        note(one.last, `stays, as T${other.last.row} does`),
        note(other.last, `stays, as T${one.last.row} does`),
      ]
      return [
        {
          kind: "crossed-writes",
          text: `Crossed writes: both ${first.actor} and ${second.actor} wrote ${first.resource} and ${second.resource}, but ${first.resource} ends with ${valueThat(first)} wrote (T${first.row}), and ${second.resource} with ${valueThat(second)} wrote (T${second.row})`,
          accesses: accesses.toSorted((left, right) => left.row - right.row),
          conflict: [first, second],
        },
      ]
    }),
  )
}

/** Two reads of one actor, between which another wrote both, or which both lie between the other's two writes. */
function findTornReads(byResource: ReadonlyMap<string, readonly Touch[]>): Found[] {
  const resources = [...byResource.values()]
  return resources.flatMap((first) =>
    resources.flatMap((second): Found[] => {
      if (first === second) return []
      return first.flatMap((one): Found[] => {
        if (one.mode !== "read") return []
        const other = second.find(({ at, actor, mode }) => at > one.at && actor === one.actor && mode === "read")
        if (other === undefined) return []
        // Whoever looks again may well notice.
        const isAgain = ({ at, actor }: Touch): boolean => at > other.at && actor === one.actor
        if (first.some(isAgain) || second.some(isAgain)) return []
        return [...tearBetween(one, other, first, second), ...tearAround(one, other, first, second)]
      })
    }),
  )
}

function tearBetween(one: Touch, other: Touch, first: readonly Touch[], second: readonly Touch[]): Found[] {
  const isBetween = ({ at }: Touch): boolean => at > one.at && at < other.at
  const change = first.find((touch) => isBetween(touch) && isWriteOfOthers(one.actor)(touch))
  const also = second.findLast((touch) => isBetween(touch) && touch.mode === "write" && touch.actor === change?.actor)
  if (change === undefined || also === undefined) return []
  return [
    {
      kind: "torn-read",
      text: `Torn read: between ${one.actor}'s reads of ${one.resource} (T${one.row}) and of ${other.resource} (T${other.row}), ${change.actor} wrote both (${rowsOf(change, also)})`,
      accesses: [
        note(one, `before T${change.row}`),
        ...[
          note(change, `between T${one.row} and T${other.row}`),
          note(also, `between T${one.row} and T${other.row}`),
        ].toSorted((left, right) => left.row - right.row),
        note(other, `after T${also.row}`),
      ],
      conflict: [one, change],
    },
  ]
}

function tearAround(one: Touch, other: Touch, first: readonly Touch[], second: readonly Touch[]): Found[] {
  const isOfOthers = isWriteOfOthers(one.actor)
  // Whichever of the two was written before both were read, the same actor wrote the other one only afterwards.
  for (const [early, late] of [
    [first, second],
    [second, first],
  ] as const) {
    const before = early.findLast((touch) => touch.at < one.at && isOfOthers(touch))
    const after = late.find((touch) => touch.at > other.at && touch.mode === "write" && touch.actor === before?.actor)
    // Whoever had written both before is at its next round.
    const hasBoth = late.some(({ at, actor, mode }) => at < one.at && mode === "write" && actor === before?.actor)
    if (before === undefined || after === undefined || hasBoth) continue
    return [
      {
        kind: "torn-read",
        text: `Torn read: ${one.actor} read ${one.resource} (T${one.row}) and ${other.resource} (T${other.row}) after ${before.actor} had written ${before.resource} (T${before.row}) and before it wrote ${after.resource} (T${after.row})`,
        accesses: [
          note(before, `half done until T${after.row}`),
          note(one, `between T${before.row} and T${after.row}`),
          note(other, `between T${before.row} and T${after.row}`),
          note(after, `read before, at T${(late === first ? one : other).row}`),
        ],
        conflict: [late === first ? one : other, after],
      },
    ]
  }
  return []
}

/** What somebody had read was written by another before its next step, of which nobody says what it touches. */
function findStaleReads(rows: readonly Row[], byResource: ReadonlyMap<string, readonly Touch[]>): Found[] {
  return [...byResource.values()].flatMap((touches) =>
    touches.flatMap((read, index): Found[] => {
      const again = touches.find(({ actor }, at) => at > index && actor === read.actor)
      const change = touches.slice(index + 1).find(isWriteOfOthers(read.actor))
      if (read.mode !== "read" || change === undefined || (again !== undefined && again.at < change.at)) return []
      const act = rows.find(
        ({ number, kind, actor, accesses }) =>
          kind === "step" && actor === read.actor && number > change.row && isUntold(accesses),
      )
      if (act === undefined || (again !== undefined && again.row <= act.number)) return []
      return [
        {
          kind: "stale-read",
          text: `Stale read acted on: ${read.actor} went on (T${act.number}) after ${change.actor} had written ${valueTo(change)} (T${change.row}), which ${read.actor} had read before (T${read.row}) and did not read again`,
          accesses: [note(read, `read before T${change.row}`), note(change, `after T${read.row} read it`)],
          conflict: [read, change],
        },
      ]
    }),
  )
}

function isUntold(accesses: readonly Access[]): boolean {
  return accesses.every(({ resource }) => resource === ANYTHING)
}

function findOverwrittenUnread(byResource: ReadonlyMap<string, readonly Touch[]>): Found[] {
  return [...byResource.values()].flatMap((touches) =>
    touches.flatMap((overwrite, index): Found[] => {
      const lost = touches[index - 1]
      if (overwrite.mode !== "write" || lost === undefined || !isWriteOfOthers(overwrite.actor)(lost)) return []
      // A write of nobody knows what may be an addition.
      if (overwrite.value === null || lost.value === null) return []
      return [
        {
          kind: "overwritten-unread",
          text: `Overwritten unread: ${valueThat(lost)} wrote to ${lost.resource} (T${lost.row}) was overwritten by ${overwrite.actor} (T${overwrite.row}), and nobody had read it`,
          accesses: [note(lost, `LOST at T${overwrite.row}`), note(overwrite, `overwrites T${lost.row}`)],
          conflict: [lost, overwrite],
        },
      ]
    }),
  )
}

/** Whether the second access's actor had read what the first one wrote. */
function isRead(touches: readonly Touch[], first: Touch, second: Touch): boolean {
  return touches.some(
    ({ at, actor, mode }) => at > first.at && at < second.at && actor === second.actor && mode === "read",
  )
}

function rowsOf(one: Touch, other: Touch): string {
  const [first, second] = one.row <= other.row ? [one.row, other.row] : [other.row, one.row]
  return first === second ? `T${first}` : `T${first} and T${second}`
}

function isWriteOfOthers(actor: string): (touch: Touch) => boolean {
  return (touch) => touch.mode === "write" && touch.actor !== actor
}

function note({ row, actor, mode, resource, value }: Touch, text: string): FoundAccess {
  return { row, actor, mode, resource, value, note: text }
}

function valueThat({ value, actor }: Touch): string {
  return value === null ? `what ${actor}` : `the value ${value} that ${actor}`
}

function valueTo({ value, resource }: Touch): string {
  return value === null ? resource : `${value} to ${resource}`
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}
