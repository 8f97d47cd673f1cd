/** What the programs of the peers share: bodies that were entered, and runs that were settled. */
import { createServer } from "node:net"
import { nowMs } from "../durable/orders.ts"

/** When bodies were entered here, told one by one. */
export class Bodies {
  #times = []
  #tell = null

  enter() {
    this.#times.push(nowMs())
    this.#tell?.()
  }

  async next() {
    while (this.#times.length === 0) {
      await new Promise((resolve) => {
        this.#tell = resolve
      })
    }
    return this.#times.shift()
  }
}

/** Runs by name, for peers that tell who settled by an event. */
export class Settlements {
  #waiting = new Map()

  /** To be called before the run is started. */
  async of(name) {
    await new Promise((resolve) => {
      this.#waiting.set(name, resolve)
    })
  }

  settle(name) {
    this.#waiting.get(name)?.()
    this.#waiting.delete(name)
  }
}

let serial = 0

export function nextName() {
  serial += 1
  return `${process.pid}-${serial}`
}

/** A port of the loopback that nobody listens at. */
export async function freePort() {
  const server = createServer()
  await new Promise((resolve) => {
    server.listen(0, "127.0.0.1", resolve)
  })
  const { port } = server.address()
  await new Promise((resolve) => {
    server.close(resolve)
  })
  return port
}
