/**
 * Which process holds the keeper's lock, as the system itself says: the lock belongs to an open file, and Linux lists the
 * open files of a process with the locks on each. What keeper.json says is only what some keeper once wrote.
 */
import { readdirSync, readFileSync, statSync } from "node:fs"
import type { Folder } from "./folder.ts"
import { type ProcessIdentity, readProcess } from "./process-identity.ts"

/** Null where nobody holds it, or the system or another user's process does not let it be seen. */
export function findLockHolder({ keeperLock }: Folder): ProcessIdentity | null {
  const named = statSync(keeperLock, { bigint: true, throwIfNoEntry: false })
  if (named === undefined) return null
  for (const name of listOf("/proc")) {
    if (!/^\d+$/.test(name)) continue
    const pid = Number(name)
    // Its start time first: whoever has the lock afterwards is the process it was then, or a younger one of its number,
    // which the one who signals sees by the time.
    const startTime = readProcess(pid)?.startTime ?? null
    if (holdsLock(pid, named)) return { pid, startTime }
  }
  return null
}

/** Whether the process has the file open, with a lock for writing on it. */
function holdsLock(pid: number, file: { readonly dev: bigint; readonly ino: bigint }): boolean {
  const open = `/proc/${String(pid)}/fd`
  return listOf(open).some((fd) => {
    const opened = statOf(`${open}/${fd}`)
    if (opened === null || opened.ino !== file.ino || opened.dev !== file.dev) return false
    return /^lock:\s.*\bWRITE\b/m.test(textOf(`/proc/${String(pid)}/fdinfo/${fd}`))
  })
}

function listOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    // Gone meanwhile, or another user's.
    return []
  }
}

function statOf(path: string): { readonly dev: bigint; readonly ino: bigint } | null {
  try {
    return statSync(path, { bigint: true })
  } catch {
    return null
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}
