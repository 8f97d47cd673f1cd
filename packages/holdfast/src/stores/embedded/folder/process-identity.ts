/**
 * Who a process is: its number alone is soon somebody else's, its number and start time are not. Used in messages and by
 * people who end a frozen keeper; what is alive is decided by locks and never by this.
 */
import { readFileSync } from "node:fs"

/** A process, as it is written down for others. */
export interface ProcessIdentity {
  readonly pid: number
  /** In clock ticks since the system started; null where the system does not say. */
  readonly startTime: number | null
}

/** What the system knows about a process. */
export interface ProcessStat extends ProcessIdentity {
  /** One letter: R running, S and D sleeping, T stopped, t traced, Z and X dead. Null where the system does not say. */
  readonly state: string | null
}

/** How a process that was written down is doing. */
export type ProcessCondition = "running" | "frozen" | "gone"

/** The identity of this process, for others to recognize it by. */
export function identifyProcess(): ProcessIdentity {
  return { pid: process.pid, startTime: readProcess(process.pid)?.startTime ?? null }
}

/** A random name of the system's run since it started; null where it has none. */
export function readBootId(): string | null {
  return readText("/proc/sys/kernel/random/boot_id")?.trim() ?? null
}

/** What the system says about a process; null when there is none. */
export function readProcess(pid: number): ProcessStat | null {
  const stat = readText(`/proc/${pid}/stat`)
  if (stat !== null) return parseStat(stat)
  // Where /proc is there, a process that is not in it is gone.
  if (readText("/proc/self/stat") !== null || !canBeSignaled(pid)) return null
  return { pid, startTime: null, state: null }
}

/**
 * Reads a line of /proc/PID/stat; null for anything else. The command's name, in parentheses, may itself hold spaces,
 * parentheses and line breaks, so the fields are counted from the last closing one.
 */
export function parseStat(stat: string): ProcessStat | null {
  const pid = /^\d+(?= \()/.exec(stat)?.[0]
  const nameEnd = stat.lastIndexOf(") ")
  if (pid === undefined || nameEnd === -1) return null
  const fields = stat
    .slice(nameEnd + 2)
    .trim()
    .split(" ")
  // The first field here is the third of the line; the start time is the twenty-second.
  const state = fields[0] ?? ""
  const startTime = fields[19] ?? ""
  if (!/^[A-Za-z]$/.test(state) || !/^\d+$/.test(startTime)) return null
  return { pid: Number(pid), startTime: Number(startTime), state }
}

/** Whether the process that was written down is still there, and moving. */
export function conditionOf(identity: ProcessIdentity): ProcessCondition {
  const stat = readProcess(identity.pid)
  if (stat === null || !isSameStart(stat, identity) || stat.state === "Z" || stat.state === "X") return "gone"
  return stat.state === "T" || stat.state === "t" ? "frozen" : "running"
}

/** Whether the process that was written down is still there. Where no start time is known, its number has to do. */
export function isSameProcess(identity: ProcessIdentity): boolean {
  return conditionOf(identity) !== "gone"
}

function isSameStart(left: ProcessIdentity, right: ProcessIdentity): boolean {
  return left.startTime === null || right.startTime === null || left.startTime === right.startTime
}

function canBeSignaled(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Not being allowed to means that it is there.
    return typeof error === "object" && error !== null && "code" in error && error.code === "EPERM"
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return null
  }
}
