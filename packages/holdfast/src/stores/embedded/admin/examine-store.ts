/**
 * Everything `holdfast doctor` looks at: the journal, row by row, and the files beside it. Looking changes nothing and
 * works on a store that is open; repairing needs it closed and holds its keeper's lock meanwhile.
 */
import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { basename, join } from "node:path"
import type { Env } from "../../../env/index.ts"
import { isHoldfastError } from "../../../kernel/index.ts"
import { removeStaleSockets, staleSockets } from "../folder/address.ts"
import { KeeperLock } from "../folder/election.ts"
import { checkFolder, type Folder } from "../folder/folder.ts"
import { readKeeperFile, removeKeeperFile } from "../folder/keeper-file.ts"
import { findLockHolder } from "../folder/lock-holder.ts"
import { conditionOf } from "../folder/process-identity.ts"
import { systemCode } from "../folder/unavailable.ts"
import { checkJournal } from "../journal/check.ts"
import { parseLog } from "../keeper/live-lines.ts"
import { takeClosedStore } from "./closed-store.ts"
import { examineBlobs } from "./examine-blobs.ts"
import type { StoreFinding } from "./store-finding.ts"
import { clearUnfinished, findUnfinished } from "./unfinished.ts"

export interface ExamineOptions {
  readonly folder: Folder
  readonly env: Env
  readonly repair: boolean
}

/** What was found, and whether the store was open meanwhile. */
export interface Examination {
  readonly path: string
  readonly isKept: boolean
  readonly keeper: { readonly pid: number; readonly condition: "running" | "frozen" | "gone" } | null
  readonly findings: readonly StoreFinding[]
}

/**
 * @throws HoldfastError STORE_UNAVAILABLE where a repair is asked for and the store is open, or it cannot be read at all
 * @throws HoldfastError STORE_NEWER
 */
export async function examineStore(options: ExamineOptions): Promise<Examination> {
  const { folder, env, repair } = options
  const lock = repair ? takeClosedStore(folder, "to be repaired") : tryLock(folder)
  const held = lock === "unlockable" ? null : lock
  try {
    const holder = held === null ? findLockHolder(folder) : null
    const fitness = examineFolder(folder, repair)
    const journal = checkJournal(folder.journal, { repair })
    const isSound = journal.every(({ severity, repaired }) => repaired && severity !== "damage")
    const blobs = await examineBlobs({ folder, env, repair, isWhole: held !== null && isSound })
    const findings = [...fitness, ...journal, ...blobs, ...examineWorks(options), ...examineFiles(folder, held, repair)]
    const keeper = holder === null ? null : { pid: holder.pid, condition: conditionOf(holder) }
    return { path: folder.path, isKept: lock === null || holder !== null, keeper, findings }
  } finally {
    held?.release()
  }
}

/** Null where somebody keeps the store. */
function tryLock(folder: Folder): KeeperLock | "unlockable" | null {
  let lock: KeeperLock | null = null
  let isOurs = false
  try {
    lock = KeeperLock.tryTake(folder)
    isOurs = lock?.tryKeep() === true
    return isOurs ? lock : null
  } catch (error) {
    // A lock file is not there; opening the store makes it again.
    if (isHoldfastError(error, "STORE_UNAVAILABLE")) return "unlockable"
    throw error
  } finally {
    if (!isOurs) lock?.release()
  }
}

function examineFolder(folder: Folder, repair: boolean): StoreFinding[] {
  const findings: StoreFinding[] = []
  const fault = findUnfitness(folder.path)
  if (fault !== null) {
    const isClosed = repair && closeToOthers(folder.path, statSync(folder.path).mode & 0o755)
    findings.push({
      ...found("unfit", folder.path, fault),
      repaired: isClosed && findUnfitness(folder.path) === null,
    })
  }
  for (const name of readdirSync(folder.path)) {
    const path = join(folder.path, name)
    const stat = lstatSync(path, { throwIfNoEntry: false })
    if (stat === undefined || (stat.mode & 0o077) === 0 || stat.isSymbolicLink()) continue
    const what = `mode 0${(stat.mode & 0o777).toString(8)} lets other users in; close it to them: chmod go= "${path}"`
    findings.push({ ...found("unfit", name, what), repaired: repair && closeToOthers(path, stat.mode & 0o700) })
  }
  return findings
}

/** Why the folder is not fit to hold a store; null where it is. */
function findUnfitness(path: string): string | null {
  try {
    checkFolder(path)
    return null
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    return error.message
  }
}

/** False where it is not ours to close. */
function closeToOthers(path: string, mode: number): boolean {
  try {
    chmodSync(path, mode)
    return true
  } catch (error) {
    if (systemCode(error) === "EPERM") return false
    throw error
  }
}

/** What commands leave when they are killed, which is told from what others work on right now. */
function examineWorks({ folder, env, repair }: ExamineOptions): StoreFinding[] {
  // Without the file of all signs of life there is no telling; opening the store makes it again.
  if (!existsSync(folder.clientsLock)) return []
  const findings = findUnfinished(folder, env).map((name) =>
    gone(name, "was left by a command that was killed within its work; the next one here removes it", repair),
  )
  if (repair) clearUnfinished(folder, env)
  return findings
}

/** What keepers and clients leave when they are killed. */
function examineFiles(folder: Folder, lock: KeeperLock | null, repair: boolean): StoreFinding[] {
  const findings: StoreFinding[] = []
  // With somebody at work, what he works on is no leftover.
  if (lock === null) return findings
  const torn = findTorn(folder.liveLog)
  if (torn !== null) findings.push(found("stale", basename(folder.liveLog), torn))
  const notice = readKeeperFile(folder)
  if (notice.kind === "damaged") findings.push(gone(basename(folder.keeperFile), notice.reason, repair))
  if (notice.kind === "announced") {
    const what = `announces process ${String(notice.keeper.pid)}, which keeps the store no more`
    findings.push(gone(basename(folder.keeperFile), what, repair))
  }
  for (const path of staleSockets(folder)) findings.push(gone(path, "is the socket of a keeper that is gone", repair))
  const leftovers = readdirSync(folder.path).filter((name) => LEFTOVERS.some((pattern) => pattern.test(name)))
  for (const name of leftovers) findings.push(gone(name, "was left by a process that ended within its work", repair))
  if (repair) {
    if (notice.kind !== "absent") removeKeeperFile(lock)
    removeStaleSockets(lock, null)
    for (const name of leftovers) rmSync(join(folder.path, name), { recursive: true, force: true })
  }
  return findings
}

/** What a keeper that died while it wrote has left in the live log; the next one reads up to there and writes it anew. */
function findTorn(path: string): string | null {
  if (!existsSync(path)) return null
  const text = readFileSync(path, "utf8")
  const log = parseLog(text)
  if (log === null) return "is no live log; the next keeper begins a new one"
  // Behind the end of a line that is whole there is nothing, or another line.
  const lineCount = text.split("\n").filter((line) => line !== "").length
  return log.lineCount === lineCount ? null : `can be read up to line ${String(log.lineCount)} of ${String(lineCount)}`
}

/** Names that only files under way have. */
const LEFTOVERS: readonly RegExp[] = [
  /^keeper\.json\./,
  /^journal\.db\.new(?:-wal|-shm|-journal)?$/,
  /^live\.log\.new$/,
]

function found(severity: StoreFinding["severity"], key: string, what: string): StoreFinding {
  return { severity, table: null, key, what, repaired: false }
}

function gone(key: string, what: string, repaired: boolean): StoreFinding {
  return { ...found("stale", key, what), repaired }
}
