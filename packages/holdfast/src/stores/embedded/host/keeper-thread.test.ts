/** Keepers in threads of real processes: handed over, killed, left alone, and kept from starting. */
import { execFile } from "node:child_process"
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import Database from "better-sqlite3"
import { afterEach, describe, expect, it } from "vitest"
import { OtherProcess } from "../../../../test/conformance/other-process.ts"
import { faultOf } from "../../../../test/runtime-world.ts"
import type { AcquireLock, Command, RequestId, SessionId, StoreEvent, Token } from "../../../kernel/index.ts"
import { open } from "../../../open.ts"
import type { Store } from "../../../store/index.ts"

const folders: string[] = []
const others: OtherProcess[] = []

afterEach(() => {
  for (const other of others.splice(0)) other.signal("SIGKILL")
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function makeAddress(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-keeper-"))
  folders.push(folder)
  return `file:${join(folder, "store")}`
}

function startOther(): OtherProcess {
  const other = new OtherProcess()
  others.push(other)
  return other
}

const session = "other" as SessionId // Brand constructor.

function acquire(name: string): AcquireLock {
  return {
    kind: "acquireLock",
    session,
    request: 1 as RequestId, // Brand constructor.
    names: [name],
    mode: "exclusive",
    permits: 1,
    limit: null,
    leaseMs: null,
    holding: [],
    wait: true,
  }
}

function commit(name: string, value: number, holding: readonly Token[]): Command {
  const writes = [{ kind: "put", name, value }] as const
  return { kind: "commitCells", session, holding, reads: [], writes, starts: [], step: null, complete: null }
}

function readKeeperPid(address: string): unknown {
  const { pid } = JSON.parse(readFileSync(join(address.slice("file:".length), "keeper.json"), "utf8")) as {
    pid: unknown
  }
  return pid
}

/** Whether this process has the keeper's lock file open. */
function isWaitingForLock(address: string): boolean {
  const lock = join(address.slice("file:".length), "keeper.lock")
  return readdirSync("/proc/self/fd").some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === lock
    } catch {
      return false // Closed meanwhile.
    }
  })
}

async function openSession(store: Store): Promise<void> {
  await store.execute({ kind: "openSession", session, label: "other" })
}

/** The next event of a connection. */
function nextEvent(store: Store): Promise<StoreEvent> {
  return new Promise((resolve) => {
    store.onEvent(resolve)
  })
}

describe("a keeper's thread", () => {
  it("serves several openers of its own process, and leaves a store that can be opened again (S1)", async () => {
    const address = makeAddress()
    const [one, two] = [await open(address), await open(address)]
    await one.cell("x").set("kept")
    const grant = await one.lock("a").acquire()
    expect(await two.lock("a").try()).toBeUndefined()
    expect(await two.cell("x").get()).toBe("kept")
    await grant.release()
    expect(await two.lock("a").try()).toBeDefined()
    await two.close()
    await one.close()
    expect(readdirSync(address.slice("file:".length)).toSorted()).not.toContain("keeper.json")
    const again = await open(address)
    expect(await again.cell("x").get()).toBe("kept")
    await again.close()
  })

  it("hands over when its client closes: others keep what they hold, and what it held is given back (L1, L6, S1)", async () => {
    const address = makeAddress()
    const [host, guest] = [await open(address), await open(address)]
    await host.lock("host's").acquire()
    const held = await guest.lock("guest's").acquire()
    const waiting = guest.lock("host's").acquire()
    await host.cell("x").set(1)
    await host.close()
    expect((await waiting).token).toBeGreaterThan(held.token)
    expect(held.isHeld).toBe(true)
    await guest.cell("x").update((value) => Number(value) + 1)
    expect(await guest.cell("x").get()).toBe(2)
    const third = await open(address)
    expect(await third.lock("guest's").try()).toBeUndefined()
    await third.close()
    await guest.close()
  })

  it("is followed by one of its clients, of which one is ready before it is needed (L6)", async () => {
    const address = makeAddress()
    const keeper = startOther()
    await keeper.connect(address)
    const hf = await open(address)
    const rival = startOther()
    const theirs = await rival.connect(address)
    await openSession(theirs)
    // It is named when it has stayed a while, and ready when it waits for the lock; each look waits for the keeper's answer.
    while (!isWaitingForLock(address)) await hf.inspect()
    const before = readKeeperPid(address)
    keeper.signal("SIGKILL")
    const granted = nextEvent(theirs)
    const grant = await hf.lock("a").acquire()
    // Which of the two, a busy machine may decide: the other one waits for it no longer than its head start.
    expect(readKeeperPid(address)).not.toBe(before)
    expect((await theirs.execute(acquire("a"))).kind).toBe("parked")
    await grant.release()
    expect((await granted).kind).toBe("lockGranted")
    await hf.close()
  })

  it("is followed by another when its process is killed: what that held is given back, what others hold stays (L2, L6, S4)", async () => {
    const address = makeAddress()
    const keeper = startOther()
    const killed = await keeper.connect(address)
    await openSession(killed)
    const theirs = await killed.execute(acquire("theirs"))
    expect(theirs.kind).toBe("granted")
    await killed.execute(commit("x", 7, []))
    const hf = await open(address)
    const own = await hf.lock("own").acquire()
    const waiting = hf.lock("theirs").acquire()
    // Nobody is told that a request is parked, so the keeper is asked until it is; each look waits for its answer.
    while ((await hf.inspect()).locks.every(({ waiterCount }) => waiterCount === 0));
    keeper.signal("SIGKILL")
    // Asked while there is no keeper.
    const read = hf.cell("x").get()
    const next = await waiting
    expect(next.token).toBeGreaterThan(own.token)
    expect(await read).toBe(7)
    expect(own.isHeld).toBe(true)
    await hf.close()
  })

  it("keeps no outcome for clients that left the keepers before it, which were killed (S4)", async () => {
    const address = makeAddress()
    for (let round = 1; round <= 3; round += 1) {
      const [keeper, guest] = [startOther(), startOther()]
      await keeper.connect(address)
      const store = await guest.connect(address)
      const id = `guest ${String(round)}` as SessionId // Brand constructor.
      await store.execute({ kind: "openSession", session: id, label: id })
      await store.execute({ ...commit("x", round, []), session: id } as Command)
      // Nothing is written after it left.
      await store.close()
      keeper.signal("SIGKILL")
    }
    const hf = await open(address)
    const database = new Database(join(address.slice("file:".length), "journal.db"), { readonly: true })
    const count = database.prepare<[], number>("SELECT count(*) FROM replies").pluck()
    // They go with what is written next, once the keeper has seen that nobody is left; its looks are 50 ms apart.
    for (let value = 1; value <= 100 && count.get() !== 0; value += 1) {
      await hf.cell("y").set(value)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect(count.get()).toBe(0)
    database.close()
    await hf.close()
  })

  it("goes on serving others while a client of theirs is killed: its lock passes on (L6)", async () => {
    const address = makeAddress()
    const hf = await open(address)
    const other = startOther()
    const theirs = await other.connect(address)
    await openSession(theirs)
    expect((await theirs.execute(acquire("a"))).kind).toBe("granted")
    const waiting = hf.lock("a").acquire()
    other.signal("SIGKILL")
    expect((await waiting).isHeld).toBe(true)
    await hf.close()
  })

  it("ends when its lock file is replaced, and what others hold stays theirs with the next (L1, S4)", async () => {
    const address = makeAddress()
    const lock = join(address.slice("file:".length), "keeper.lock")
    const keeper = startOther()
    const theirs = await keeper.connect(address)
    await openSession(theirs)
    const hf = await open(address)
    const grant = await hf.lock("a").acquire()
    const before = readKeeperPid(address)
    writeFileSync(`${lock}.other`, "", { mode: 0o600 })
    renameSync(`${lock}.other`, lock)
    const next = await open(address)
    // What its own program held ended with it: that outlives no keeper.
    const answer = await Promise.resolve(theirs.execute(acquire("b"))).catch((error: unknown) => error)
    expect(["SESSION_LOST", "OUTCOME_UNKNOWN"]).toContain((answer as { code?: string }).code)
    await hf.cell("x").set(1)
    expect(readKeeperPid(address)).not.toBe(before)
    expect(await next.lock("a").try()).toBeUndefined()
    expect(grant.isHeld).toBe(true)
    await next.close()
    await hf.close()
  })

  it("that is stopped while its lock file is removed is followed by none, and ends when it goes on (L1)", async () => {
    const address = makeAddress()
    const keeper = startOther()
    const theirs = await keeper.connect(address)
    await openSession(theirs)
    expect((await theirs.execute(acquire("a"))).kind).toBe("granted")
    const pid = readKeeperPid(address)
    await keeper.freeze()
    rmSync(join(address.slice("file:".length), "keeper.lock"))
    const refused = await faultOf(open(address), "STORE_UNAVAILABLE")
    expect(refused.message).toContain(`removed or replaced while process ${String(pid)} keeps the store`)
    keeper.signal("SIGCONT")
    const hf = await open(address)
    expect((await hf.lock("a").acquire()).isHeld).toBe(true)
    await hf.close()
  })

  it("whose process is stopped is named to whoever waits, within 10 s, and goes on when its process does", async () => {
    const address = makeAddress()
    const keeper = startOther()
    await keeper.connect(address)
    const hf = await open(address)
    const grant = await hf.lock("a").acquire()
    await keeper.freeze()
    const [asked, opened] = await Promise.all([
      faultOf(hf.cell("x").get(), "STORE_UNAVAILABLE"),
      faultOf(open(address), "STORE_UNAVAILABLE"),
    ])
    expect(asked.message).toMatch(/process \d+/)
    expect(opened.message).toMatch(/process \d+ \(frozen\)/)
    keeper.signal("SIGCONT")
    await hf.cell("x").set(1)
    expect(await hf.cell("x").get()).toBe(1)
    expect(grant.isHeld).toBe(true)
    await hf.close()
  })

  it("wakes a waiter in another process (L3)", async () => {
    const address = makeAddress()
    const hf = await open(address)
    const store = await startOther().connect(address)
    await openSession(store)
    const grant = await hf.lock("a").acquire()
    const event = nextEvent(store)
    expect((await store.execute(acquire("a"))).kind).toBe("parked")
    await grant.release()
    expect(await event).toMatchObject({ kind: "lockGranted", session })
    await store.close()
    await hf.close()
  })

  it("and an open store keep no idle process alive, and a killed one leaves nothing that stops the next (S1, S3)", async () => {
    const address = makeAddress()
    const program = `
      import { open } from ${JSON.stringify(new URL("../../../open.ts", import.meta.url).href)}
      const hf = await open(${JSON.stringify(address)})
      await hf.lock("a").acquire()
      await hf.cell("x").set(1)
      process.stdout.write("idle")
    `
    const args = ["--import", import.meta.resolve("tsx"), "--input-type=module", "--eval", program]
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 })
    expect(stdout).toBe("idle")
    const hf = await open(address)
    expect(await hf.cell("x").get()).toBe(1)
    expect(await hf.lock("a").try()).toBeDefined()
    await hf.close()
  })

  it("says why it cannot start, to whoever opens the store, and changes nothing (S2)", async () => {
    const address = makeAddress()
    const hf = await open(address)
    await hf.close()
    const journal = join(address.slice("file:".length), "journal.db")
    for (const suffix of ["-wal", "-shm"]) rmSync(`${journal}${suffix}`, { force: true })
    writeFileSync(journal, "no journal")
    const fault = await faultOf(open(address), "STORE_DAMAGED")
    expect(fault.message).toContain(journal)
    expect(existsSync(join(address.slice("file:".length), "keeper.json"))).toBe(false)
  })
})
