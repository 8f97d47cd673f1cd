/** The program of {@link OtherProcess}: ends when its parent lets go of it. */
import { systemEnv } from "../../src/env/index.ts"
import { isHoldfastError } from "../../src/kernel/index.ts"
import type { Store, StoreOutcome } from "../../src/store/index.ts"
import { connectFolder } from "./built-store.ts"
import type { Order, Report } from "./other-process.ts"

const stores = new Map<number, Store>()

process.on("message", (order: Order) => {
  void obey(order)
})

async function obey(order: Order): Promise<void> {
  const { id } = order
  try {
    say({ kind: "answer", id, answer: await answer(order) })
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    say({ kind: "fault", id, code: error.code, message: error.message })
  }
}

async function answer(order: Order): Promise<StoreOutcome | string | null> {
  const store = stores.get(order.store)
  switch (order.kind) {
    case "connect": {
      const { address, clockFile } = order
      const time = clockFile === null ? {} : { clockFile }
      const opened = await connectFolder({ address, env: systemEnv, check: true, ...time })
      stores.set(order.store, opened)
      opened.onEvent((event) => {
        say({ kind: "event", store: order.store, event })
      })
      return opened.id
    }
    case "execute":
      return (await store?.execute(order.command)) ?? null
    case "observe":
      store?.onTransition(
        order.on
          ? (transition) => {
              say({ kind: "transition", store: order.store, transition })
            }
          : null,
      )
      return null
    case "close":
      await store?.close()
      stores.delete(order.store)
      return null
  }
}

function say(report: Report): void {
  process.send?.(report)
}
