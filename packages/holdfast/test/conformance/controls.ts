/** Controls: cancel, pause, resume, retry, abandonment, progress, and watching a run. */
import { expect } from "vitest"
import { expectKind, expectRefused, specOf } from "./client.ts"
import type { Conform } from "./store-conformance.ts"

export function testControls(it: Conform): void {
  it(
    "cancels a running run: its body is told, its waiters are answered, it never completes (O4, O5, O8)",
    ["runs"],
    async (world) => {
      const [executor, caller] = [await world.open(), await world.open()]
      const { request, outcome } = await executor.ask(specOf("render"))
      const { claim } = expectKind(outcome, "claimed")
      const joined = await caller.join(specOf("render"))
      expect(await caller.control(claim.run, "cancel")).toEqual({ kind: "status", status: "canceled" })
      expect(await executor.event("claimControl")).toMatchObject({
        token: claim.token,
        action: "lost",
        reason: "canceled",
      })
      expect(await executor.settled(request)).toEqual({ kind: "canceled" })
      expect(await caller.settled(joined)).toEqual({ kind: "canceled" })
      expectRefused(await executor.send({ kind: "completeRun", token: claim.token, result: 1 }), "STALE_ATTEMPT")
      expect(await caller.readRun(specOf("render"))).toMatchObject({ status: "canceled", result: null })
    },
  )

  it("cancels a queued run, so that no worker is given it (O8)", ["runs"], async (world) => {
    const client = await world.open()
    const { run } = await client.enqueue(specOf("render"))
    await client.control(run, "cancel")
    const worker = await client.openWorker(["render"])
    const slot = await client.parkSlot(worker)
    await client.expectUnanswered(slot)
    expect((await client.awaitRun(run)).outcome).toMatchObject({ settlement: { kind: "canceled" } })
  })

  it(
    "finds completed and canceled final, and opens the next generation for whoever asks again (O3)",
    ["runs"],
    async (world) => {
      const client = await world.open()
      const first = await client.claim(specOf("render"))
      await client.complete(first.token)
      for (const action of ["cancel", "pause", "resume", "retry"] as const) {
        expect(await client.control(first.run, action)).toEqual({ kind: "status", status: "completed" })
      }
      const second = await client.enqueue(specOf("render", 2))
      await client.control(second.run, "cancel")
      expect(await client.control(second.run, "retry")).toEqual({ kind: "status", status: "canceled" })
      const third = await client.claim(specOf("render", 2))
      expect(third.run).not.toBe(second.run)
      expect(third.attempt).toBe(1)
    },
  )

  it("ends a caller's own wait and nobody else's when it withdraws (O8)", ["runs"], async (world) => {
    const [executor, leaving, staying] = [await world.open(), await world.open(), await world.open()]
    const claim = await executor.claim(specOf("render"))
    const [left, stayed] = [await leaving.join(specOf("render")), await staying.join(specOf("render"))]
    expect(await leaving.withdraw(left)).toMatchObject({ found: true })
    await executor.complete(claim.token, 4)
    expect(await staying.settled(stayed)).toEqual({ kind: "completed", result: 4 })
    await leaving.expectNothing()
  })

  it(
    "cancels a run when its last waiter leaves, where its definition says so (O8)",
    ["runs", "steady"],
    async (world) => {
      const [executor, other] = [await world.open(), await world.open()]
      const spec = specOf("render", 0, { abandon: "cancel" })
      const { request, outcome } = await executor.ask(spec)
      const { claim } = expectKind(outcome, "claimed")
      await other.join(spec)
      await executor.withdraw(request)
      await executor.expectNothing()
      await other.end()
      expect(await executor.event("claimControl")).toMatchObject({
        token: claim.token,
        action: "lost",
        reason: "canceled",
      })
      expect(await executor.readRun(spec)).toMatchObject({ status: "canceled" })
    },
  )

  it("goes on without any waiter where the definition says keep (O8)", ["runs"], async (world) => {
    const client = await world.open()
    const { request, outcome } = await client.ask(specOf("render"))
    await client.withdraw(request)
    await client.complete(expectKind(outcome, "claimed").claim.token, 9)
    expect((await client.ask(specOf("render"))).outcome).toMatchObject({ settlement: { result: 9 } })
  })

  it("keeps a paused run from starting until it is resumed (O6)", ["runs"], async (world) => {
    const [client, other] = [await world.open(), await world.open()]
    const { run } = await client.enqueue(specOf("render"))
    expect(await client.control(run, "pause")).toEqual({ kind: "status", status: "pending" })
    expect(await client.control(run, "pause")).toEqual({ kind: "status", status: "pending" })
    const worker = await other.openWorker(["render"])
    const slot = await other.parkSlot(worker)
    await other.expectUnanswered(slot)
    expect(await client.readRun(specOf("render"))).toMatchObject({ paused: true, status: "pending" })
    await client.control(run, "resume")
    expect(await other.assigned(slot)).toMatchObject({ run, paused: false })
  })

  it(
    "tells a running body to pause and to resume, and a later attempt that it is paused (O6)",
    ["runs"],
    async (world) => {
      const [executor, client] = [await world.open(), await world.open()]
      const claim = await executor.claim(specOf("render"))
      await client.control(claim.run, "pause")
      expect(await executor.event("claimControl")).toMatchObject({
        token: claim.token,
        action: "pause",
        reason: "asked",
      })
      await client.control(claim.run, "resume")
      expect(await executor.event("claimControl")).toMatchObject({ token: claim.token, action: "resume" })
      await client.control(claim.run, "pause")
      const joined = await client.join(specOf("render"))
      await executor.end("closed")
      await client.expectUnanswered(joined)
      await client.control(claim.run, "resume")
      await client.complete((await client.assigned(joined)).token)
      expect(await client.readRun(specOf("render"))).toMatchObject({ status: "completed", paused: false })
    },
  )

  it(
    "tells a body once of what is asked twice, and settles a run that is paused as any other (O2, O6)",
    ["runs"],
    async (world) => {
      const [executor, client] = [await world.open(), await world.open()]
      const { token, run } = await executor.claim(specOf("render"))
      for (const action of ["resume", "pause", "pause"] as const) await client.control(run, action)
      expect(await executor.event("claimControl")).toMatchObject({ token, action: "pause" })
      await executor.expectNothing()
      await executor.complete(token, 1)
      expect(await client.readRun(specOf("render"))).toMatchObject({ status: "completed", paused: false })
    },
  )

  it("retries a failed run when asked, for whoever takes it (O3)", ["runs"], async (world) => {
    const client = await world.open()
    const claim = await client.claim(specOf("render"))
    await client.fail(claim.token)
    const worker = await client.openWorker(["render"])
    const slot = await client.parkSlot(worker)
    expectKind(await client.control(claim.run, "retry"), "status")
    expect(await client.assigned(slot)).toMatchObject({ run: claim.run, attempt: 2 })
  })

  it("shows progress to whoever watches or reads, up to the end (O2, O5)", ["runs", "steady"], async (world) => {
    const [executor, watcher] = [await world.open(), await world.open()]
    const claim = await executor.claim(specOf("render"))
    const request = watcher.nextRequest()
    const { view } = expectKind(await watcher.send({ kind: "watchRun", request, run: claim.run }), "run")
    expect(view).toMatchObject({ status: "running", progress: null })
    for (const progress of [1, 2]) {
      expectKind(await executor.send({ kind: "reportProgress", token: claim.token, progress }), "done")
    }
    expect(await watcher.readRun(specOf("render"))).toMatchObject({ progress: 2 })
    await executor.complete(claim.token, 3)
    const last = await watcher.take(
      "the end",
      (event) => event.kind === "runChanged" && event.view.status !== "running",
    )
    expect(last).toMatchObject({ kind: "runChanged", request, view: { status: "completed", result: 3, progress: 2 } })
    expectRefused(await executor.send({ kind: "reportProgress", token: claim.token, progress: 9 }), "STALE_ATTEMPT")
  })

  it("tells a watcher that withdrew nothing more, and others still (C4)", ["runs"], async (world) => {
    const [executor, leaving, staying] = [await world.open(), await world.open(), await world.open()]
    const { run } = await executor.enqueue(specOf("render"))
    const [left, stayed] = [leaving.nextRequest(), staying.nextRequest()]
    await leaving.send({ kind: "watchRun", request: left, run })
    await staying.send({ kind: "watchRun", request: stayed, run })
    expect(await leaving.withdraw(left, "done")).toMatchObject({ found: true })
    await executor.control(run, "cancel")
    const event = await staying.event("runChanged", stayed)
    expect(event.view.status).toBe("canceled")
    await leaving.expectNothing()
  })
}
