/**
 * Waiting for a keeper: until one has announced itself, or this process has become it.
 *
 *     look ──lock free──▶ elected, or a candidate
 *      ▲ └──announced───▶ announced
 *      │ └──neither──▶ parked
 *      └───keeper.json changed, lock freed───┘ └──abort──▶ rejected
 *
 * Two things can end a wait, and each has an event of its own: keeper.json is renamed into place (the folder is watched),
 * and the lock becomes free (see lifeline.ts). A look is no substitute for them and nothing here looks by the clock.
 *
 * 1. Whatever changes after a look wakes it: both watches are there before the look.
 * 2. A wait that ended, however it ended, leaves no watch, open file, thread or listener behind.
 *
 * Where keeper.lock is a plain file (no mkfifo, macOS), one thing has no event: a keeper that died after it won and before
 * it announced itself. Then the wait lasts until the next announcement or until its caller's bound.
 */
import { watch } from "node:fs"
import { basename } from "node:path"
import { Candidacy, KeeperLock } from "./election.ts"
import type { Folder } from "./folder.ts"
import { type KeeperFile, readKeeperFile } from "./keeper-file.ts"
import { openLifeline } from "./lifeline.ts"
import { systemCode, unavailable } from "./unavailable.ts"

export type KeeperFound =
  | { readonly kind: "elected"; readonly lock: KeeperLock }
  | { readonly kind: "candidate"; readonly candidacy: Candidacy }
  | { readonly kind: "announced"; readonly keeper: KeeperFile }

export interface AwaitKeeperOptions {
  /** A keeper that was found dead or gone: its announcement is passed over. Null where there was none. */
  readonly ignoredIncarnation: string | null
  /**
   * What is taken where nobody keeps the store. With "nothing", or while another has the candidacy, only an announcement
   * ends the wait: a candidate may die, so bound it. Default "lock".
   */
  readonly seeks?: "lock" | "candidacy" | "nothing"
  /** Ends the wait with its reason. */
  readonly signal: AbortSignal
}

/**
 * The announcement may be a dead keeper's whose successor has the lock and is still starting: who cannot connect asks
 * again and names that incarnation.
 *
 * @throws HoldfastError STORE_UNAVAILABLE where the folder cannot be watched
 */
export async function awaitKeeper(folder: Folder, options: AwaitKeeperOptions): Promise<KeeperFound> {
  for (;;) {
    options.signal.throwIfAborted()
    const found = await lookOrPark(folder, options)
    if (found !== null) return found
  }
}

/** One look, and if there is nothing to see, a wait until another look is worth it: then null. */
async function lookOrPark(folder: Folder, options: AwaitKeeperOptions): Promise<KeeperFound | null> {
  // A look that succeeds needs no watches, and most do.
  const atOnce = look(folder, options)
  if (atOnce !== null) return atOnce
  const { promise: woken, resolve: wake, reject: fail } = makeWaking()
  const announcements = watchAnnouncements(folder, wake, fail)
  try {
    // Whoever would not take it need not know when the lock is free; while a candidate gets ready, it is.
    const events = { onEnd: wake, onFailed: fail }
    const lifeline = (options.seeks ?? "lock") !== "lock" ? null : await openLifeline(folder.keeperLock, events)
    try {
      options.signal.throwIfAborted()
      const found = look(folder, options)
      if (found !== null) return found
      await untilAborted(woken, options.signal)
      return null
    } finally {
      await lifeline?.close()
    }
  } finally {
    announcements.close()
  }
}

/** The lock first: an announcement beside a free lock is a dead keeper's. */
function look(folder: Folder, options: AwaitKeeperOptions): KeeperFound | null {
  const { seeks = "lock" } = options
  if (seeks === "lock") {
    const lock = KeeperLock.tryTake(folder)
    if (lock !== null) return { kind: "elected", lock }
  } else if (seeks === "candidacy") {
    const candidacy = Candidacy.tryTake(folder)
    if (candidacy !== null) return { kind: "candidate", candidacy }
  }
  const notice = readKeeperFile(folder)
  if (notice.kind !== "announced" || notice.keeper.incarnation === options.ignoredIncarnation) return null
  return notice
}

function watchAnnouncements(folder: Folder, wake: () => void, fail: (error: unknown) => void): { close(): void } {
  const names = new Set<string | null>([basename(folder.keeperFile), basename(folder.keeperLock), null])
  try {
    const watcher = watch(folder.path, (_event, name) => {
      // The lock file's name is said when it is removed or replaced, which a look refuses or follows. No name says that
      // the system could not tell.
      if (names.has(name)) wake()
    })
    watcher.on("error", (error) => {
      fail(watchFailed(folder, error))
    })
    return watcher
  } catch (error) {
    throw watchFailed(folder, error)
  }
}

function watchFailed(folder: Folder, error: unknown): Error {
  const code = systemCode(error) ?? String(error)
  return unavailable(
    `"${folder.path}" should be watched for its keeper, but the system refused with ${code}; for ENOSPC and EMFILE raise ` +
      `fs.inotify.max_user_watches and fs.inotify.max_user_instances`,
    error,
  )
}

interface Waking {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

function makeWaking(): Waking {
  let resolve: () => void = ignore
  let reject: (error: unknown) => void = ignore
  const promise = new Promise<void>((whenWoken, whenFailed) => {
    resolve = whenWoken
    reject = whenFailed
  })
  // A watch may fail while nobody awaits it yet, or any more; whoever does await it is still told.
  promise.catch(ignore)
  return { promise, resolve, reject }
}

function ignore(): void {
  // Nobody is left to tell.
}

async function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop: () => void = ignore
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => {
      // The caller chose what to abort with.
      reject(signal.reason as Error)
    }
    signal.addEventListener("abort", stop, { once: true })
  })
  try {
    await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener("abort", stop)
  }
}
