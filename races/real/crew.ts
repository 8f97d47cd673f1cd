/** Real processes and threads that take part in one program after the other, and may be killed or stopped in the middle. */
import type { RealFault } from "../race.ts"
import { Member } from "./member.ts"
import type { Order } from "./order.ts"

/** A program to take part in, by so many actors. */
export interface Performance extends Omit<Order, "actors"> {
  readonly actors: number
}

/** A crew of processes and threads, all of which act at once. */
export class Crew {
  readonly #members: Member[]

  private constructor(members: Member[]) {
    this.#members = members
  }

  /** The first actors of every program are processes, and the next ones threads. */
  static async start({ processes, threads }: { processes: number; threads: number }): Promise<Crew> {
    const members = [
      ...Array.from({ length: processes }, Member.startProcess),
      ...Array.from({ length: threads }, Member.startThread),
    ]
    return new Crew(await Promise.all(members))
  }

  /** Spreads the actors of a program over the crew and lets them act at once. @throws what any of them met with */
  async act({ actors, ...order }: Performance): Promise<void> {
    const shares = this.#members.map((): number[] => [])
    for (let actor = 0; actor < actors; actor++) shares[actor % shares.length]?.push(actor)
    const acts = this.#members.map((member, index) => () => {
      member.tell({ kind: "act", order: { ...order, actors: shares[index] ?? [] } })
    })
    const errors = await (order.fault === null ? this.#actAll(acts) : this.#actWithFault(acts, order.fault))
    const found = errors.filter((error) => error !== null)
    if (found.length > 0) throw new Error(found.join("\n"))
  }

  async end(): Promise<void> {
    await Promise.all(
      this.#members.map(async (member) => {
        await member.end()
      }),
    )
  }

  async #actAll(acts: readonly (() => void)[]): Promise<(string | null)[]> {
    for (const act of acts) act()
    return await Promise.all(this.#members.map(async (member) => await member.untilDone()))
  }

  /**
   * Whoever is to be hit acts first, so that it is in the middle of the work for sure; it is hit when all others act, too.
   * Who is killed is never done. Who is stopped goes on when all others are done, to find the world changed.
   */
  async #actWithFault(acts: readonly (() => void)[], { actor, signal }: RealFault): Promise<(string | null)[]> {
    const hit = actor % this.#members.length
    const victim = this.#members[hit]
    if (victim === undefined) throw new Error("expected a crew with members, found none")
    acts[hit]?.()
    await victim.until("arrived")
    const others = this.#members.filter((member) => member !== victim)
    for (const [index, act] of acts.entries()) if (index !== hit) act()
    await Promise.all(
      others.map(async (member) => {
        await member.until("acting")
      }),
    )
    victim.signal(signal)
    const errors = await Promise.all(others.map(async (member) => await member.untilDone()))
    if (signal === "SIGKILL") {
      await victim.end()
      this.#members[hit] = await Member.startProcess()
      return errors
    }
    victim.signal("SIGCONT")
    victim.tell({ kind: "goOn" })
    return [...errors, await victim.untilDone()]
  }
}
