/**
 * A keeper by itself: a process that keeps a store and uses it for nothing.
 *
 *     waiting ──elected──▶ serving ──asked to end──▶ flushed, handed over ──▶ over
 *        │ ▲ └──asked to end──▶ over  └──failure──▶ over, with its fault
 *        └─┘ another keeps the store: told, and waited for
 */
import type { Env } from "../../../env/index.ts"
import { HoldfastError } from "../../../kernel/index.ts"
import { awaitKeeper } from "../folder/await-keeper.ts"
import { KeeperLock } from "../folder/election.ts"
import { type Folder, openFolder } from "../folder/folder.ts"
import { type KeeperFile, readKeeperFile } from "../folder/keeper-file.ts"
import { HostedKeeper } from "../host/hosted-keeper.ts"

export interface KeepStoreOptions {
  /** `file:DIR`, or a path. */
  readonly address: string
  readonly env: Env
  /** False ends with STORE_UNAVAILABLE where another keeps the store. */
  readonly wait: boolean
  /** Asks it to end. */
  readonly signal: AbortSignal
  /** Told of every other keeper that is waited for; null where it has not said who it is. */
  readonly onKept: (keeper: KeeperFile | null, path: string) => void
  /** Told once connections are answered. */
  readonly onServing: (path: string) => void
}

/**
 * Keeps the store of a folder, making it where there is none, until the signal asks it to end; then what was applied is
 * flushed and others go on with another keeper.
 *
 * @throws HoldfastError STORE_UNAVAILABLE, STORE_NEWER, STORE_DAMAGED, STORE_FULL, ARGUMENT_INVALID
 */
export async function keepStore(options: KeepStoreOptions): Promise<void> {
  const { env, signal } = options
  const folder = openFolder(options.address, env)
  for (;;) {
    const turn = await awaitTurn(folder, options)
    if (turn === null) return
    const keeper = new HostedKeeper({
      folder,
      check: false,
      clockFile: null,
      ignoredIncarnation: turn.ignoredIncarnation,
      incarnation: env.ids.next(),
    })
    const leave = (): void => void keeper.close(env)
    signal.addEventListener("abort", leave, { once: true })
    try {
      if (await keeper.serves()) options.onServing(folder.path)
      await keeper.exited()
    } finally {
      signal.removeEventListener("abort", leave)
    }
    if (keeper.fault !== null) throw keeper.fault
  }
}

/** That the lock was free: a moment ago, and after which keeper. */
interface Turn {
  readonly ignoredIncarnation: string | null
}

/** Null once it is to end. */
async function awaitTurn(folder: Folder, options: KeepStoreOptions): Promise<Turn | null> {
  const { signal, wait, onKept } = options
  if (isOver(options)) return null
  const lock = KeeperLock.tryTake(folder)
  // Its keeper's thread must hold the lock, so that the lock ends with it. Others may come first meanwhile.
  lock?.release()
  if (lock !== null) return { ignoredIncarnation: null }
  const notice = readKeeperFile(folder)
  let known = notice.kind === "announced" ? notice.keeper : null
  if (!wait) throw keptAlready(folder, known)
  onKept(known, folder.path)
  try {
    for (;;) {
      const found = await awaitKeeper(folder, { ignoredIncarnation: known?.incarnation ?? null, signal })
      if (found.kind === "announced") {
        known = found.keeper
        onKept(known, folder.path)
        continue
      }
      if (found.kind === "elected") found.lock.release()
      return { ignoredIncarnation: known?.incarnation ?? null }
    }
  } catch (error) {
    if (isOver(options)) return null
    throw error
  }
}

function isOver({ signal }: KeepStoreOptions): boolean {
  return signal.aborted
}

function keptAlready({ path }: Folder, keeper: KeeperFile | null): HoldfastError {
  const who = keeper === null ? "another process" : `process ${String(keeper.pid)} (build ${keeper.build})`
  return new HoldfastError(
    "STORE_UNAVAILABLE",
    `"${path}" should be free to keep, but ${who} keeps it; wait for it without --no-wait, or end it`,
  )
}
