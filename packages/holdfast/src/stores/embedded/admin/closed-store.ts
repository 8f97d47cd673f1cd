/**
 * The right to change a store that nobody has open, for whoever looks after it: the keeper's lock, and the knowledge that
 * no client is alive.
 */
import { HoldfastError } from "../../../kernel/index.ts"
import { isAnyAlive } from "../folder/client-lock.ts"
import { KeeperLock } from "../folder/election.ts"
import { type Folder, restoreLockFiles } from "../folder/folder.ts"
import { findAnyClient, findLockHolder } from "../folder/lock-holder.ts"

/**
 * Takes the keeper's lock of a store that nobody has open, which must be released afterwards.
 *
 * @param purpose what the store must be closed for, as in "to be repaired"
 * @throws HoldfastError STORE_UNAVAILABLE where somebody keeps it or has it open, also without its lock file's name
 */
export function takeClosedStore(folder: Folder, purpose: string): KeeperLock {
  // Where the clients' file is gone as well, as in a folder that was copied from elsewhere, there is no telling; should a
  // keeper live all the same, it writes nothing after the next term has begun (see opening.ts).
  restoreLockFiles(folder)
  const lock = KeeperLock.tryTake(folder)
  let isClosed = false
  try {
    isClosed = lock?.tryKeep() === true && !isAnyAlive(folder)
  } finally {
    if (!isClosed) lock?.release()
  }
  if (lock !== null && isClosed) return lock
  throw open(folder, purpose)
}

function open(folder: Folder, purpose: string): HoldfastError {
  const keeper = findLockHolder(folder)
  const client = keeper === null ? findAnyClient(folder) : null
  const holder = keeper ?? client
  const who = holder === null ? "a process" : `process ${String(holder.pid)}`
  const what = client === null ? "keeps it" : "has it open"
  return new HoldfastError(
    "STORE_UNAVAILABLE",
    `"${folder.path}" must be closed ${purpose}, but ${who} ${what}; end every program that uses it, then try again`,
  )
}
