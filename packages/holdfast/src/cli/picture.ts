/** A picture of a store as text, for people. */
import Table from "cli-table3"
import { COUNTED_CELLS, type StorePicture } from "../stores/embedded/index.ts"

export interface PictureStyle {
  /** How wide lines may be; null where nobody says. */
  readonly width: number | null
  /** At most so many rows a table. */
  readonly rows: number
}

/** What does not fit is counted, never left out in silence. */
export function drawPicture(picture: StorePicture, { width, rows }: PictureStyle): string {
  const parts = [
    heading(picture),
    section("Locks", drawLocks(picture, rows), picture.lockCount, rows),
    section("Open runs", drawRuns(picture, rows), picture.runs.openCount, rows),
    section("Queues", drawQueues(picture, rows), picture.queues.length, rows),
    section("Sessions", drawSessions(picture, rows), picture.sessionCount, rows),
  ]
  const text = parts.filter((part) => part !== "").join("\n\n")
  return width === null ? text : cut(text, width)
}

function heading({ path, keeper, store, at, runs, cells, sizes, results }: StorePicture): string {
  const { pending, running, completed, failed, canceled, interrupted } = runs.byStatus
  const asked = results.served + results.joined + results.computed
  const hits = asked === 0 ? "none asked for" : `${percent(results.served + results.joined, asked)} not computed again`
  return [
    `${path}  (store ${store.instance}, made by build ${store.build})`,
    `keeper    process ${String(keeper.pid)}, build ${keeper.build}, for ${duration(at - keeper.startedAt)}`,
    `journal   ${bytes(sizes.journalBytes)}, log ${bytes(sizes.walBytes)}, live log ${bytes(sizes.liveLogBytes)}`,
    `blobs     ${String(sizes.blobCount)}, ${bytes(sizes.blobBytes)}`,
    `cells     ${cells.stored < COUNTED_CELLS ? "" : "at least "}${String(cells.stored)}, ${String(cells.resident)} in memory`,
    `runs      ${String(pending)} pending, ${String(running)} running, ${String(completed)} completed, ${String(failed)} failed, ${String(canceled)} canceled, ${String(interrupted)} interrupted`,
    `results   ${String(results.served)} served, ${String(results.joined)} joined, ${String(results.computed)} computed: ${hits}`,
  ].join("\n")
}

function drawLocks({ locks }: StorePicture, rows: number): string {
  return table(
    ["lock", "held by", "token", "for", "waiting", "for"],
    locks.slice(0, rows).map((lock) => {
      const { name, limit, holders, holderCount, waiters, waiterCount } = lock
      const held = holders.map(({ label, mode, permits }) =>
        mode === "shared" ? `${label} (shared ${String(permits)})` : label,
      )
      return [
        limit === null ? readable(name) : `${readable(name)} (limit ${String(limit)})`,
        list(held, holderCount),
        list(
          holders.map(({ token }) => String(token)),
          holderCount,
        ),
        list(
          holders.map(({ sinceMs }) => duration(sinceMs)),
          holderCount,
        ),
        list(
          waiters.map(({ label, mode }) => (mode === "shared" ? `${label} (shared)` : label)),
          waiterCount,
        ),
        list(
          waiters.map(({ sinceMs }) => duration(sinceMs)),
          waiterCount,
        ),
      ]
    }),
  )
}

function drawRuns({ runs, at }: StorePicture, rows: number): string {
  return table(
    ["run", "operation", "status", "attempt", "waiters", "for"],
    runs.open
      .slice(0, rows)
      .map(({ run, operation, version, key, status, paused, attempt, waiters, createdAt, startedAt }) => [
        shortRun(run),
        `${operation} v${String(version)}${key === null ? "" : ` ${readable(key)}`}`,
        paused ? `${status}, paused` : status,
        String(attempt),
        String(waiters),
        duration(at - (startedAt ?? createdAt)),
      ]),
  )
}

function drawQueues({ queues }: StorePicture, rows: number): string {
  return table(
    ["operation", "pending", "running"],
    queues
      .slice(0, rows)
      .map(({ operation, version, pending, running }) => [
        `${operation} v${String(version)}`,
        String(pending),
        String(running),
      ]),
  )
}

function drawSessions({ sessions }: StorePicture, rows: number): string {
  return table(
    ["session", "grants", "claims", "waits"],
    sessions
      .slice(0, rows)
      .map(({ label, grants, claims, waits }) => [readable(label), String(grants), String(claims), String(waits)]),
  )
}

function section(title: string, body: string, count: number, rows: number): string {
  if (count === 0) return `${title}: none`
  const more = count > rows ? `\n… and ${String(count - rows)} more` : ""
  return `${title} (${String(count)})\n${body}${more}`
}

/** Plain columns: readable without a terminal, and by other programs. */
const PLAIN = {
  chars: {
    top: "",
    "top-mid": "",
    "top-left": "",
    "top-right": "",
    bottom: "",
    "bottom-mid": "",
    "bottom-left": "",
    "bottom-right": "",
    left: "",
    "left-mid": "",
    mid: "",
    "mid-mid": "",
    right: "",
    "right-mid": "",
    middle: "  ",
  },
  style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const drawn = new Table({ ...PLAIN, head: [...head] })
  drawn.push(...rows.map((row) => [...row]))
  return drawn
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")
}

/** One line each; what was not listed is counted. */
function list(items: readonly string[], count: number): string {
  const shown = items.slice(0, LISTED)
  const more = count > shown.length ? [`… ${String(count - shown.length)} more`] : []
  return [...shown.map(readable), ...more].join("\n")
}

const LISTED = 5

/** The queue in which updates of a cell wait, and whatever a name holds that would move the cursor. */
function readable(name: string): string {
  const shown = name.startsWith("\0cell:") ? `updates of cell ${name.slice(6)}` : name
  // Their class in Unicode: control characters.
  return shown.replaceAll(/\p{Cc}/gu, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
}

/** An identity is 64 digits; some of them tell it from the others. */
function shortRun(run: string): string {
  const [identity = "", generation = ""] = run.split("@")
  return `${identity.slice(0, 16)}…@${generation}`
}

export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"]
  let value = count
  let unit = 0
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${units[unit] ?? ""}`
}

export function duration(ms: number): string {
  if (ms < 1_000) return `${String(Math.max(0, Math.round(ms)))} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  if (ms < 3_600_000) return `${String(Math.floor(ms / 60_000))} min ${String(Math.floor((ms % 60_000) / 1_000))} s`
  return `${String(Math.floor(ms / 3_600_000))} h ${String(Math.floor((ms % 3_600_000) / 60_000))} min`
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`
}

/** Long lines are cut where the terminal ends, so that a view keeps its shape. */
function cut(text: string, width: number): string {
  return text
    .split("\n")
    .map((line) => (line.length > width ? `${line.slice(0, Math.max(0, width - 1))}…` : line))
    .join("\n")
}
