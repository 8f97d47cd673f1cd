/** A process that does as its parent says: orders come in one after the other, each is answered once. */

// Parameters are never read here; each handler knows its own.
export type Handlers = Readonly<Record<string, (...params: never[]) => unknown>>

export interface Order {
  readonly id: number
  readonly kind: string
  readonly params: readonly unknown[]
}

export type Answer =
  { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string } | "ready"

/** Answers orders until the parent is gone, then closes. Orders may overlap: one that waits does not hold up the next. */
export function serveOrders(handlers: Handlers, close: () => unknown = () => {}): void {
  process.on("message", (order: Order) => {
    // The parent sends what the handler takes, which its types see to.
    const handler = handlers[order.kind] as ((...params: readonly unknown[]) => unknown) | undefined
    const answer = async (): Promise<unknown> => {
      if (handler === undefined) throw new Error(`expected an order of ${Object.keys(handlers).join(", ")}`)
      return await handler(...order.params)
    }
    answer().then(
      (value) => send({ id: order.id, value }),
      (error: unknown) =>
        send({ id: order.id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    )
  })
  process.on("disconnect", () => {
    void Promise.resolve(close()).finally(() => process.exit())
  })
  send("ready")
}

function send(answer: Answer): void {
  process.send?.(answer)
}

/** Milliseconds of the clock that all processes of the machine share. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** Calls again and again until the time is over; gives how long one took on average, in nanoseconds. */
export async function repeatFor(
  durationMs: number,
  callers: number,
  call: (caller: number) => Promise<unknown>,
): Promise<number> {
  let count = 0
  const start = nowMs()
  const end = start + durationMs
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      do {
        await call(caller)
        count += 1
      } while (nowMs() < end)
    }),
  )
  return ((nowMs() - start) * 1e6) / count
}
