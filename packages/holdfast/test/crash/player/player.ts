/**
 * The program of one player: a process that opens the store, works on it and is killed. Obeys orders from its input and
 * reports on its output. Started early and kept waiting, so that a victim is replaced at once.
 */
import { createInterface } from "node:readline"
import type { Grant, Holdfast } from "../../../src/index.ts"
import type { Addressed, Answer, Order } from "../words.ts"
import { defineOperations, type Made, type Operations } from "./operations.ts"
import { accuse, say, sinceBoot } from "./say.ts"
import { describe, Workload } from "./workload.ts"

const [, , dist = "", folder = "", witnesses = "", player = "", seed = "0"] = process.argv
// Built from these very files, with a bug planted in them where a test of the harness says so.
const { open, isHoldfastError } = (await import(`${dist}index.js`)) as typeof import("../../../src/index.ts")
const { createPrng } = (await import(`${dist}env/prng.js`)) as typeof import("../../../src/env/prng.ts")

const QUEUE_SLOTS = 2

let hf: Holdfast | null = null
let operations: Operations | null = null
let workload: Workload | null = null
let held: Grant | null = null

async function openStore(): Promise<void> {
  hf = await open(`file:${folder}`, { label: player })
  operations = defineOperations(hf, player)
  await hf.work([operations.job, operations.stay, operations.poison], { concurrency: QUEUE_SLOTS })
  const prng = createPrng(Number(seed))
  const random = (limit: number): number => prng.nextBelow(limit)
  workload = new Workload({ hf, operations, player, witnesses, random, isHoldfastError })
}

async function obey(order: Order): Promise<Answer> {
  if (order.kind === "open") {
    await openStore()
    return { kind: "done" }
  }
  const store = hf
  if (store === null || operations === null || workload === null) throw new Error(`"${order.kind}" comes before "open"`)
  switch (order.kind) {
    case "go":
      workload.go(order.base)
      return { kind: "done" }
    case "rest":
      await workload.rest()
      return { kind: "done" }
    case "audit": {
      const cells = order.cells.map((name) => store.cell<number>(name))
      // One moment for all of them; their versions are read after, and can only be higher.
      const values = await store.read(cells)
      const versions = await Promise.all(cells.map(async (cell) => (await cell.read()).version))
      return {
        kind: "cells",
        cells: order.cells.map((name, at) => ({ name, version: versions[at] ?? 0, value: values[at] ?? 0 })),
      }
    }
    case "ask": {
      const { nonce } = await operations[order.op](order.number)
      return { kind: "result", nonce }
    }
    case "start":
      return { kind: "started", run: (await operations[order.op].start([order.number])).id }
    case "await": {
      const { nonce } = (await store.run(order.run).result()) as Made // What every operation here returns.
      return { kind: "result", nonce }
    }
    case "decide": {
      const handle = await operations.pay.start([order.number])
      await handle.retry()
      // Queued by the decision, and taken by whoever asks.
      const { nonce } = await operations.pay(order.number)
      return { kind: "result", nonce }
    }
    case "hold": {
      held = await store.lock(order.lock).acquire(order.leaseMs === null ? {} : { leaseMs: order.leaseMs })
      return { kind: "granted", token: held.token, at: sinceBoot() }
    }
    case "want": {
      const grant = await store.lock(order.lock).acquire()
      const at = sinceBoot()
      await grant.release()
      return { kind: "granted", token: grant.token, at }
    }
    case "write-held": {
      const cell = store.cell("zombie", { initial: 0 })
      await held?.scope.run(() => cell.update((count) => count + 1))
      return { kind: "done" }
    }
    case "describe":
      return { kind: "text", text: `${workload.underWay}; ${JSON.stringify(await store.inspect())}` }
    case "close":
      await close()
      return { kind: "done" }
  }
}

/** Bodies and callbacks under way get as long as they take; what was acknowledged is flushed before this ends. */
async function close(): Promise<void> {
  const { bodies = 0, grants = 0 } = (await hf?.close()) ?? {}
  if (bodies + grants === 0) return
  accuse("unexpected errors", `${player}: ${String(bodies)} bodies and ${String(grants)} grants outlived their close`)
}

async function answer({ id, order }: Addressed): Promise<void> {
  try {
    say({ kind: "answer", id, answer: await obey(order) })
  } catch (error) {
    const code = isHoldfastError(error) ? error.code : "internal"
    say({ kind: "answer", id, answer: { kind: "refused", code, message: describe(error) } })
  }
  if (order.kind === "close") process.exit(0)
}

// As a service does when it is told to end.
process.on("SIGTERM", () => {
  void close().then(() => process.exit(0))
})
const orders = createInterface({ input: process.stdin })
orders.on("line", (line) => {
  void answer(JSON.parse(line) as Addressed) // What the harness sends.
})
orders.on("close", () => process.exit(0))
