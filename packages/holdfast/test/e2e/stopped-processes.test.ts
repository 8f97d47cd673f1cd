/** Processes that are stopped or killed while they hold locks and execute runs: who keeps what, and who goes on. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { systemEnv } from "../../src/env/index.ts"
import type {
  AcquireLock,
  ClaimView,
  Command,
  RequestId,
  RunSpec,
  SessionId,
  StoreEvent,
  Token,
  WorkerId,
} from "../../src/kernel/index.ts"
import type { Store } from "../../src/store/index.ts"
import { connectFolder } from "../conformance/built-store.ts"
import { expectKind, expectRefused, specOf } from "../conformance/client.ts"
import { OtherProcess } from "../conformance/other-process.ts"

/** One session of a store, here or in another process. */
class Opener {
  readonly store: Store
  readonly session: SessionId
  readonly #events: StoreEvent[] = []
  #bell: () => void = () => undefined
  #requests = 0

  constructor(store: Store, session: SessionId) {
    this.store = store
    this.session = session
    store.onEvent((event) => {
      this.#events.push(event)
      this.#bell()
    })
  }

  static async open(store: Store, name: string): Promise<Opener> {
    const session = name as SessionId // Brand constructor.
    const opener = new Opener(store, session)
    expectKind(await store.execute({ kind: "openSession", session, label: name }), "done")
    return opener
  }

  async event<K extends StoreEvent["kind"]>(kind: K): Promise<Extract<StoreEvent, { readonly kind: K }>> {
    for (;;) {
      const at = this.#events.findIndex((event) => event.kind === kind)
      // Of the kind that was looked for.
      if (at >= 0) return this.#events.splice(at, 1)[0] as Extract<StoreEvent, { readonly kind: K }>
      await new Promise<void>((resolve) => {
        this.#bell = resolve
      })
    }
  }

  nextRequest(): RequestId {
    this.#requests += 1
    return this.#requests as RequestId // Brand constructor.
  }

  acquire(leaseMs: number | null): AcquireLock {
    const { session } = this
    const how = { mode: "exclusive", permits: 1, limit: null, holding: [], wait: true } as const
    return { kind: "acquireLock", session, request: this.nextRequest(), names: ["a"], leaseMs, ...how }
  }

  commit(holding: readonly Token[]): Command {
    const writes = [{ kind: "put", name: "x", value: 1 }] as const
    const nothing = { reads: [], starts: [], step: null, complete: null }
    return { kind: "commitCells", session: this.session, holding, writes, ...nothing }
  }

  /** The claim of a run, whether it is there or comes when its executor is known to be dead. */
  async claim(spec: RunSpec): Promise<ClaimView> {
    const { session } = this
    const asked = { kind: "claimRun", session, request: this.nextRequest(), spec, holding: [], force: false } as const
    const outcome = await this.store.execute(asked)
    return outcome.kind === "claimed" ? outcome.claim : (await this.event("runAssigned")).claim
  }
}

/** A store whose keeper is in this process, with one session here. */
async function openStore() {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-stopped-"))
  const address = `file:${join(folder, "store")}`
  const store = await connectFolder({ address, env: systemEnv, check: true })
  onTestFinished(async () => {
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const openOther = async (name: string) => {
    const process = new OtherProcess()
    onTestFinished(() => {
      process.signal("SIGKILL")
    })
    return { process, opener: await Opener.open(await process.connect(address), name) }
  }
  return { here: await Opener.open(store, "here"), openOther }
}

describe("a process that is stopped", () => {
  it("keeps the lock it holds, however long it takes, and gives it back itself (L1, L6)", async () => {
    const { here, openOther } = await openStore()
    const { process, opener } = await openOther("stopped")
    const { token } = expectKind(await opener.store.execute(opener.acquire(null)), "granted")
    await process.freeze()
    expectKind(await here.store.execute(here.acquire(null)), "parked")
    // Ten times as long as a death takes to be noticed.
    await new Promise((resolve) => setTimeout(resolve, 500))
    process.signal("SIGCONT")
    const { session } = opener
    // Had it been passed on meanwhile, this would be refused.
    expectKind(await opener.store.execute(opener.commit([token])), "committed")
    expectKind(await opener.store.execute({ kind: "releaseLock", session, token }), "released")
    expect((await here.event("lockGranted")).token).toBeGreaterThan(token)
  })

  it("loses a lock that it asked for with a lease, and what it writes under it is fenced (L8, L2)", async () => {
    const { here, openOther } = await openStore()
    const { process, opener } = await openOther("stopped")
    const { token } = expectKind(await opener.store.execute(opener.acquire(300)), "granted")
    await process.freeze()
    const outcome = await here.store.execute(here.acquire(null))
    const next = outcome.kind === "granted" ? outcome.token : (await here.event("lockGranted")).token
    expect(next).toBeGreaterThan(token)
    process.signal("SIGCONT")
    expectRefused(await opener.store.execute(opener.commit([token])), "FENCED")
    expectKind(await here.store.execute(here.commit([next])), "committed")
  })

  it("loses a run whose attempts have a bound, and what it reports of it is refused (O5, O6)", async () => {
    const { here, openOther } = await openStore()
    const { process, opener } = await openOther("stopped")
    const retry = { maxAttempts: 2, initialMs: 0, factor: 1, maxMs: 0 }
    const spec = specOf("render", 0, { attemptTimeoutMs: 300, retry })
    const { session } = opener
    const worker = 1 as WorkerId // Brand constructor.
    const operations = [{ operation: "render", version: 1 }]
    expectKind(await opener.store.execute({ kind: "openWorker", session, worker, operations, slots: 1 }), "done")
    expectKind(
      await opener.store.execute({ kind: "takeRun", session, worker, request: opener.nextRequest() }),
      "parked",
    )
    await here.store.execute({ kind: "enqueueRun", session: here.session, spec, force: false })
    const { claim: first } = await opener.event("runAssigned")
    await process.freeze()
    const second = await here.claim(spec)
    expect(second).toMatchObject({ run: first.run, attempt: 2 })
    process.signal("SIGCONT")
    const late = { kind: "completeRun", session, token: first.token, result: 1 } as const
    expectRefused(await opener.store.execute(late), "STALE_ATTEMPT")
    const report = { kind: "completeRun", session: here.session, token: second.token, result: 2 } as const
    expect(await here.store.execute(report)).toEqual({ kind: "status", status: "completed" })
  })
})

describe("a process that is killed", () => {
  it("leaves its run to the next, and the third in a row is the last (O6, O4)", async () => {
    const { here, openOther } = await openStore()
    const spec = specOf("poison")
    let awaited = false
    for (const attempt of [1, 2, 3]) {
      const { process, opener } = await openOther(`victim ${String(attempt)}`)
      const claim = await opener.claim(spec)
      expect(claim.attempt).toBe(attempt)
      const { session } = here
      const request = here.nextRequest()
      const wait = { kind: "awaitRun", session, request, run: claim.run, holding: [], execute: false } as const
      if (!awaited) expectKind(await here.store.execute(wait), "joined")
      awaited = true
      process.signal("SIGKILL")
    }
    expect((await here.event("runSettled")).settlement).toMatchObject({
      kind: "failed",
      failure: { code: "RUN_CRASHED" },
    })
  })
})
