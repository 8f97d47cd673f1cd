/** `holdfast doctor DIR`. */
import { systemEnv } from "../env/index.ts"
import { ERROR_TABLE } from "../kernel/index.ts"
import {
  evictKeeper,
  type Examination,
  examineStore,
  findFolder,
  type ProcessIdentity,
  type StoreFinding,
} from "../stores/embedded/index.ts"
import { type Console, print } from "./console.ts"

export interface DoctorOptions {
  readonly repair: boolean
  readonly evict: boolean
  readonly force: boolean
  readonly json: boolean
}

/** The exit code: 0 where all is well by now, that of STORE_DAMAGED or STORE_UNAVAILABLE where something is not. */
export async function examine(console: Console, dir: string, options: DoctorOptions): Promise<number> {
  const { repair, evict, force, json } = options
  const folder = findFolder(dir, systemEnv)
  const evicted = evict ? await evictKeeper({ folder, env: systemEnv, force }) : null
  const examination = await examineStore({ folder, env: systemEnv, repair })
  const text = json ? JSON.stringify({ ...examination, evicted }) : describe(examination, evicted, options)
  await print(console.out, `${text}\n`)
  const open = examination.findings.filter(({ repaired }) => !repaired)
  if (open.some(({ severity }) => severity === "damage" || severity === "derived")) {
    return ERROR_TABLE.STORE_DAMAGED.exitCode
  }
  return open.some(({ severity }) => severity === "unfit") ? ERROR_TABLE.STORE_UNAVAILABLE.exitCode : 0
}

function describe(examination: Examination, evicted: ProcessIdentity | null, options: DoctorOptions): string {
  const { path, isKept, keeper, findings } = examination
  const lines = [path]
  if (evicted !== null) lines.push(`ended process ${String(evicted.pid)}, which kept the store`)
  else if (options.evict) lines.push("nobody keeps the store, so nobody was ended")
  if (isKept)
    lines.push(`kept by ${keeper === null ? "a process" : `process ${String(keeper.pid)} (${keeper.condition})`}`)
  lines.push(...findings.map(describeFinding))
  const left = findings.filter(({ repaired }) => !repaired)
  if (findings.length === 0) lines.push("nothing found")
  else if (left.length === 0) lines.push(`${String(findings.length)} found, all of it repaired`)
  else
    lines.push(
      `${String(findings.length)} found, ${String(findings.length - left.length)} repaired; ${adviceFor(left, options)}`,
    )
  return lines.join("\n")
}

function describeFinding({ severity, table, key, what, repaired }: StoreFinding): string {
  const place = [table, key].filter((part) => part !== null).join(" ")
  return `${repaired ? "repaired" : severity}: ${place === "" ? "" : `${place}: `}${what}`
}

function adviceFor(left: readonly StoreFinding[], { repair }: DoctorOptions): string {
  if (left.some(({ severity }) => severity === "damage"))
    return "what is damaged is named and not served: restore a backup"
  if (repair) return "what is left is not for a repair: its line says what to do"
  return 'with the store closed, "holdfast doctor DIR --repair" repairs what can be repaired'
}
