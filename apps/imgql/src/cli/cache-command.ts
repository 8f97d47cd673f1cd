/** `imgql cache`: what a store has of what programs computed, and its end. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { Holdfast, RunInfo } from "holdfast"
import { OPERATION_PREFIX } from "../engine/operations.ts"
import { showBytes } from "../files/file-error.ts"
import { CommandError } from "./command-error.ts"
import type { Console } from "./console.ts"
import { DIGEST_PREFIX } from "./digests.ts"
import { openStore } from "./open-store.ts"
import { ask } from "./question.ts"
import { folderOf } from "./store-place.ts"

/** So many results are looked at one by one: what they are takes memory, small results with them. */
const LISTED = 20_000
/** So many are forgotten between two looks. */
const PAGE = 1_000

interface CacheCommand {
  readonly store: string
  readonly isJson: boolean
}

/** What a store has. */
interface CacheInfo {
  readonly store: string
  readonly operations: number
  readonly failed: number
  readonly images: { readonly count: number; readonly bytes: number; readonly budgetBytes: number | null }
  /** Of how many the rest is told, the oldest first. */
  readonly listed: number
  readonly byPrimitive: Readonly<Record<string, number>>
  readonly oldest: string | null
  readonly newest: string | null
  /** Who else has the store open. */
  readonly users: readonly string[]
}

export async function showCache({ store: url, isJson }: CacheCommand, console: Console): Promise<void> {
  const info = await withStore(url, console, async (store) => await look(url, store))
  console.out.write(isJson ? `${JSON.stringify(info)}\n` : describe(info))
}

/**
 * Forgets every result of every program. What others compute at the moment is left to them.
 *
 * @throws CommandError E_USAGE where there is nobody to ask; Stopped where they answer with Ctrl-C
 */
export async function clearCache(
  { store: url, isConfirmed }: { readonly store: string; readonly isConfirmed: boolean },
  console: Console,
): Promise<void> {
  if (!isConfirmed && console.in.isTTY !== true) {
    const message = "cache clear asks before it forgets, and there is no terminal to ask at; say --yes"
    throw new CommandError("E_USAGE", message)
  }
  await withStore(url, console, async (store) => {
    const { operations, failed, images } = await look(url, store)
    const what = `${counted(operations + failed, "result")} (${showBytes(images.bytes)} of images) of ${url}`
    if (!isConfirmed && !(await ask(`Forget ${what}?`, console))) {
      console.out.write("nothing was forgotten\n")
      return
    }
    const forgotten = await forgetAll(store)
    console.out.write(`forgot ${counted(forgotten, "result")} (${showBytes(images.bytes)} of images)\n`)
  })
}

async function withStore<T>(url: string, console: Console, work: (store: Holdfast) => Promise<T>): Promise<T> {
  const { folder } = console
  const place = folderOf(url, folder)
  if (place === null) {
    throw new CommandError(
      "E_USAGE",
      `expected a store in a folder, found ${JSON.stringify(url)}, which ends with its run`,
    )
  }
  // Opening another folder would make a store of it.
  if (!existsSync(join(place, JOURNAL))) {
    throw new CommandError("E_STORE", `there is no store in ${place}; imgql run makes one`)
  }
  const store = await openStore({ url, folder, label: LABEL })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

const LABEL = "imgql cache"

/** What every store in a folder has (docs/cli.md). */
const JOURNAL = "journal.db"

async function look(url: string, store: Holdfast): Promise<CacheInfo> {
  const { runs, blobs, sessions } = await store.inspect()
  const results = (await store.runs({ status: "completed", limit: LISTED })).filter(isOurs)
  const byPrimitive = new Map<string, number>()
  for (const { operation } of results) {
    const name = operation.slice(OPERATION_PREFIX.length)
    byPrimitive.set(name, (byPrimitive.get(name) ?? 0) + 1)
  }
  const times = results.flatMap(({ settledAt }) => (settledAt === null ? [] : [settledAt])).toSorted((a, b) => a - b)
  return {
    store: url,
    operations: runs.byStatus.completed,
    failed: runs.byStatus.failed,
    images: { count: blobs.count, bytes: blobs.bytes, budgetBytes: blobs.budgetBytes },
    listed: results.length,
    byPrimitive: Object.fromEntries([...byPrimitive].toSorted(([, a], [, b]) => b - a)),
    oldest: timeOf(times[0]),
    newest: timeOf(times.at(-1)),
    users: sessions.map(({ label }) => label).filter((label) => label !== LABEL),
  }
}

function describe({
  store,
  operations,
  failed,
  images,
  listed,
  byPrimitive,
  oldest,
  newest,
  users,
}: CacheInfo): string {
  const budget = images.budgetBytes === null ? "no bound" : `at most ${showBytes(images.budgetBytes)}`
  const lines = [
    `store       ${store}`,
    `operations  ${operations.toLocaleString("en-US")}${failed === 0 ? "" : `, and ${String(failed)} that failed`}`,
    `images      ${showBytes(images.bytes)} in ${counted(images.count, "file")}, ${budget}`,
    `oldest      ${oldest ?? "none"}`,
    `newest      ${newest ?? "none"}`,
    `used by     ${users.length === 0 ? "nobody else" : users.join(", ")}`,
  ]
  const names = Object.entries(byPrimitive)
  const width = Math.max(0, ...names.map(([name]) => name.length))
  if (names.length > 0) {
    const scope = listed < operations ? ` (of the oldest ${listed.toLocaleString("en-US")})` : ""
    lines.push("", `by primitive${scope}`)
    for (const [name, count] of names) lines.push(`  ${name.padEnd(width)}  ${count.toLocaleString("en-US")}`)
  }
  return `${lines.join("\n")}\n`
}

async function forgetAll(store: Holdfast): Promise<number> {
  let forgotten = 0
  for (;;) {
    const page = await store.runs({ status: ["completed", "failed", "canceled"], limit: PAGE })
    const ours = page.filter(isOurs)
    await Promise.all(ours.map(async ({ run }) => await store.run(run).forget()))
    forgotten += ours.length
    // What is not ours stays, and would be found again and again.
    if (ours.length === 0) break
  }
  for (;;) {
    const files = await store.list(DIGEST_PREFIX, { limit: PAGE })
    if (files.length === 0) return forgotten
    await Promise.all(files.map(async ({ name }) => await store.cell(name).delete()))
  }
}

/** A store may have results of other programs than imgql. */
function isOurs({ operation }: RunInfo): boolean {
  return operation.startsWith(OPERATION_PREFIX)
}

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString("en-US")} ${what}${count === 1 ? "" : "s"}`
}
