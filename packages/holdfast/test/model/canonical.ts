/**
 * What a store and the model must agree on, and what they need not: what is resident in memory never matters; and where a
 * store's tokens are not the kernel's own (not dense, say), tokens are told apart by when they first came up, and times
 * and texts are left out.
 */

/** Names tokens by when they first came up. */
export class TokenLabels {
  readonly #labels = new Map<number, number>()
  readonly #tokens: number[] = []

  label(token: number): number {
    let label = this.#labels.get(token)
    if (label === undefined) {
      label = this.#tokens.push(token)
      this.#labels.set(token, label)
    }
    return label
  }

  labelOf(token: number): number | undefined {
    return this.#labels.get(token)
  }

  tokenOf(label: number | undefined): number | undefined {
    return label === undefined ? undefined : this.#tokens[label - 1]
  }
}

const TIMES: ReadonlySet<string> = new Set([
  "at",
  "heldMs",
  "sinceMs",
  "createdAt",
  "notBefore",
  "startedAt",
  "settledAt",
])
const TEXTS: ReadonlySet<string> = new Set(["message", "details"])

/** An outcome or event, ready to be compared. With `labels` null, everything but residency counts. */
export function canonicalize(said: unknown, labels: TokenLabels | null): unknown {
  return walk(said, labels, "")
}

function walk(part: unknown, labels: TokenLabels | null, key: string): unknown {
  if (labels !== null && key === "token" && typeof part === "number") return labels.label(part)
  if (labels !== null && key === "run" && typeof part === "string") return mapRun(part, (token) => labels.label(token))
  if (typeof part !== "object" || part === null || ArrayBuffer.isView(part)) return part
  if (Array.isArray(part)) return part.map((item: unknown) => walk(item, labels, key))
  const result: Record<string, unknown> = {}
  // In order of name, so that two stores that write fields in different orders meet tokens in one order.
  for (const [name, value] of Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (name === "resident" || (labels !== null && (TIMES.has(name) || TEXTS.has(name)))) continue
    result[name] = walk(value, labels, name)
  }
  return result
}

/** A command of the model's as the store understands it: each token by its label. */
export function translate<Said>(command: Said, from: TokenLabels, to: TokenLabels): Said {
  // A token the store never gave must not be one it may have given.
  return mapTokens(command, (token) => to.tokenOf(from.labelOf(token)) ?? Number.MAX_SAFE_INTEGER - token)
}

/** A copy with every token, generations in run ids included, made into another. */
export function mapTokens<Said>(said: Said, map: (token: number) => number): Said {
  function mapped(part: unknown, key: string): unknown {
    if (TOKENS.has(key) && typeof part === "number") return map(part)
    if (key === "run" && typeof part === "string") return mapRun(part, map)
    if (typeof part !== "object" || part === null || ArrayBuffer.isView(part)) return part
    if (Array.isArray(part)) return part.map((item: unknown) => mapped(item, key))
    return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, mapped(value, name)]))
  }
  return mapped(said, "") as Said // Only numbers and texts changed into others.
}

const TOKENS: ReadonlySet<string> = new Set(["token", "holding"])

function mapRun(run: string, map: (token: number) => number): string {
  const end = run.lastIndexOf("@")
  return `${run.slice(0, end)}@${String(map(Number(run.slice(end + 1))))}`
}
