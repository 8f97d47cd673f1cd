import { describe, expect, it } from "vitest"
import { createSimulatedEnv } from "../../../env/simulated-env.ts"
import type { ClientMessage, KeeperMessage } from "../keeper/peer.ts"
import { KeeperLink } from "./keeper-link.ts"
import type { Line, LineEvents } from "./line.ts"

const RESTORED: KeeperMessage = { kind: "restored", sessions: [] }

function acknowledge(through: number): ClientMessage {
  return { kind: "acknowledge", through }
}

/** A link whose lines are the test's. */
class Linked {
  readonly env = createSimulatedEnv({ seed: 1 })
  readonly said: string[] = []
  readonly sent: (readonly ClientMessage[])[] = []
  readonly lines: LineEvents[] = []
  /** Done before the line is there. */
  early: (events: LineEvents) => void = () => undefined
  closed = 0
  readonly link: KeeperLink = new KeeperLink({
    env: this.env,
    dial: async (events, signal) => {
      this.early(events)
      this.lines.push(events)
      // Whoever looks for a keeper takes his time.
      await new Promise((resolve) => this.env.timers.after(1, () => resolve(undefined)))
      this.said.push(signal.aborted ? "aborted" : "dialed")
      return this.#line()
    },
    onConnected: () => this.said.push("connected"),
    onMessages: (messages) => this.said.push(...messages.map(({ kind }) => kind)),
    onLost: () => this.said.push("lost"),
  })

  #line(): Line {
    return {
      instance: "store",
      keeper: `keeper ${String(this.lines.length)}`,
      send: (messages) => this.sent.push(messages),
      keepAlive: () => undefined,
      close: () => (this.closed += 1),
    }
  }

  async connect(): Promise<void> {
    const connecting = this.link.connect()
    await this.env.advanceBy(1)
    await connecting
  }
}

describe("a link to the keeper", () => {
  it("says what was said in one turn in one piece, and nothing on another line than it was said on", async () => {
    const linked = new Linked()
    linked.link.post(acknowledge(1))
    await linked.connect()
    for (const through of [2, 3]) linked.link.post(acknowledge(through))
    await linked.env.advanceBy(0)
    expect(linked.sent).toEqual([[acknowledge(2), acknowledge(3)]])
    linked.link.post(acknowledge(4))
    linked.lines[0]?.onClosed()
    await linked.connect()
    linked.link.post(acknowledge(5))
    await linked.env.advanceBy(0)
    expect(linked.sent.slice(1)).toEqual([[acknowledge(5)]])
  })

  it("hears what came with the welcome first, and after it knows that it is connected", async () => {
    const linked = new Linked()
    linked.early = ({ onMessages }) => {
      onMessages([RESTORED])
    }
    await linked.connect()
    linked.lines[0]?.onMessages([{ kind: "event", event: {} as never }])
    expect(linked.said).toEqual(["dialed", "connected", "restored", "event"])
  })

  it("counts every line that was lost, also one that was before it was there, and names the last keeper (C3)", async () => {
    const linked = new Linked()
    expect([linked.link.term, linked.link.keeper]).toEqual([0, "none so far"])
    await linked.connect()
    linked.lines[0]?.onClosed()
    // A line is lost once.
    linked.lines[0]?.onClosed()
    expect([linked.link.term, linked.link.keeper, linked.link.instance]).toEqual([1, "keeper 1", "store"])
    linked.early = ({ onMessages, onClosed }) => {
      onMessages([RESTORED])
      onClosed()
    }
    await linked.connect()
    expect(linked.said).toEqual(["dialed", "connected", "lost", "dialed", "lost"])
    expect([linked.link.term, linked.link.keeper]).toEqual([2, "keeper 2"])
  })

  it("is over when it is closed, whatever its line, or the one it was looking for, does then (S1)", async () => {
    const linked = new Linked()
    await linked.connect()
    linked.link.post(acknowledge(1))
    linked.link.close()
    linked.lines[0]?.onClosed()
    await linked.env.advanceBy(0)
    expect([linked.sent, linked.closed, linked.link.term]).toEqual([[], 1, 0])
    const looking = new Linked()
    const connecting = looking.link.connect()
    looking.link.close()
    await looking.env.advanceBy(1)
    await connecting
    expect([looking.said, looking.closed]).toEqual([["aborted"], 1])
  })
})
