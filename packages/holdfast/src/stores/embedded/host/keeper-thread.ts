/**
 * The keeper's thread: waits until it is elected, serves, and ends when the client that started it leaves.
 *
 *     waiting ──elected──▶ opening ──▶ serving ──leave──▶ flushed, handed over ──▶ over
 *        │ └──another announced itself──▶ over     └──failure──▶ over, nothing more answered
 *        └──leave──▶ over
 *
 * 1. The keeper's lock is this thread's: whatever ends the thread, the process included, lets go of it. Should its file
 *    lose its name, the thread ends.
 * 2. The announcement is made when connections are answered, and taken back before the lock is let go.
 * 3. Only the connection of the client that started the thread is local: other threads of the process outlive it.
 * 4. One that waits to follow a keeper that lives is as good as asleep: whatever a new keeper needs is loaded by then.
 * 5. A failure ends this thread and never the user's process (S5).
 */
import { chmodSync } from "node:fs"
import { createServer, type Server } from "node:net"
import { type MessagePort, parentPort, type Worker, workerData } from "node:worker_threads"
import { readClock, sinceBootMs, systemEnv } from "../../../env/index.ts"
import { type ErrorCode, HoldfastError, isHoldfastError } from "../../../kernel/index.ts"
import { reach } from "../fail-point.ts"
import { BlobFolder } from "../blobs/blob-folder.ts"
import { removeStaleSockets, socketAddress } from "../folder/address.ts"
import { awaitKeeper } from "../folder/await-keeper.ts"
import { type ClientId, isAlive } from "../folder/client-lock.ts"
import { KeeperLock } from "../folder/election.ts"
import { removeKeeperFile, writeKeeperFile } from "../folder/keeper-file.ts"
import { awaitPredecessor, onUnnamed } from "../folder/predecessor.ts"
import { identifyProcess, readBootId } from "../folder/process-identity.ts"
import { unavailable } from "../folder/unavailable.ts"
import { type Journal, openJournal } from "../journal/journal.ts"
import { warmUp } from "../journal/opening.ts"
import { Keeper } from "../keeper/keeper.ts"
import { LiveLog } from "../keeper/live-log.ts"
import { portChannel, PROTOCOL, socketChannel } from "../wire/index.ts"
import { administerWith } from "./administer.ts"
import { BUILD } from "./build.ts"
import { asKeeperJournal } from "./keeper-journal.ts"
import type { KeeperThreadData } from "./keeper-start.ts"
import { Reception } from "./reception.ts"

/** What the client that started the thread asks of it. */
export type KeeperOrder =
  /** Serves the client over this port, now or as soon as it serves. */
  { readonly kind: "attach"; readonly port: MessagePort } | { readonly kind: "leave" }

/** What the thread says to whoever started it: what cannot be said over a port, or before there is one. */
export type KeeperReport =
  { readonly kind: "serving" } | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string }

/** How long connections get to take what was sent to them before the thread ends; a frozen client does not hold it up. */
const FAREWELL_BOUND_MS = 1_000

const env = systemEnv
// Given by hosted-keeper.ts.
const { folder, check, clockFile, ignoredIncarnation, incarnation } = workerData as KeeperThreadData
/** The store's time; all else here goes by the machine's. */
const clock = clockFile === null ? env.clock : readClock(clockFile)
const owner = openOwner()
const leaving = new AbortController()
/** Ports that came before there was anybody to serve them. */
const waiting: MessagePort[] = []
let term: Term | null = null

function openOwner(): MessagePort {
  if (parentPort === null) throw new Error("this is a worker thread's program; open the store instead")
  return parentPort
}

/** All of a keeper that serves. */
interface Term {
  readonly lock: KeeperLock
  /** Watches the name of the lock's file. */
  readonly naming: { close(): void }
  readonly journal: Journal
  readonly live: LiveLog
  readonly keeper: Keeper
  readonly reception: Reception
  readonly server: Server
}

/** Until the thread ends. The writer is ready before it is needed, as starting it takes longer than taking the store up. */
export async function keep(writer: Worker): Promise<void> {
  owner.on("message", (order: KeeperOrder) => {
    if (order.kind === "leave") leaving.abort()
    else if (term === null) waiting.push(order.port)
    else attach(term, order.port)
  })
  try {
    warmUp()
    term = await begin(KeeperLock.tryTake(folder) ?? (await awaitLock()), writer)
    say({ kind: "serving" })
    for (const port of waiting.splice(0)) attach(term, port)
    await left()
    await handOver(term)
    exit()
  } catch (error) {
    if (!leaving.signal.aborted) fail(error)
    exit()
  }
}

/** Ends the thread where another announces itself. */
async function awaitLock(): Promise<KeeperLock> {
  const found = await awaitKeeper(folder, { ignoredIncarnation, signal: leaving.signal })
  return found.kind === "elected" ? found.lock : exit()
}

async function begin(lock: KeeperLock, writer: Worker): Promise<Term> {
  reach("during-election")
  await awaitPredecessor(lock, env)
  const naming = onUnnamed(lock, () => {
    fail(unnamed())
    exit()
  })
  // Between its taking and the watch.
  if (!lock.isNamed()) throw unnamed()
  removeStaleSockets(lock, null)
  const journal = await openJournal({ path: folder.journal, env, build: BUILD }, writer)
  const { live, epochMs } = openLiveLog()
  const keeper = new Keeper({
    env: { ...env, clock },
    journal: asKeeperJournal(journal),
    live,
    files: new BlobFolder(folder.blobs, incarnation),
    epochMs,
    check,
    isAlive: (client) => isAlive(folder, env, client as ClientId), // Every client's name is the id of its lock.
    onFailed: (error) => {
      fail(error)
      exit()
    },
  })
  const { pid, startTime } = identifyProcess()
  const { instance } = journal
  const reception = new Reception({
    env,
    keeper,
    instance,
    pid,
    administer: administerWith({ env, keeper, journal, pid }),
  })
  const socket = socketAddress(folder, incarnation, env)
  const server = await listen(socket, reception)
  const bootId = readBootId()
  writeKeeperFile(
    lock,
    { protocol: PROTOCOL, socket, instance, incarnation, pid, startTime, build: BUILD, bootId },
    env,
  )
  return { lock, naming, journal, live, keeper, reception, server }
}

/** Whoever comes next takes another file's lock, and waits for this keeper's end. */
function unnamed(): HoldfastError {
  return unavailable(
    `"${folder.keeperLock}" should be there for as long as the store is open, but was removed or replaced, so the keeper in process ${String(process.pid)} ended; leave the file where it is, and open the store again`,
  )
}

function openLiveLog(): { readonly live: LiveLog; readonly epochMs: number } {
  // The machine's monotonic clock is one for all its processes; that of `env` begins with each thread.
  const bootedMs = clockFile === null ? sinceBootMs() : clock.monotonic()
  const startedMs = clock.monotonic()
  const boot = readBootId() ?? "unknown"
  const live = LiveLog.open(folder.liveLog, { boot, epochMs: clock.now() - bootedMs })
  return { live, epochMs: live.epochMs + bootedMs - startedMs }
}

async function listen(path: string, reception: Reception): Promise<Server> {
  const server = createServer((socket) => {
    reception.admit((events) => socketChannel(socket, events), false)
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(path, resolve)
  })
  // Its folder is closed to others already.
  chmodSync(path, 0o600)
  // A connection that could not be taken in, as where the process has no descriptor left: its client is told by its bound.
  server.on("error", ignore)
  return server
}

function attach({ reception }: Term, port: MessagePort): void {
  reception.admit((events) => portChannel(port, events), true)
}

async function left(): Promise<void> {
  const { signal } = leaving
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true })
  })
}

/** Everybody else goes on with the next keeper, which can begin as soon as the lock is free. */
async function handOver({ lock, naming, journal, live, keeper, reception, server }: Term): Promise<void> {
  naming.close()
  server.close()
  reception.dismissLocal()
  await keeper.close()
  removeKeeperFile(lock)
  await journal.close()
  live.close()
  lock.release()
  await Promise.race([
    reception.close(),
    new Promise<void>((resolve) => env.timers.after(FAREWELL_BOUND_MS, resolve, { keepAlive: false })),
  ])
}

/** Nothing more is answered; whoever started the thread learns why. */
function fail(error: unknown): void {
  term?.reception.destroy()
  const known = isHoldfastError(error) ? error : new HoldfastError("STORE_UNAVAILABLE", messageOf(error))
  say({ kind: "failed", code: known.code, message: known.message })
}

function say(report: KeeperReport): void {
  owner.postMessage(report)
}

function messageOf(error: unknown): string {
  const found = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return `the keeper of "${folder.path}" ended with an error of its own, which is a defect; please report it: ${found}`
}

function ignore(): void {
  // Those who are served already lose nothing.
}

function exit(): never {
  // Ends the thread alone, with every lock and connection it has.
  process.exit()
}
