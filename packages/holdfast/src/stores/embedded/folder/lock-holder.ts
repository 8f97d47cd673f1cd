/**
 * Which processes hold a store's locks, as the system itself says: a lock belongs to an open file, and Linux lists the
 * open files of a process with the locks on each. What keeper.json says is only what some keeper once wrote.
 */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { KEEPER_BYTE } from "./election.ts"
import type { LockRange } from "./file-lock.ts"
import type { Folder } from "./folder.ts"
import { type ProcessIdentity, readProcess } from "./process-identity.ts"

/**
 * Who keeps the store, also where keeper.lock was removed or replaced meanwhile. Null where nobody does, or the system or
 * another user's process does not let it be seen.
 */
export function findLockHolder(folder: Folder): ProcessIdentity | null {
  return findKeeperByte(folder) ?? findHolder(folder.keeperLock, null)
}

/** Who holds the byte of clients.lock that the keeper's is. */
export function findKeeperByte({ clientsLock }: Folder): ProcessIdentity | null {
  return findHolder(clientsLock, KEEPER_BYTE)
}

/** Anyone who has the store open. */
export function findAnyClient({ clientsLock }: Folder): ProcessIdentity | null {
  return findHolder(clientsLock, null)
}

/** Who has a lock for writing on the file; on that very range, unless it is null. */
function findHolder(path: string, range: LockRange | null): ProcessIdentity | null {
  const named = statSync(path, { bigint: true, throwIfNoEntry: false })
  if (named === undefined) return null
  for (const name of listOf("/proc")) {
    if (!/^\d+$/.test(name)) continue
    const pid = Number(name)
    // Its start time first: whoever has the lock afterwards is the process it was then, or a younger one of its number,
    // which the one who signals sees by the time.
    const startTime = readProcess(pid)?.startTime ?? null
    if (holdsLock(pid, named, range)) return { pid, startTime }
  }
  return null
}

function holdsLock(
  pid: number,
  file: { readonly dev: bigint; readonly ino: bigint },
  range: LockRange | null,
): boolean {
  const open = `/proc/${String(pid)}/fd`
  return listOf(open).some((fd) => {
    const opened = statOf(`${open}/${fd}`)
    if (opened === null || opened.ino !== file.ino || opened.dev !== file.dev) return false
    const locks = textOf(`/proc/${String(pid)}/fdinfo/${fd}`).matchAll(/^lock:\s.*\bWRITE\b.*\s(\d+)\s+(?:\d+|EOF)$/gm)
    return [...locks].some(([, start]) => range === null || Number(start) === range.offset)
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
