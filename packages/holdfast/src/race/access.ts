/**
 * What the events of a schedule touch of what is shared, and which of two events therefore care about their order.
 *
 * Two events conflict when both touch one resource and at least one of them writes it. Events that do not conflict may be
 * swapped without anybody noticing, which is all that the reduction of an exploration rests on (`choices/reduced.ts`),
 * and what a timeline marks (`report/findings.ts`).
 */

/** One touch of something shared. */
export interface Access {
  /** What is touched: `variable balance`, `lock orders`, `file a.json`; whatever names it everywhere alike. */
  readonly resource: string
  readonly mode: "read" | "write"
  /** What was read or written, as a timeline shows it; null where nobody knows. */
  readonly value: string | null
}

/** The resource of whoever may have touched anything: it conflicts with every access there is. */
export const ANYTHING = "*"

/** What an event does that nothing is known of. */
export const ANY_ACCESS: Access = { resource: ANYTHING, mode: "write", value: null }

/** A read, as {@link ScenarioContext.step} takes it. */
export function reads(resource: string): Access {
  return { resource, mode: "read", value: null }
}

/** A write, as {@link ScenarioContext.step} takes it. */
export function writes(resource: string): Access {
  return { resource, mode: "write", value: null }
}

/** Whether the order of two events that touch these is seen by anybody. */
export function conflict(left: readonly Access[], right: readonly Access[]): boolean {
  for (const one of left) {
    for (const other of right) {
      if (one.resource === ANYTHING || other.resource === ANYTHING) return true
      if (one.resource === other.resource && (one.mode === "write" || other.mode === "write")) return true
    }
  }
  return false
}

/** A value as a timeline shows it: its JSON, cut to a line's worth. */
export function showValue(value: unknown): string {
  const MAX_LENGTH = 60
  const text = inJson(value) ?? Object.prototype.toString.call(value)
  // JSON in a string would be unreadable with each of its quotes escaped.
  if (typeof value === "string" && value.includes('"')) return `'${cutTo(MAX_LENGTH - 2, value)}'`
  return cutTo(MAX_LENGTH, text)
}

function cutTo(maxLength: number, text: string): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`
}

/** Undefined for what has no JSON: a cycle, a function. */
function inJson(value: unknown): string | undefined {
  if (value === undefined) return "undefined"
  if (typeof value === "bigint") return `${String(value)}n`
  try {
    // Not a string for a function or a symbol, whatever the declared type says.
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}
