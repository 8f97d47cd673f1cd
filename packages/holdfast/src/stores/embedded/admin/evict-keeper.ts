/**
 * Ends the process that keeps a store, where it is stopped or hangs: the store goes on with the next keeper, and what was
 * acknowledged is durable.
 *
 * 1. Only the process that holds the keeper's lock is ever signaled, by its number and start time, both looked at right
 *    before.
 * 2. A keeper that answers is left alone unless its end is forced.
 */
import { connect } from "node:net"
import type { Env } from "../../../env/index.ts"
import { HoldfastError } from "../../../kernel/index.ts"
import { greet } from "../client/greeting.ts"
import { awaitKeeper } from "../folder/await-keeper.ts"
import { KeeperLock } from "../folder/election.ts"
import { type Folder, restoreLockFiles } from "../folder/folder.ts"
import { readKeeperFile } from "../folder/keeper-file.ts"
import { findLockHolder } from "../folder/lock-holder.ts"
import { awaitPredecessor } from "../folder/predecessor.ts"
import { conditionOf, type ProcessIdentity } from "../folder/process-identity.ts"
import { BUILD } from "../host/build.ts"
import { PROTOCOL, socketChannel } from "../wire/index.ts"

/** Long enough for any keeper that moves; as long as every client waits. */
const ANSWER_BOUND_MS = 10_000

export interface EvictOptions {
  readonly folder: Folder
  readonly env: Env
  /** Ends a keeper that answers, too. */
  readonly force: boolean
}

/**
 * The process that was ended; null where nobody keeps the store.
 *
 * @throws HoldfastError ARGUMENT_INVALID where the keeper answers and its end is not forced
 * @throws HoldfastError STORE_UNAVAILABLE where it cannot be told who keeps the store, or that process cannot be ended
 */
export async function evictKeeper({ folder, env, force }: EvictOptions): Promise<ProcessIdentity | null> {
  // Removed while somebody keeps the store, its lock file says nothing of who does; its second lock still does.
  restoreLockFiles(folder)
  if (isFree(folder)) return null
  const holder = findLockHolder(folder)
  if (holder === null || holder.startTime === null) throw unknown(folder)
  if (holder.pid === process.pid) throw refused(folder, holder, "is this process")
  if (!force && conditionOf(holder) !== "frozen" && (await answers(folder, env))) {
    throw refused(folder, holder, "answers; add --force to end it all the same")
  }
  end(folder, holder)
  await untilGone(folder, env, holder)
  return holder
}

function isFree(folder: Folder): boolean {
  const lock = KeeperLock.tryTake(folder)
  const isKept = lock?.tryKeep() !== true
  lock?.release()
  return !isKept
}

/** Looks once more, and signals within the same breath. */
function end(folder: Folder, holder: ProcessIdentity): void {
  const again = findLockHolder(folder)
  if (again === null || again.pid !== holder.pid || again.startTime !== holder.startTime) {
    throw new HoldfastError(
      "STORE_UNAVAILABLE",
      `"${folder.path}" was kept by process ${String(holder.pid)} and is not any more; nothing was ended: look again`,
    )
  }
  try {
    process.kill(holder.pid, "SIGKILL")
  } catch (error) {
    throw new HoldfastError(
      "STORE_UNAVAILABLE",
      `process ${String(holder.pid)}, which keeps "${folder.path}", should be ours to end, but is not (${String(error)}); end it as its user`,
      { cause: error },
    )
  }
}

/** Whether the keeper says who it is, within the bound. */
async function answers(folder: Folder, env: Env): Promise<boolean> {
  const notice = readKeeperFile(folder)
  if (notice.kind !== "announced") return false
  const bounded = new AbortController()
  const bound = env.timers.after(ANSWER_BOUND_MS, () => bounded.abort(new Error("no answer")))
  const protocol = { min: PROTOCOL, max: PROTOCOL }
  const client = env.ids.next()
  try {
    const line = await greet({
      env,
      open: (events) => socketChannel(connect(notice.keeper.socket), events),
      hello: { kind: "hello", protocol, build: BUILD, instance: null, client, resumes: false },
      describe: () => "",
      onStandby: null,
      events: { onMessages: ignore, onClosed: ignore },
      signal: bounded.signal,
    })
    line?.close()
    return line !== null
  } catch (error) {
    // A refusal is an answer, too.
    return error instanceof HoldfastError
  } finally {
    bound.cancel()
  }
}

/** The system lets go of the lock when the process is gone; another keeper may come at once. */
async function untilGone(folder: Folder, env: Env, holder: ProcessIdentity): Promise<void> {
  const notice = readKeeperFile(folder)
  const bounded = new AbortController()
  const bound = env.timers.after(ANSWER_BOUND_MS, () => {
    const message = `process ${String(holder.pid)} was told to end and still keeps "${folder.path}"; it waits for the system (a disk, say): look again`
    bounded.abort(new HoldfastError("STORE_UNAVAILABLE", message))
  })
  try {
    const ignoredIncarnation = notice.kind === "announced" ? notice.keeper.incarnation : null
    const found = await awaitKeeper(folder, { ignoredIncarnation, signal: bounded.signal })
    if (found.kind !== "elected") return
    await awaitPredecessor(found.lock, env)
    found.lock.release()
  } finally {
    bound.cancel()
  }
}

function unknown({ path }: Folder): HoldfastError {
  return new HoldfastError(
    "STORE_UNAVAILABLE",
    `"${path}" is kept, but the system does not say by which process, or since when that runs; end it by hand, as its user`,
  )
}

function refused({ path }: Folder, { pid }: ProcessIdentity, why: string): HoldfastError {
  return new HoldfastError(
    "ARGUMENT_INVALID",
    `a keeper that is stopped or hangs can be ended, but process ${String(pid)}, which keeps "${path}", ${why}`,
  )
}

function ignore(): void {
  // Only whether it answers is of interest.
}
