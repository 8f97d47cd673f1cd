/**
 * The keeper of before, which may still be there although its lock was free: where keeper.lock was removed or replaced,
 * its lock is on a file without a name. It holds a byte of clients.lock to its end, and nothing of the store may be read
 * before that is free: two keepers would grant one lock twice (L1).
 *
 *     keeper.lock taken ──byte free──▶ the store is ours
 *           └──byte held──▶ looked at again ──▶ free: ours · still held after the bound: refused, and its process named
 *
 * A keeper that moves hears that its lock file has lost its name, and ends by itself (see `onUnnamed`).
 */
import { watch } from "node:fs"
import type { Env } from "../../../env/index.ts"
import type { KeeperLock } from "./election.ts"
import { findKeeperByte } from "./lock-holder.ts"
import { unavailable } from "./unavailable.ts"

/**
 * How often the byte is looked at: no event tells of it. Of a keeper that died it is free within microseconds of its lock,
 * as both go with one process.
 */
const LOOK_MS = 1

/** Many times what a keeper takes to hear of it and to end; one that takes longer is stopped, or hangs. */
const BOUND_MS = 2_000

/** @throws HoldfastError STORE_UNAVAILABLE where it does not end; the lock is given up then */
export async function awaitPredecessor(lock: KeeperLock, env: Env): Promise<void> {
  const until = env.clock.monotonic() + BOUND_MS
  while (!lock.tryKeep()) {
    if (env.clock.monotonic() >= until) {
      lock.release()
      throw stillKept(lock)
    }
    await new Promise<void>((resolve) => env.timers.after(LOOK_MS, resolve))
  }
}

/**
 * Calls the handler once when keeper.lock does not name the locked file any more. Where the system has no watch left
 * nobody is called: then who comes next is refused instead.
 */
export function onUnnamed(lock: KeeperLock, handler: () => void): { close(): void } {
  try {
    // The file itself is watched, not its folder, where every write to the journal would be an event.
    const watcher = watch(lock.folder.keeperLock, { persistent: false }, () => {
      if (lock.isNamed()) return
      watcher.close()
      handler()
    })
    watcher.on("error", ignore)
    return watcher
  } catch {
    return { close: ignore }
  }
}

function stillKept({ folder }: KeeperLock): Error {
  const holder = findKeeperByte(folder)
  const who = holder === null ? "a process" : `process ${String(holder.pid)}`
  return unavailable(
    `"${folder.keeperLock}" should be there for as long as the store is open, but was removed or replaced while ${who} ` +
      `keeps the store, which has not ended within ${String(BOUND_MS / 1_000)} s; end it with "holdfast doctor DIR --evict", then open the store again`,
  )
}

function ignore(): void {
  // Who comes next waits for the byte, whatever became of the watch.
}
